#pragma once
// google.protobuf.Timestamp as text: RFC 3339. Written in UTC with 'Z' and 0, 3, 6 or 9 digits of a second; read with
// any offset and up to nine digits. Used by the transcoder; pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace coffer::net::rest {

struct Instant {
  std::int64_t seconds = 0;  // since 1970 UTC; years 1 to 9999
  std::int32_t nanos = 0;    // 0 to 999,999,999
  friend bool operator==(const Instant&, const Instant&) = default;
};

/// Nothing when the text is no such time.
std::optional<Instant> parse_time(std::string_view text);
/// Appends the text. False when the instant is outside of the years 1 to 9999; then nothing was appended.
bool append_time(const Instant& instant, std::string* out);

}  // namespace coffer::net::rest

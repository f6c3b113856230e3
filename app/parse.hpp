#pragma once
// Text that people write, as values: durations, sizes, addresses, times. Used by the configuration and the command
// line. Pure functions, any thread; errors are invalid_argument with a sentence that shows what would be right.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/entry.hpp"
#include "model/result.hpp"

namespace coffer::app {

/// "300ms", "30s", "5m", "12h", "30d", "2w" and sums of them ("1h30m"); at most 100 years.
model::Result<std::chrono::milliseconds> parse_duration(std::string_view text);
/// The shortest form that parse_duration reads back: "1500ms", "90s", "5m".
std::string format_duration(std::chrono::milliseconds duration);

/// Bytes: "65536", "16KiB", "64MiB", "2GiB".
model::Result<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

struct Address {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  bool is_loopback() const;  // 127.0.0.0/8, ::1 or "localhost"
};
/// "127.0.0.1:7780", "[::1]:7780", "coffer.example.org:7780", ":7780" (every interface).
model::Result<Address> parse_address(std::string_view text);

/// RFC 3339, with any offset: "2030-01-31T12:00:00Z", "2030-01-31T12:00:00.5+01:00".
model::Result<model::TimeMs> parse_time(std::string_view text);
/// RFC 3339 in UTC, milliseconds only when there are any.
std::string format_time(model::TimeMs time);

/// A duration from `now` on, or a time; refused when it is not in the future.
model::Result<model::TimeMs> parse_expiry(std::string_view text, model::TimeMs now);

}  // namespace coffer::app

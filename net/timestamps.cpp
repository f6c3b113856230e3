// See timestamps.hpp.

#include "net/timestamps.hpp"

#include <cstdint>
#include <string>

namespace coffer::net {
namespace {

constexpr std::int64_t kLargestSecond = 253402300799;  // 9999-12-31T23:59:59Z, the end of Timestamp's range

}  // namespace

model::Result<model::TimeMs> from_timestamp(const google::protobuf::Timestamp& time, std::string_view field) {
  const std::int64_t seconds = time.seconds();
  const std::int32_t nanos = time.nanos();
  if (nanos < 0 || nanos > 999'999'999 || seconds > kLargestSecond) {
    return model::Error(model::Code::invalid_argument, std::string(field) + " is not a valid time");
  }
  if (seconds < 0 || (seconds == 0 && nanos < 1'000'000)) {
    return model::Error(model::Code::invalid_argument, std::string(field) + " must be later than 1970-01-01T00:00:00Z");
  }
  return seconds * 1000 + nanos / 1'000'000;
}

void to_timestamp(model::TimeMs time, google::protobuf::Timestamp* out) {
  out->set_seconds(time / 1000);
  out->set_nanos(static_cast<std::int32_t>(time % 1000) * 1'000'000);
}

}  // namespace coffer::net

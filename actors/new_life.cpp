// See new_life.hpp.

#include "actors/new_life.hpp"

#include <algorithm>

namespace coffer::actors {

namespace {

using Clock = std::chrono::system_clock;

constexpr std::chrono::seconds kFirstLife{1'767'225'600};  // 2026-01-01T00:00:00Z
constexpr std::uint64_t kPerSecond = 512;
// A revision is one number with the epoch above 40 bits of counter (model/watch.hpp), below 2^53.
constexpr std::uint32_t kMostEpoch = 1 << 12;

std::uint64_t seconds(Clock::time_point now) {
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()) - kFirstLife;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0));
}

}  // namespace

std::uint64_t first_of_life(std::chrono::system_clock::time_point now) { return seconds(now) * kPerSecond; }

std::uint32_t first_move_of_life(std::chrono::system_clock::time_point now) {
  return static_cast<std::uint32_t>(seconds(now));
}

void begin_new_life(store::v1::TenantHeader& header, std::chrono::system_clock::time_point now) {
  header.set_epoch(header.epoch() < kMostEpoch ? header.epoch() + 1 : 1);
  header.set_continuous_epoch(0);
  header.set_revision(std::max(header.revision() + 1, first_of_life(now)));
  header.set_oldest_change(header.revision() + 1);
}

}  // namespace coffer::actors

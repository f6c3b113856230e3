#pragma once
// Keeps what moves gigabytes (a backup, a snapshot that comes from another node) from taking the disk and the CPU from those
// who are served meanwhile: so many bytes in a second, evenly. A value with the time passed in; the keeper's thread and the
// snapshots' actor.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace coffer::actors {

class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  /// 0: as fast as it goes.
  explicit Pace(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}

  /// How long to wait before giving away so many bytes more. Time that was not used is not caught up with.
  Clock::duration wait_for(std::size_t bytes, Clock::time_point now) {
    if (rate_ == 0) return {};
    next_ = std::max(next_, now);
    const auto wait = next_ - now;
    next_ += std::chrono::nanoseconds(static_cast<std::uint64_t>(bytes) * 1'000'000'000 / rate_);
    return wait;
  }

 private:
  std::uint64_t rate_;
  Clock::time_point next_{};
};

}  // namespace coffer::actors

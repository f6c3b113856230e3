// What both drivers share; see driver.hpp.

#include "app/bench/driver.hpp"

namespace coffer::app::bench {

void Report::merge(const Report& other) {
  done += other.done;
  errors += other.errors;
  latency.merge(other.latency);
  for (const auto& [reason, count] : other.reasons) reasons[reason] += count;
}

void Report::fail(std::string reason) {
  ++errors;
  constexpr std::size_t kKinds = 20;  // reasons may name the call; keep a sample
  if (reasons.size() < kKinds || reasons.contains(reason)) ++reasons[std::move(reason)];
}

Pace::Pace(const Plan& plan, unsigned stream, unsigned streams, Clock::time_point start) : due_(start) {
  if (plan.rate <= 0) return;
  interval_ = std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * streams / plan.rate));
  due_ += interval_ * stream / streams;
}

Pace::Clock::time_point Pace::next() {
  if (interval_.count() == 0) return Clock::now();
  const auto due = due_;
  due_ += interval_;
  return due;
}

}  // namespace coffer::app::bench

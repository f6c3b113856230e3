// See group_timer.hpp.

#include "actors/group_timer.hpp"

#include <algorithm>

namespace coffer::actors {

namespace {

constexpr cluster::MonotonicMs kGathering = 3;  // lines: the least number that is longer than a heartbeat
// Where lines are closer, one that fires a little late misses the next, and two more are much of an election timeout.
constexpr cluster::MonotonicMs kShortestGathering = 10;

}  // namespace

GroupTimer::GroupTimer(cluster::MonotonicMs heartbeat, model::NodeId self)
    : grid_(std::max<cluster::MonotonicMs>(1, heartbeat * 2 / 5)),
      // A third of the grid and a bit: neighbours in number are far from each other, and seven nodes all differ.
      phase_(self.value * (grid_ / 3 + 1) % grid_) {}

std::optional<GroupTimer::Alarm> GroupTimer::want(cluster::MonotonicMs due, cluster::MonotonicMs now, bool leads) {
  // What is near is waited for: a transfer's end, a deadline that has passed.
  const bool is_distant = due >= now + grid_;
  if (is_distant) {
    cluster::MonotonicMs line = (due - phase_ + grid_ - 1) / grid_;
    if (leads && grid_ >= kShortestGathering && line % kGathering != 0) ++line;
    due = line * grid_ + phase_;
  }
  if (set_for_ != 0 && set_for_ <= due) return std::nullopt;
  set_for_ = due;
  return Alarm{++number_, due > now ? due - now : 0, is_distant ? due : 0};
}

bool GroupTimer::fired(std::uint64_t number) {
  if (number != number_ || set_for_ == 0) return false;
  set_for_ = 0;
  return true;
}

}  // namespace coffer::actors

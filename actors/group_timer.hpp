#pragma once
// When a group's actor has itself woken. Hundreds of groups on one node would wake it thousands of times a second for
// nothing: each heartbeat moves its follower's deadline, and each leader's deadline comes at a time of its own. So a
// deadline that moved away is looked at when the timer of the old one fires, and distant ones are put off to the next line
// of a grid, where many groups fire together and their heartbeats leave together. Used by GroupHost; a value.

#include <cstdint>
#include <optional>

#include "cluster/group_core.hpp"

namespace coffer::actors {

class GroupTimer {
 public:
  struct Alarm {
    std::uint64_t number = 0;  // of the timer: what fires with another one is out of date
    cluster::MonotonicMs wait = 0;
    cluster::MonotonicMs line = 0;  // of the grid, as the monotonic clock counts; 0: not on the grid
  };

  GroupTimer() = default;
  /// Lines lie two fifths of a heartbeat apart. Nodes have lines of their own: two that lose a leader in the same moment
  /// and share a clock do not campaign in the same moment, too. Leaders gather at every third line, which is where one
  /// that fired at such a line is due next: each time they miss it they go one line further, so that soon all heartbeats
  /// of a node leave at once. So a follower's deadline is late by less than one line and a heartbeat by less than two,
  /// and an election timeout of at least three heartbeats is long against both.
  GroupTimer(cluster::MonotonicMs heartbeat, model::NodeId self);

  /// The group is to be called at `due`, no matter what it wanted before. Answers what to set a timer for, if a new one is
  /// needed. Milliseconds of the monotonic clock.
  std::optional<Alarm> want(cluster::MonotonicMs due, cluster::MonotonicMs now, bool leads);

  /// True: the timer of that number counts, the group is to be called, and nothing is set any more. It may be early: then
  /// the group says again what it wants.
  bool fired(std::uint64_t number);

 private:
  cluster::MonotonicMs grid_ = 1, phase_ = 0;
  cluster::MonotonicMs set_for_ = 0;  // 0: no timer is set
  std::uint64_t number_ = 0;
};

}  // namespace coffer::actors

#pragma once
// Which of the groups whose states other nodes send is received next. One after the other: each follows its leader as soon
// as it is whole, while the next one comes, and has only its own time's entries to catch up with. All at once would be whole
// at the same time, and everything that was written meanwhile would be applied in one go, which the writes on the same
// machine notice. Used by the snapshots' actor; a value with the time passed in.

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <optional>

#include "actors/pace.hpp"
#include "model/ids.hpp"

namespace coffer::actors {

class SnapshotQueue {
 public:
  /// It may begin. Once is enough.
  void wait(model::GroupId group) {
    if (std::find(waiting_.begin(), waiting_.end(), group) == waiting_.end()) waiting_.push_back(group);
  }
  bool is_empty() const { return waiting_.empty(); }
  /// Rows of it came.
  void moved(model::GroupId group, Pace::Clock::time_point now) { moved_at_[group] = now; }
  /// It is whole, or what is to come is another state of it.
  void forget(model::GroupId group) {
    moved_at_.erase(group);
    std::erase(waiting_, group);
  }
  /// Which one begins now: the directory's at once, for without it the node serves nobody; another when none gets on.
  std::optional<model::GroupId> next(Pace::Clock::time_point now) {
    auto chosen = std::find(waiting_.begin(), waiting_.end(), model::kMetaGroup);
    const bool one_moves = std::any_of(moved_at_.begin(), moved_at_.end(), [now](const auto& moved) {
      return moved.first != model::kMetaGroup && now - moved.second < kStalls;
    });
    if (chosen == waiting_.end() && !one_moves) chosen = waiting_.begin();
    if (chosen == waiting_.end()) return std::nullopt;
    const model::GroupId group = *chosen;
    waiting_.erase(chosen);
    moved_at_[group] = now;
    return group;
  }

 private:
  static constexpr std::chrono::seconds kStalls{2};  // without rows: another one is begun beside it
  std::deque<model::GroupId> waiting_;
  std::map<model::GroupId, Pace::Clock::time_point> moved_at_;  // of those that have begun
};

}  // namespace coffer::actors

#pragma once
// How many times the configured pace a group's snapshot is taken at. One that comes again right after the last was whole
// says that the log behind it was cut meanwhile: it was taken too slowly for what is written, and at the same pace it would
// be so for ever. Used by the snapshots' actor; a value with the time passed in.

#include <algorithm>
#include <chrono>
#include <map>

#include "actors/pace.hpp"
#include "model/ids.hpp"

namespace coffer::actors {

class SnapshotSpeed {
 public:
  /// A snapshot is to come, at once or when its turn is. 1, and twice the last one's when that was whole a moment ago.
  unsigned announced(model::GroupId group, Pace::Clock::time_point now) {
    auto [entry, is_new] = last_.try_emplace(group);
    Last& last = entry->second;
    const bool came_again = !is_new && last.is_whole && now - last.whole_at < kAgain;
    // One that was cut short by a newer one goes on as fast as it was.
    last.speed = came_again ? std::min(kMost, last.speed * 2) : is_new || last.is_whole ? 1 : last.speed;
    last.is_whole = false;
    return last.speed;
  }
  void whole(model::GroupId group, Pace::Clock::time_point now) {
    last_[group].is_whole = true;
    last_[group].whole_at = now;
  }

 private:
  static constexpr std::chrono::seconds kAgain{60};
  static constexpr unsigned kMost = 16;
  struct Last {
    unsigned speed = 1;
    bool is_whole = false;
    Pace::Clock::time_point whole_at{};
  };
  std::map<model::GroupId, Last> last_;
};

}  // namespace coffer::actors

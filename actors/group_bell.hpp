#pragma once
// Who is to be woken at which line of the groups' grid (group_timer.hpp). The groups of a node share a timer for each line:
// one of its own for each would wake the clock's thread whenever a group sets it, for hundreds of idle groups. Used by the
// groups' actors, which put themselves in, and by the bell's, which rings; any thread.

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "cluster/group_core.hpp"
#include "model/ids.hpp"

namespace coffer::actors {

class GroupBell {
 public:
  struct Sleeper {
    model::GroupId group;
    std::uint64_t number = 0;  // of its timer
  };
  /// True: it is the first one at that line (milliseconds of the monotonic clock), so the caller sets the timer.
  [[nodiscard]] bool add(cluster::MonotonicMs line, Sleeper sleeper) {
    const std::lock_guard lock(mutex_);
    std::vector<Sleeper>& sleepers = lines_[line];
    sleepers.push_back(sleeper);
    return sleepers.size() == 1;
  }
  /// Whoever waits for that line; nobody does any more.
  std::vector<Sleeper> take(cluster::MonotonicMs line) {
    const std::lock_guard lock(mutex_);
    const auto node = lines_.extract(line);
    return node.empty() ? std::vector<Sleeper>() : std::move(node.mapped());
  }

 private:
  std::mutex mutex_;
  std::map<cluster::MonotonicMs, std::vector<Sleeper>> lines_;
};

}  // namespace coffer::actors

#pragma once
// What a node's groups keep of their logs in memory for peers alone, all together, and how much that may be. A leader keeps
// what was written behind a snapshot until the peer that receives it is done, who would have to begin anew otherwise. The
// bound is the node's, for often one group has most of the writes. Counted by each group's LogCache, asked by GroupCore. The
// only thing that groups share, so any thread.

#include <atomic>
#include <cstddef>

namespace coffer::cluster {

class LogRoom {
 public:
  /// In bytes of the entries' data.
  explicit LogRoom(std::size_t limit) : limit_(limit) {}

  void took(std::size_t bytes) { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void gave_back(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t used() const { return used_.load(std::memory_order_relaxed); }
  bool is_full() const { return used() > limit_; }

 private:
  std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace coffer::cluster

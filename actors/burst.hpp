#pragma once
// Many groups are woken at once: by a line of their grid (group_bell.hpp), or by what came from a peer in one read. What
// they have to say about it that may wait is sent when the last of them is done, so that the heartbeats and the answers of
// hundreds of idle groups leave in one write and are read in one. Counted up by whoever wakes groups and down by them; any
// thread.

#include <atomic>
#include <cstdint>

namespace coffer::actors {

class Burst {
 public:
  /// Somebody is going to be woken, or is waking others: each begin() has its end().
  void begin() { open_.fetch_add(1, std::memory_order_relaxed); }
  /// Something that may wait was given to the link since the last end() that answered true. Before the own end().
  void leave_waiting() { waiting_.store(true, std::memory_order_relaxed); }
  /// True: the link's send_waiting() is to be called, for this was the last one, or as many as a busy node keeps nobody
  /// waiting for.
  [[nodiscard]] bool end() {
    const bool last = open_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    if (!last && ended_.fetch_add(1, std::memory_order_relaxed) % kMost != kMost - 1) return false;
    return waiting_.load(std::memory_order_relaxed) && waiting_.exchange(false, std::memory_order_acq_rel);
  }

 private:
  static constexpr std::uint32_t kMost = 64;
  std::atomic<std::uint32_t> open_{0}, ended_{0};
  std::atomic<bool> waiting_{false};
};

}  // namespace coffer::actors

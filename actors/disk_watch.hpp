#pragma once
// Turns a node read-only before its disk is full, and back when there is room again. The rule is a value; the node asks
// it every second with what the file system says, on one thread; the flag that shards look at is an atomic.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>

#include "actors/call_handle.hpp"
#include "model/result.hpp"

namespace coffer::actors {

struct DiskLimits {
  std::uint64_t read_only_below = 512ULL << 20;  // free bytes; 0: never
  /// More than that must be free again before changes are taken, so that the node does not flap.
  std::uint64_t recover_above() const { return read_only_below + read_only_below / 4; }
  /// What makes room needs some first: below that it is refused, too.
  std::uint64_t full_below() const { return read_only_below / 4; }
};

/// Whether the node is read-only from now on.
inline bool is_read_only(bool was, std::uint64_t free_bytes, const DiskLimits& limits) {
  return free_bytes < (was ? limits.recover_above() : limits.read_only_below);
}

/// Asks for the room on the disk every second, on a thread of its own.
class DiskWatch {
 public:
  using FreeBytes = std::function<std::optional<std::uint64_t>()>;
  DiskWatch(DiskLimits limits, FreeBytes free_bytes, std::function<void(std::string_view)> log,
            std::chrono::milliseconds interval = std::chrono::seconds(1));
  ~DiskWatch();
  const std::atomic<bool>& read_only() const { return read_only_; }
  const std::atomic<bool>& full() const { return full_; }
  std::uint64_t free_bytes() const { return free_bytes_; }
  /// Between two seconds, before something that takes much room at once. Any thread.
  void look();

 private:
  const DiskLimits limits_;
  const FreeBytes ask_;
  const std::function<void(std::string_view)> log_;
  std::mutex looking_;
  std::atomic<bool> read_only_{false}, full_{false};
  std::atomic<std::uint64_t> free_bytes_{0};
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

/// Whether a change is to be refused. What makes room is let through for longer.
struct DiskRoom {
  const std::atomic<bool>* read_only = nullptr;  // null: there is room
  const std::atomic<bool>* full = nullptr;
  bool refuses(bool makes_room) const {
    const std::atomic<bool>* low = makes_room ? full : read_only;
    return low != nullptr && *low;
  }
};

/// What a change is told meanwhile: `unavailable`, for it was not applied and will be when it is tried later.
inline model::Error low_on_disk() {
  return {model::Code::unavailable,
          "the node is low on disk and takes no changes until there is room again; reads go on", 30};
}
/// And not asked for again: room does not come while somebody waits.
inline void refuse_low_on_disk(CallHandle call) {
  call.call().decided = true;
  call.finish(low_on_disk());
}

}  // namespace coffer::actors

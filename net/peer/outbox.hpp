#pragma once
// What waits to be sent to one node: a bounded queue per channel, and the credits that say how much of each channel may
// be on its way. So a snapshot leaves room for heartbeats behind which it would else stand in line, and a slow node costs
// a bounded number of bytes. push() by any thread; the rest by the link's thread.

#include <array>
#include <cstdint>
#include <deque>
#include <mutex>

#include "cluster/peer_link.hpp"

namespace coffer::net::peer {

inline constexpr std::size_t kChannels = 4;
constexpr std::size_t index_of(cluster::PeerChannel channel) { return static_cast<std::size_t>(channel) - 1; }
constexpr cluster::PeerChannel channel_at(std::size_t index) { return static_cast<cluster::PeerChannel>(index + 1); }
const char* channel_name(std::size_t index);

/// By channel: raft, snapshot, calls, control; bytes of bodies with a small charge for each frame.
struct OutboxLimits {
  /// That may wait. More is refused, and its owner tries again (Raft does so by itself).
  std::array<std::size_t, kChannels> queued{32 << 20, 8 << 20, 32 << 20, 4 << 20};
  /// That may be under way without a credit. A frame that begins within the window may end beyond it.
  std::array<std::size_t, kChannels> window{4 << 20, 1 << 20, 8 << 20, 1 << 20};
};

class Outbox {
 public:
  /// What a frame counts for beside its body, so that empty ones are bounded, too.
  static constexpr std::size_t kFrameCharge = 64;

  explicit Outbox(const OutboxLimits& limits) : limits_(limits) {}

  enum class Push : std::uint8_t {
    queued,
    queued_first,  // nothing was on its way: the link's thread must be woken
    full,
    closed,  // no connection
  };
  Push push(cluster::PeerFrame frame);
  /// True: frames are here that may wait, and nothing was on its way; the link's thread must be woken.
  bool wake();

  /// A connection begins: nothing waits, all credits are fresh.
  void open();
  /// It ended: what waited is dropped, and so is everything until the next open(). Returns how many frames.
  std::size_t close();

  /// Appends frames as messages until there are about `most` bytes, in an order that lets no channel starve: each gets
  /// its share of a batch, small and urgent ones first. False: nothing can be sent now; the next push(), wake() or
  /// credit() that makes something sendable answers so.
  bool gather(std::size_t most, model::Secret& out);
  /// The other side has taken so many bytes of that channel since the connection began. True: something can be sent
  /// that could not.
  bool credit(cluster::PeerChannel channel, std::uint64_t total);

  std::uint64_t frames(std::size_t channel) const;
  std::size_t waiting_bytes() const;

 private:
  struct Queue {
    std::deque<cluster::PeerFrame> frames;
    std::size_t bytes = 0;                 // that wait
    std::uint64_t sent = 0, credited = 0;  // bytes since the connection began
    std::uint64_t frames_sent = 0;         // ever
  };
  static std::size_t charge(const cluster::PeerFrame& frame) { return frame.body.size() + kFrameCharge; }
  bool may_send(std::size_t channel) const {
    const Queue& queue = queues_[channel];
    return !queue.frames.empty() && queue.sent - queue.credited < limits_.window[channel];
  }

  const OutboxLimits limits_;
  mutable std::mutex mutex_;  // guards what follows
  std::array<Queue, kChannels> queues_;
  bool open_ = false;
  bool awake_ = false;  // the link's thread is going to call gather()
};

/// The receiving half: what was taken of each channel, and when to say so.
class Intake {
 public:
  explicit Intake(const OutboxLimits& limits) : limits_(limits) {}
  /// True: it is time for a credit of total().
  bool took(const cluster::PeerFrame& frame);
  std::uint64_t total(cluster::PeerChannel channel) const { return taken_[index_of(channel)]; }

 private:
  const OutboxLimits limits_;
  std::array<std::uint64_t, kChannels> taken_{}, told_{};
};

}  // namespace coffer::net::peer

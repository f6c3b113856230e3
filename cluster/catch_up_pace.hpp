#pragma once
// How fast a peer that lacks much of the log is sent it. libraft sends a window of entries and the next ones as soon as
// those are acknowledged: what was written while a snapshot was under way would come as fast as the disks take it, and
// whoever shares them waits. So a leader counts what such a peer has acknowledged only as time goes by; to count less than
// a server has is always safe, for acknowledgements may be late.
//
// Paced is who has got a snapshot, or was away; never who falls behind under load. What it lacks shrinks to nothing within
// kUsual, however much is written meanwhile, and everything counts while a commit waits, which may be for this peer. Used by
// RaftCore; a value with the time passed in.

#include <cstdint>
#include <map>

#include "cluster/types.hpp"
#include "model/ids.hpp"

namespace coffer::cluster {

class CatchUpPace {
 public:
  /// Paces who lacks more than `lag` committed entries.
  explicit CatchUpPace(std::uint64_t lag) : lag_(lag) {}

  /// This server leads from now on.
  void begin(MonotonicMs now);
  /// What the leader's log has, and how much of it is committed. Before anything below.
  void observe(std::uint64_t commit, std::uint64_t last, MonotonicMs now);
  /// A snapshot that ends at `index` goes to the peer: what comes behind it is paced.
  void sent_snapshot(model::NodeId peer, std::uint64_t index, MonotonicMs now);
  /// The peer says that it has everything up to `has`: up to where that counts. Not less than `match`, which counts already,
  /// nor than a snapshot that it was sent.
  std::uint64_t counted(model::NodeId peer, std::uint64_t has, std::uint64_t match, MonotonicMs now);
  /// Nothing was heard of the peer for so long that it should not be sent much before it answers.
  bool is_away(model::NodeId peer, MonotonicMs now) const;
  /// Somebody is being paced: what he is sent at once should be little.
  bool is_pacing(MonotonicMs now) const;

 private:
  static constexpr MonotonicMs kUsual = 15'000;
  static constexpr MonotonicMs kPatience = 100;  // a commit that waits longer may wait for who is paced
  static constexpr MonotonicMs kAway = 2'000;
  struct Peer {
    MonotonicMs heard_at = 0;
    std::uint64_t snapshot = 0;  // the newest that was sent to it
    bool is_due = false;         // it got a snapshot, or was away: paced, if it lacks much
    bool paced = false;
    std::uint64_t missing = 0;  // when its pace began
    MonotonicMs began = 0;
  };
  bool commit_waits(MonotonicMs now) const { return now - moved_at_ > kPatience; }

  const std::uint64_t lag_;
  MonotonicMs led_since_ = 0;
  std::uint64_t commit_ = 0;
  MonotonicMs moved_at_ = 0;  // the commit, or nothing waited for it
  std::map<model::NodeId, Peer> peers_;
};

}  // namespace coffer::cluster

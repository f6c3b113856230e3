#pragma once
// How fast a peer that lacks much of the log is sent it. libraft sends a window of entries and the next ones as soon as
// those are acknowledged: what was written while a snapshot was under way would come as fast as the disks take it, and
// whoever shares them waits. So a leader counts what such a peer has acknowledged only as time goes by; to count less than
// a server has is always safe, for acknowledgements may be late.
//
// Nobody is paced on whom a commit waits, nor longer than kLongest: who is still behind then is behind because more is
// written than its pace. Used by RaftCore; a value with the time passed in.

#include <cstdint>
#include <map>

#include "cluster/types.hpp"
#include "model/ids.hpp"

namespace coffer::cluster {

class CatchUpPace {
 public:
  /// Paces who lacks more than `lag` committed entries.
  explicit CatchUpPace(std::uint64_t lag) : lag_(lag) {}

  /// Before and after each step: what this leader's log has, and how much of it is committed.
  void observe(std::uint64_t commit, std::uint64_t last, MonotonicMs now) {
    if (commit > commit_ || last <= commit) moved_at_ = now;
    commit_ = commit;
  }
  /// The leadership has begun or ended.
  void clear() {
    peers_.clear();
    commit_ = 0;
  }
  /// A snapshot that ends at `index` goes to the peer: what comes behind it is paced anew.
  void sent_snapshot(model::NodeId peer, std::uint64_t index) {
    peers_[peer] = {};
    peers_[peer].snapshot = index;
  }
  /// The peer says that it has everything up to `has`: up to where that counts. Not more than `has`; not less than `match`,
  /// which counts already, nor than a snapshot that it was sent.
  std::uint64_t counted(model::NodeId peer, std::uint64_t has, std::uint64_t match, MonotonicMs now);

 private:
  static constexpr MonotonicMs kUsual = 15'000;  // takes the log that lacks in the beginning
  static constexpr MonotonicMs kLongest = 40'000;
  static constexpr MonotonicMs kPatience = 100;  // a commit that waits longer may wait for who is paced
  static constexpr MonotonicMs kAway = 2'000;    // who says nothing for so long begins anew
  struct Peer {
    std::uint64_t snapshot = 0;  // the newest that was sent to it
    bool paced = false, spent = false;
    std::uint64_t from = 0, missing = 0;  // when its pace began
    MonotonicMs began = 0, heard_at = 0;
  };

  const std::uint64_t lag_;
  std::uint64_t commit_ = 0;
  MonotonicMs moved_at_ = 0;  // the commit, or nothing waited for it
  std::map<model::NodeId, Peer> peers_;
};

}  // namespace coffer::cluster

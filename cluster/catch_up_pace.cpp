// See catch_up_pace.hpp.

#include "cluster/catch_up_pace.hpp"

#include <algorithm>

namespace coffer::cluster {

std::uint64_t CatchUpPace::counted(model::NodeId id, std::uint64_t has, std::uint64_t match, MonotonicMs now) {
  const std::uint64_t lacks = commit_ > has ? commit_ - has : 0;
  Peer& peer = peers_[id];
  if (now - peer.heard_at > kAway) peer.paced = peer.spent = false;
  peer.heard_at = now;
  if (!peer.paced) {
    if (lacks < lag_) peer.spent = false;
    if (lacks <= lag_ || peer.spent || has < peer.snapshot) return has;
    peer.paced = true;
    peer.from = has;
    peer.missing = lacks;
    peer.began = now;
    return has;
  }
  const MonotonicMs passed = now - peer.began;
  const bool waited_for = now - moved_at_ > kPatience;
  peer.spent = passed >= kLongest || waited_for;
  if (lacks < lag_ || peer.spent) {
    peer.paced = false;
    return has;
  }
  const std::uint64_t due = peer.from + peer.missing * passed / kUsual;
  return std::min(has, std::max({due, match, peer.snapshot}));
}

}  // namespace coffer::cluster

// See catch_up_pace.hpp.

#include "cluster/catch_up_pace.hpp"

#include <algorithm>

namespace coffer::cluster {

void CatchUpPace::begin(MonotonicMs now) {
  peers_.clear();
  commit_ = 0;
  led_since_ = moved_at_ = now;
}

void CatchUpPace::observe(std::uint64_t commit, std::uint64_t last, MonotonicMs now) {
  if (commit > commit_ || last <= commit) moved_at_ = now;
  commit_ = commit;
}

void CatchUpPace::sent_snapshot(model::NodeId id, std::uint64_t index, MonotonicMs now) {
  peers_[id] = {.heard_at = now, .snapshot = index, .is_due = true};
}

bool CatchUpPace::is_away(model::NodeId id, MonotonicMs now) const {
  const auto found = peers_.find(id);
  return now - (found == peers_.end() ? led_since_ : found->second.heard_at) > kAway;
}

std::uint64_t CatchUpPace::counted(model::NodeId id, std::uint64_t has, std::uint64_t match, MonotonicMs now) {
  has = std::max(has, match);
  const bool was_away = is_away(id, now);
  Peer& peer = peers_[id];
  peer.heard_at = now;
  if (was_away) {
    peer.is_due = true;
    peer.paced = false;
  }
  if (has < peer.snapshot) return has;  // said before it had that
  const std::uint64_t lacks = commit_ > has ? commit_ - has : 0;
  if (lacks <= lag_ || (peer.paced && now - peer.began >= kUsual)) {
    peer.is_due = peer.paced = false;
    return has;
  }
  if (peer.is_due) {
    peer.is_due = false;
    peer.paced = true;
    peer.missing = lacks;
    peer.began = now;
    return has;
  }
  if (!peer.paced || commit_waits(now)) return has;
  const std::uint64_t may_lack = peer.missing * (kUsual - (now - peer.began)) / kUsual;
  const std::uint64_t due = commit_ > may_lack ? commit_ - may_lack : 0;
  return std::min(has, std::max({due, match, peer.snapshot}));
}

bool CatchUpPace::is_pacing(MonotonicMs now) const {
  return !commit_waits(now) && std::any_of(peers_.begin(), peers_.end(), [now](const auto& entry) {
    return entry.second.paced && now - entry.second.heard_at <= kAway;
  });
}

}  // namespace coffer::cluster

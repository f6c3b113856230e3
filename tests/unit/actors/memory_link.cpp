// See memory_link.hpp.

#include "tests/unit/actors/memory_link.hpp"

namespace coffer::test {

namespace {

std::pair<model::NodeId, model::NodeId> ordered(model::NodeId a, model::NodeId b) {
  return a < b ? std::pair(a, b) : std::pair(b, a);
}

}  // namespace

void MemoryLink::start(cluster::PeerSink* sink) { network_.start(self_, sink); }
void MemoryLink::stop() { network_.stop(self_); }
void MemoryLink::set_peers(std::vector<cluster::Peer> peers) { network_.set_peers(self_, peers); }
bool MemoryLink::send(model::NodeId to, cluster::PeerFrame frame) { return network_.send(self_, to, std::move(frame)); }

MemoryNetwork::MemoryNetwork() : thread_([this] { run(); }) {}

MemoryNetwork::~MemoryNetwork() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void MemoryNetwork::set_delay(std::chrono::microseconds least, std::chrono::microseconds most) {
  const std::lock_guard lock(mutex_);
  least_ = least;
  most_ = most;
}

void MemoryNetwork::set_loss(double loss) {
  const std::lock_guard lock(mutex_);
  loss_ = loss;
}

void MemoryNetwork::cut(model::NodeId from, model::NodeId to) {
  const std::lock_guard lock(mutex_);
  cuts_.emplace(from, to);
}

void MemoryNetwork::isolate(model::NodeId node) {
  const std::lock_guard lock(mutex_);
  isolated_.insert(node);
}

void MemoryNetwork::heal() {
  const std::lock_guard lock(mutex_);
  cuts_.clear();
  isolated_.clear();
}

std::uint64_t MemoryNetwork::delivered() const {
  const std::lock_guard lock(mutex_);
  return delivered_;
}

void MemoryNetwork::start(model::NodeId node, cluster::PeerSink* sink) {
  {
    const std::lock_guard lock(mutex_);
    ends_[node].sink = sink;
  }
  changed_.notify_all();
}

void MemoryNetwork::stop(model::NodeId node) {
  std::unique_lock delivering(delivering_);
  const std::lock_guard lock(mutex_);
  ends_.erase(node);
  changed_.notify_all();
}

void MemoryNetwork::set_peers(model::NodeId node, const std::vector<cluster::Peer>& peers) {
  {
    const std::lock_guard lock(mutex_);
    End& end = ends_[node];
    end.peers.clear();
    for (const cluster::Peer& peer : peers) end.peers.insert(peer.id);
  }
  changed_.notify_all();
}

bool MemoryNetwork::send(model::NodeId from, model::NodeId to, cluster::PeerFrame frame) {
  if (frame.body.size() > cluster::kMaxPeerBody) return false;
  {
    const std::lock_guard lock(mutex_);
    auto found = connections_.find(ordered(from, to));
    if (found == connections_.end()) return false;
    const bool lost =
        cuts_.contains({from, to}) || isolated_.contains(from) || isolated_.contains(to) ||
        (frame.channel == cluster::PeerChannel::raft && std::uniform_real_distribution<>(0, 1)(random_) < loss_);
    if (lost) return true;
    const auto delay = std::uniform_int_distribution<std::int64_t>(least_.count(), most_.count())(random_);
    auto at = Clock::now() + std::chrono::microseconds(delay);
    Clock::time_point& last = last_[{from, to}];
    at = last = std::max(at, last);
    frames_.push({at, next_number_++, from, to, found->second, std::make_shared<cluster::PeerFrame>(std::move(frame))});
  }
  changed_.notify_all();
  return true;
}

std::vector<std::pair<model::NodeId, model::NodeId>> MemoryNetwork::wanted() const {
  std::vector<std::pair<model::NodeId, model::NodeId>> pairs;
  for (const auto& [a, end] : ends_) {
    for (const auto& [b, other] : ends_) {
      if (!(a < b) || end.sink == nullptr || other.sink == nullptr) continue;
      const bool cut =
          cuts_.contains({a, b}) || cuts_.contains({b, a}) || isolated_.contains(a) || isolated_.contains(b);
      if (!cut && end.peers.contains(b) && other.peers.contains(a)) pairs.emplace_back(a, b);
    }
  }
  return pairs;
}

// Runs on the network's thread, without the lock while a sink is called.
void MemoryNetwork::connect_all() {
  struct News {
    cluster::PeerSink* sink;
    model::NodeId peer;
    bool up;
  };
  std::vector<News> news;
  const std::lock_guard delivering(delivering_);
  {
    const std::lock_guard lock(mutex_);
    const auto pairs = wanted();
    const std::set<std::pair<model::NodeId, model::NodeId>> now(pairs.begin(), pairs.end());
    const auto tell = [&](const std::pair<model::NodeId, model::NodeId>& pair, bool up) {
      for (const auto& [self, peer] : {pair, std::pair(pair.second, pair.first)}) {
        auto end = ends_.find(self);
        if (end != ends_.end() && end->second.sink != nullptr) news.push_back({end->second.sink, peer, up});
      }
    };
    for (auto it = connections_.begin(); it != connections_.end();) {
      if (now.contains(it->first)) {
        ++it;
        continue;
      }
      tell(it->first, false);
      it = connections_.erase(it);
    }
    for (const auto& pair : now) {
      if (connections_.emplace(pair, next_connection_).second) {
        ++next_connection_;
        tell(pair, true);
      }
    }
  }
  for (const News& item : news) {
    if (item.up) {
      item.sink->connected(item.peer);
    } else {
      item.sink->disconnected(item.peer);
    }
  }
}

void MemoryNetwork::run() {
  for (;;) {
    connect_all();
    const std::lock_guard delivering(delivering_);
    std::unique_lock lock(mutex_);
    if (stopped_) return;
    if (frames_.empty() || frames_.top().at > Clock::now()) {
      // Others take `delivering_` to stop, so it is not held while this waits.
      const auto until = frames_.empty() ? Clock::now() + std::chrono::milliseconds(1) : frames_.top().at;
      delivering_.unlock();
      changed_.wait_until(lock, std::min(until, Clock::now() + std::chrono::milliseconds(1)));
      lock.unlock();
      delivering_.lock();
      continue;
    }
    Travelling next = frames_.top();
    frames_.pop();
    auto connection = connections_.find(ordered(next.from, next.to));
    auto end = ends_.find(next.to);
    const bool there = connection != connections_.end() && connection->second == next.connection &&
                       end != ends_.end() && end->second.sink != nullptr;
    if (!there) continue;
    ++delivered_;
    cluster::PeerSink* sink = end->second.sink;
    lock.unlock();
    sink->received(next.from, std::move(*next.frame));
    sink->received_all();
  }
}

}  // namespace coffer::test

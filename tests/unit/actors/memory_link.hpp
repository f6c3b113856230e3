#pragma once
// Peer links inside one process, with faults: frames travel through one thread that delays, loses and cuts them as the
// test says. For tests of several nodes in a process; any thread.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "cluster/peer_link.hpp"

namespace coffer::test {

class MemoryNetwork;

class MemoryLink final : public cluster::PeerLink {
 public:
  MemoryLink(MemoryNetwork& network, model::NodeId self) : network_(network), self_(self) {}
  ~MemoryLink() override { stop(); }
  void start(cluster::PeerSink* sink) override;
  void stop() override;
  void set_peers(std::vector<cluster::Peer> peers) override;
  bool send(model::NodeId to, cluster::PeerFrame frame) override;
  void send_waiting() override {}  // nothing waits here

 private:
  MemoryNetwork& network_;
  model::NodeId self_;
};

/// REQUIRES: outlives its links.
class MemoryNetwork {
 public:
  MemoryNetwork();
  ~MemoryNetwork();

  std::unique_ptr<MemoryLink> link(model::NodeId node) { return std::make_unique<MemoryLink>(*this, node); }
  void set_delay(std::chrono::microseconds least, std::chrono::microseconds most);
  /// Of each Raft message, between 0 and 1, in silence: what a full queue drops. Calls are lost with their connection.
  void set_loss(double loss);
  /// The connection breaks, and is not made again before heal().
  void cut(model::NodeId from, model::NodeId to);
  void isolate(model::NodeId node);
  void heal();
  std::uint64_t delivered() const;

 private:
  friend class MemoryLink;
  using Clock = std::chrono::steady_clock;
  struct Travelling {
    Clock::time_point at;
    std::uint64_t number;
    model::NodeId from, to;
    std::uint64_t connection;
    std::shared_ptr<cluster::PeerFrame> frame;
    bool operator<(const Travelling& other) const { return at != other.at ? at > other.at : number > other.number; }
  };
  struct End {
    cluster::PeerSink* sink = nullptr;
    std::set<model::NodeId> peers;
    Clock::time_point last;  // frames of one pair stay in order
  };

  void start(model::NodeId node, cluster::PeerSink* sink);
  void stop(model::NodeId node);
  void set_peers(model::NodeId node, const std::vector<cluster::Peer>& peers);
  bool send(model::NodeId from, model::NodeId to, cluster::PeerFrame frame);
  void run();
  void connect_all();
  std::vector<std::pair<model::NodeId, model::NodeId>> wanted() const;

  mutable std::mutex mutex_;
  std::mutex delivering_;  // held while a sink is called: stop() waits for it
  std::condition_variable changed_;
  std::priority_queue<Travelling> frames_;
  std::map<model::NodeId, End> ends_;
  std::map<std::pair<model::NodeId, model::NodeId>, std::uint64_t> connections_;  // lower id first -> number
  std::map<std::pair<model::NodeId, model::NodeId>, Clock::time_point> last_;
  std::set<std::pair<model::NodeId, model::NodeId>> cuts_;
  std::set<model::NodeId> isolated_;
  std::chrono::microseconds least_{0}, most_{0};
  double loss_ = 0;
  std::uint64_t next_number_ = 1, next_connection_ = 1, delivered_ = 0;
  std::mt19937_64 random_{42};
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace coffer::test

#pragma once
// How the nodes of a cluster reach each other: one authenticated, ordered connection per pair of nodes, behind this
// interface. net/peer implements it over mutual TLS; tests and the simulator put a faulty one in its place. The link
// does not look into a frame's body: the room that owns a channel encodes it (cluster/wire.hpp, actors/).

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/ids.hpp"
#include "model/secret.hpp"

namespace coffer::cluster {

/// Whom a frame is for in the other process. The numbers go over the wire and are never reused.
enum class PeerChannel : std::uint8_t {
  raft = 1,      // a group's Raft messages, stamps and their echoes
  snapshot = 2,  // chunks of a group's state and their credits
  calls = 3,     // forwarded requests and their replies
  control = 4,   // membership, placement, announcements
};

struct PeerFrame {
  PeerChannel channel = PeerChannel::raft;
  model::GroupId group;   // of raft and snapshot; zero else
  model::Secret body;     // wiped when released: a forwarded call carries plaintext
  bool may_wait = false;  // until something else leaves for that node or send_waiting() is called; not sent
};

/// A body that is longer is refused by send(): larger things are cut by their owner. A log entry is not, and it may be as
/// large as a listener's largest request (4 MiB) with what sealing adds.
inline constexpr std::size_t kMaxPeerBody = 8 << 20;

/// What a link tells its node. Called on the link's thread, one at a time; must not block and must not throw.
class PeerSink {
 public:
  virtual ~PeerSink() = default;
  /// In the order in which `from` sent them, while one connection lasts; what was under way when it ended is lost.
  virtual void received(model::NodeId from, PeerFrame frame) = 0;
  /// Whatever had arrived with the last frames was handed over.
  virtual void received_all() = 0;
  virtual void connected(model::NodeId peer) = 0;
  virtual void disconnected(model::NodeId peer) = 0;
};

struct Peer {
  model::NodeId id;
  std::string address;  // host:port of its peer listener
  friend bool operator==(const Peer&, const Peer&) = default;
};

class PeerLink {
 public:
  virtual ~PeerLink() = default;
  /// Connections are made and taken from here on. `sink` outlives stop().
  virtual void start(PeerSink* sink) = 0;
  /// No call of the sink runs or begins after it returned.
  virtual void stop() = 0;
  /// Whom this node speaks to; a connection with a node that is not named any more is cut and refused. Any thread.
  virtual void set_peers(std::vector<Peer> peers) = 0;
  /// Queues a frame; never blocks. False: no connection, its queue for this channel is full, or the body is too long;
  /// the frame is dropped then. True promises nothing about its arrival. Any thread.
  virtual bool send(model::NodeId to, PeerFrame frame) = 0;
  /// Frames that may wait leave now; without this call they leave within a tenth of a second. Any thread.
  virtual void send_waiting() = 0;
};

}  // namespace coffer::cluster

// See peer_sink.hpp.

#include "actors/peer_sink.hpp"

#include <utility>

#include "cluster/wire.hpp"

namespace coffer::actors {

namespace {

// Raft repeats what is lost, so a flood of messages that a group has no time for may be dropped.
constexpr std::uint32_t kMaxInbox = 4096;

}  // namespace

void NodePeerSink::received(model::NodeId from, cluster::PeerFrame frame) {
  switch (frame.channel) {
    case cluster::PeerChannel::raft: return received_raft(from, frame);
    case cluster::PeerChannel::calls:
      caf::anon_send(context_.forwarder, FrameIn{from, std::make_shared<cluster::PeerFrame>(std::move(frame))});
      return;
    case cluster::PeerChannel::control:
      caf::anon_send(context_.steward, FrameIn{from, std::make_shared<cluster::PeerFrame>(std::move(frame))});
      return;
    case cluster::PeerChannel::snapshot: {
      const bool of_a_view = cluster::is_view_message(frame.body.expose());
      const SnapshotFrame in{from, std::make_shared<cluster::PeerFrame>(std::move(frame))};
      return of_a_view ? caf::anon_send(views_, in) : caf::anon_send(context_.snapshots, in);
    }
  }
  ++context_.counters.frames_refused;
}

void NodePeerSink::received_raft(model::NodeId from, const cluster::PeerFrame& frame) {
  if (frame.group.value >= context_.groups.size()) {
    ++context_.counters.frames_refused;
    return;
  }
  auto message = cluster::decode(frame.group, from, context_.self, frame.body.expose());
  if (!message) {
    ++context_.counters.frames_refused;
    return;
  }
  GroupBoard& board = context_.boards[frame.group.value];
  if (board.inbox >= kMaxInbox) {
    ++context_.counters.peer_messages_dropped;
    return;
  }
  // Until the end of the read this thread counts as well: the groups are as fast as it is.
  if (!std::exchange(in_burst_, true)) context_.burst.begin();
  if (cluster::is_heartbeat(*message) && context_.hosts[frame.group.value]->try_receive(*message)) return;
  ++board.inbox;
  context_.burst.begin();
  caf::anon_send(context_.groups[frame.group.value], FromPeer{std::make_shared<cluster::Message>(std::move(*message))});
}

void NodePeerSink::received_all() {
  if (std::exchange(in_burst_, false)) context_.end_burst();
}

void NodePeerSink::connected(model::NodeId peer) { caf::anon_send(context_.forwarder, PeerUp{peer}); }

void NodePeerSink::disconnected(model::NodeId peer) {
  caf::anon_send(context_.forwarder, PeerGone{peer});
  caf::anon_send(views_, PeerGone{peer});
}

}  // namespace coffer::actors

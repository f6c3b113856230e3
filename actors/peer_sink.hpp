#pragma once
// Where the peer link leaves what comes from other nodes: each frame goes to the actor that it concerns. Owned by the
// node; called on the link's thread, never blocks.

#include "actors/context.hpp"
#include "actors/views.hpp"
#include "cluster/peer_link.hpp"

namespace coffer::actors {

class NodePeerSink final : public cluster::PeerSink {
 public:
  /// `views` is looked at when something comes for it.
  NodePeerSink(Context& context, const ViewsActor& views) : context_(context), views_(views) {}
  void received(model::NodeId from, cluster::PeerFrame frame) override;
  void received_all() override;
  void connected(model::NodeId peer) override;
  void disconnected(model::NodeId peer) override;

 private:
  void received_raft(model::NodeId from, const cluster::PeerFrame& frame);
  Context& context_;
  const ViewsActor& views_;
  bool in_burst_ = false;  // some groups' messages of this read are handed over
};

}  // namespace coffer::actors

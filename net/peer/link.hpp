#pragma once
// The link between the nodes of a cluster over mutual TLS 1.3: what app/ makes and hands to the node, which knows it as
// cluster::PeerLink. One io thread of its own serves every connection; the methods are for any thread unless they say
// otherwise.
//
// Between two nodes there is one connection, dialled by the lower id. It counts when both certificates verify under the
// cluster's CA, each names the cluster and the node that its hello names, and the node is one of set_peers(). What is
// queued while a write is under way, or within a millisecond after several, leaves as one write.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/gateway.hpp"
#include "cluster/peer_link.hpp"
#include "net/guard.hpp"
#include "net/peer/outbox.hpp"
#include "net/peer/wire.hpp"

namespace coffer::net {

struct PeerSettings {
  std::string address;               // to listen on: host:port; port 0: any free one
  std::uint32_t content_format = 1;  // the newest that this node understands, for its hello
  std::chrono::milliseconds handshake{5'000};
  std::chrono::milliseconds ping{500};    // nothing was heard for so long: ask
  std::chrono::milliseconds dead{3'000};  // nothing was heard for so long, or a write does not end: cut
  std::chrono::milliseconds redial_first{50}, redial_last{2'000};
  std::size_t greeting = 64;  // connections that have not proved who they are
  peer::OutboxLimits limits;
  std::shared_ptr<SourceGuard> guard;  // of those who show join tokens that do not count; none: nobody is refused
  std::function<void(std::string_view)> log;  // one line; default: nowhere
};

/// What a node proves itself with, in PEM.
struct PeerCredentials {
  std::string certificate, ca;
  model::Secret key;
};

/// Answers a node that wants to join; any thread. `done` is called once, from any thread.
using JoinHandler = std::function<void(peer::Join, std::function<void(model::Result<peer::Joined>)> done)>;

class PeerListener : public cluster::PeerLink {
 public:
  /// Binds the address, so that port() is known; nobody is let in before start() and set_credentials(). Main's thread.
  /// Errors: unavailable, with address and reason.
  virtual model::Status open() = 0;
  virtual std::uint16_t port() const = 0;
  /// From now on new connections are made with these; the present ones stay. Errors: those of peer::make_contexts.
  virtual model::Status set_credentials(const PeerCredentials& credentials) = 0;
  /// Without one nobody can join through this node.
  virtual void set_join_handler(JoinHandler handler) = 0;
  virtual std::vector<actors::Sample> samples() const = 0;
};

std::unique_ptr<PeerListener> make_peer_listener(PeerSettings settings);

/// Joins by a token: dials `address`, pins the CA by the token's hash, shows the token and asks for a certificate.
/// Blocks for at most `timeout`. Errors: invalid_argument (the token, the address), permission_denied (the token does not
/// count any more), unauthenticated (the other side is not the cluster of the token), unavailable (not reached in time).
model::Result<peer::Joined> join_cluster(const std::string& address, std::string_view token, peer::Join request,
                                         std::chrono::milliseconds timeout);

}  // namespace coffer::net

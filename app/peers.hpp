#pragma once
// The peers' part of a server's start: the listener, who this node is, joining, and the certificate's renewal. Used by
// the composition root (server.cpp) on main's thread, in the order of the methods.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node.hpp"
#include "app/config.hpp"
#include "app/peer_identity.hpp"
#include "net/peer/keeper.hpp"
#include "net/peer/link.hpp"

namespace coffer::app {

class Peers {
 public:
  using Log = std::function<void(std::string_view)>;

  /// Binds the peers' address; takes up the identity that is stored, or joins when the configuration says so and there is
  /// none. REQUIRES: the data directory is there and locked by this process; config.peer.address is given.
  /// Errors: those of the listener, of the stored identity and of joining; what can be done is in the sentence.
  /// `guard` bounds strangers who show join tokens.
  static model::Result<std::unique_ptr<Peers>> prepare(const Config& config, std::shared_ptr<net::SourceGuard> guard,
                                                       Log log);

  /// Puts link, address and identity into what the node is started with.
  void fill(actors::NodeOptions& options) const;
  /// The node takes calls: gets its first certificate when there is none, lets others join, renews from now on.
  /// Errors: those of the directory when there is no first certificate within half a minute.
  model::Status begin(actors::Node& node);
  /// Before the node is stopped.
  void stop();

  std::vector<actors::Sample> samples() const { return link_->samples(); }
  /// As others reach it.
  const std::string& address() const { return address_; }
  std::uint16_t port() const { return link_->port(); }

 private:
  Peers(std::string data_dir, Log log) : path_(peer_identity_path(data_dir)), log_(std::move(log)) {}
  model::Status join(const Config& config);
  model::Status store(const net::PeerCredentials& credentials);

  const std::string path_;
  const Log log_;
  std::unique_ptr<net::PeerListener> link_;
  std::string address_;
  std::optional<PeerIdentity> identity_;
  bool joined_ = false;  // by a token, now or once: the databases begin empty
  std::unique_ptr<net::CertificateKeeper> keeper_;
};

}  // namespace coffer::app

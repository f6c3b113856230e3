// See peers.hpp.

#include "app/peers.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "app/parse.hpp"
#include "crypto/hash.hpp"
#include "crypto/node_key.hpp"
#include "net/flight.hpp"
#include "net/peer/join_handler.hpp"

namespace coffer::app {
namespace {

using model::Code;
using model::Error;
using model::Status;

constexpr std::chrono::milliseconds kJoinTimeout{20'000};
constexpr std::chrono::seconds kFirstCertificate{30};
constexpr std::chrono::milliseconds kFirstPause{100};

model::Result<model::Secret> token_of(const PeerConfig& config) {
  if (!config.token.empty()) return config.token;
  std::ifstream file(config.token_file);
  std::string text;
  file >> text;
  model::Secret token(text);
  model::wipe(text.data(), text.size());
  if (!token.empty()) return token;
  return Error(Code::invalid_argument, "the join token's file " + config.token_file + " cannot be read or is empty");
}

Error with_advice(const Error& error, const std::string& where) {
  std::string text = "cannot join by " + where + ": " + std::string(error.message());
  if (error.code == Code::permission_denied || error.code == Code::invalid_argument) {
    text += "; make a new token with `coffer admin cluster join-token`";
  }
  return Error(error.code, std::move(text));
}

}  // namespace

model::Result<std::unique_ptr<Peers>> Peers::prepare(const Config& config, std::shared_ptr<net::SourceGuard> guard,
                                                     Log log) {
  std::unique_ptr<Peers> peers(new Peers(config.data_dir, std::move(log)));
  auto identity = read_peer_identity(peers->path_);
  if (!identity) return identity.error();
  peers->identity_ = *std::move(identity);

  net::PeerSettings settings;
  settings.address = config.peer.address;
  settings.content_format = config.cluster.format;
  settings.guard = std::move(guard);
  settings.log = peers->log_;
  peers->link_ = net::make_peer_listener(std::move(settings));
  if (Status status = peers->link_->open(); !status) return status.error();
  peers->address_ = config.peer.advertise.empty() ? config.peer.address : config.peer.advertise;
  if (peers->address_.ends_with(":0")) {
    peers->address_.replace(peers->address_.size() - 1, 1, std::to_string(peers->link_->port()));
  }
  if (!peers->identity_ && !config.peer.join.empty()) {
    if (Status status = peers->join(config); !status) return status.error();
  }
  if (peers->identity_) {
    peers->joined_ = peers->identity_->data_groups != 0;
    if (Status status = peers->link_->set_credentials(peers->identity_->credentials); !status) {
      return Error(Code::invalid_argument, std::string(status.error().message()) + " (" + peers->path_ +
                                               "); `coffer admin cluster reissue` makes a new certificate offline");
    }
  }
  return peers;
}

Status Peers::join(const Config& config) {
  if (::access((config.data_dir + "/log/CURRENT").c_str(), F_OK) == 0) {
    return Error(Code::invalid_argument,
                 "the data directory " + config.data_dir + " holds a node already; a new node joins with an empty one");
  }
  const auto token = token_of(config.peer);
  if (!token) return token.error();
  const crypto::NodeKey key = crypto::NodeKey::generate();
  net::peer::Join request;
  request.content_format = config.cluster.format;
  request.certificate_request = key.certificate_request();
  request.address = address_;
  auto joined = net::join_cluster(config.peer.join, token->expose(), std::move(request), kJoinTimeout);
  if (!joined) return with_advice(joined.error(), config.peer.join);
  identity_ = PeerIdentity{joined->node,
                           crypto::hex(joined->cluster_id),
                           joined->data_groups,
                           joined->peers,
                           {joined->certificate, joined->ca, key.private_pem()}};
  if (Status status = write_peer_identity(path_, *identity_); !status) return status;
  log_("joined cluster " + identity_->cluster_id + " as node " + std::to_string(identity_->node.value));
  return {};
}

void Peers::fill(actors::NodeOptions& options) const {
  options.link = link_.get();
  options.peer_address = address_;
  if (!identity_) return;
  options.peers = identity_->peers;
  if (!joined_) return;
  options.bootstrap = actors::Bootstrap::join;
  std::string raw;
  for (std::size_t i = 0; i + 1 < identity_->cluster_id.size(); i += 2) {
    raw.push_back(static_cast<char>(std::stoi(identity_->cluster_id.substr(i, 2), nullptr, 16)));
  }
  options.joined = actors::JoinedNode{identity_->node, std::move(raw), identity_->data_groups};
}

Status Peers::store(const net::PeerCredentials& credentials) {
  PeerIdentity fresh = *identity_;
  fresh.credentials = credentials;
  if (Status status = write_peer_identity(path_, fresh); !status) return status;
  identity_ = std::move(fresh);
  return {};
}

Status Peers::begin(actors::Node& node) {
  const actors::NodeStatus status = node.status();
  const model::NodeId self{status.node_id};
  net::KeeperSettings settings;
  settings.node = self;
  settings.store = [this](const net::PeerCredentials& credentials) { return store(credentials); };
  settings.clock = net::wall_clock_ms;
  settings.log = log_;
  keeper_ = std::make_unique<net::CertificateKeeper>(node, *link_, std::move(settings));
  if (!identity_) {
    identity_ = PeerIdentity{self, status.cluster_id, 0, {}, {}};
    Status renewed = Code::unavailable;
    for (const auto end = std::chrono::steady_clock::now() + kFirstCertificate;
         !renewed && std::chrono::steady_clock::now() < end; std::this_thread::sleep_for(kFirstPause)) {
      renewed = keeper_->renew();
    }
    if (!renewed) {
      return Error(renewed.error().code,
                   "the node got no certificate for its peers: " + std::string(renewed.error().message()));
    }
  }
  link_->set_join_handler(net::make_join_handler(node));
  keeper_->start(identity_->credentials.certificate);
  return {};
}

void Peers::stop() {
  link_->set_join_handler({});
  if (keeper_) keeper_->stop();
}

}  // namespace coffer::app

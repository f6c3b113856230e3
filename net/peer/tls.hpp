#pragma once
// TLS of the peers' connections: 1.3 only, the cluster's CA as the only root, certificates on both sides. Called by the
// link's thread and by joining; contexts are immutable once made.

#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ssl/context.hpp>

#include "crypto/node_certificate.hpp"
#include "model/result.hpp"
#include "net/peer/link.hpp"

namespace coffer::net::peer {

struct TlsContexts {
  boost::asio::ssl::context accepting{boost::asio::ssl::context::tlsv13_server};
  boost::asio::ssl::context dialing{boost::asio::ssl::context::tlsv13_client};
  crypto::NodeName name;   // of the own certificate
  std::string cluster_id;  // its 16 bytes
};

/// Errors: invalid_argument that says what does not fit together (certificate, key, CA; no node's name in it; expired).
model::Result<std::shared_ptr<TlsContexts>> make_contexts(const PeerCredentials& credentials);

/// Of a joining node, which has no certificate and knows the CA by its hash alone (a join token's).
std::unique_ptr<boost::asio::ssl::context> make_pinned_context(const std::string& ca_hash);

/// The name in the certificate of the other side; none when it showed none, or one that names no single node.
std::optional<crypto::NodeName> peer_name(SSL* ssl);
bool shows_certificate(SSL* ssl);

}  // namespace coffer::net::peer

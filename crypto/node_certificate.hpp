#pragma once
// What a node's certificate says: one URI names its cluster and its node. Used by net/peer, which compares it with the
// hello, and by whoever watches over expiry. Pure, any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"

namespace coffer::crypto {

struct NodeName {
  std::string cluster_id;  // 32 hexadecimal digits
  model::NodeId node;
  friend bool operator==(const NodeName&, const NodeName&) = default;
};

/// "coffer://<cluster id>/node/<id>"
std::string to_uri(const NodeName& name);
/// Reads what to_uri writes and nothing else.
std::optional<NodeName> parse_node_uri(std::string_view uri);

struct CertificateFacts {
  std::vector<std::string> uris;  // of the subject alternative names
  std::string serial;             // hexadecimal digits
  model::TimeMs not_before = 0, not_after = 0;
};

/// Of the first certificate of a PEM text. Errors: invalid_argument.
model::Result<CertificateFacts> read_certificate(std::string_view pem);

/// SHA-256 of the first certificate's DER: what a join token pins. Errors: invalid_argument.
model::Result<std::string> certificate_hash(std::string_view pem);

}  // namespace coffer::crypto

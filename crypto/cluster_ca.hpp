#pragma once
// The cluster's own certificate authority: it says who is a node of this cluster, and nothing else. Its key lives
// sealed under the key ring in the meta group, so that any node that leads it can let another one in; net/peer only
// ever sees its certificate. Used by the meta group's leader, by the first start and by the offline reissue. Immutable;
// const methods on any thread.
//
// Sealed record:   format:1 (=1)  size:4  certificate (PEM)  sealed key (sealer.hpp, over PKCS #8 PEM)

#include <chrono>
#include <string>
#include <string_view>

#include "crypto/key_ring.hpp"
#include "crypto/node_certificate.hpp"
#include "crypto/node_key.hpp"

namespace coffer::crypto {

/// A node renews at half of it, so that one may be down for two weeks without a word.
inline constexpr std::chrono::hours kNodeCertificateLife{30 * 24};
inline constexpr std::chrono::hours kClusterCaLife{20 * 365 * 24};
/// So much a node's clock may be behind the one that signed.
inline constexpr std::chrono::hours kCertificateSkew{1};

class ClusterCa {
 public:
  /// A new key and its self-signed certificate. REQUIRES: cluster_id is 32 hexadecimal digits.
  static ClusterCa make(std::string_view cluster_id, model::TimeMs now, Random& random);

  /// Errors: data_loss (altered, another cluster's, an unknown format), key_mismatch.
  static model::Result<ClusterCa> open(std::string_view record, std::string_view cluster_id, const KeyRing& ring);
  std::string seal(const KeyRing& ring, Random& random) const;

  /// The version of the cluster key that seals the record's key. Errors: data_loss.
  static model::Result<std::uint32_t> key_version(std::string_view record);

  const std::string& certificate_pem() const { return certificate_; }
  /// A node's certificate in PEM, for both ends of a connection. The request's names are not looked at; that it was
  /// signed with the key it asks for is. Errors: invalid_argument (no such request, or no P-256 key).
  model::Result<std::string> sign(std::string_view request_der, model::NodeId node, model::TimeMs now, Random& random,
                                  std::chrono::seconds life = kNodeCertificateLife) const;

 private:
  ClusterCa(std::string cluster_id, NodeKey key, std::string certificate)
      : cluster_id_(std::move(cluster_id)), key_(std::move(key)), certificate_(std::move(certificate)) {}
  std::string cluster_id_;
  NodeKey key_;
  std::string certificate_;
};

}  // namespace coffer::crypto

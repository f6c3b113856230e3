#pragma once
// The private key of a node's or the cluster CA's certificate: EC P-256. Made where it is used and never sent: what
// travels is a certificate request. Used by net/peer, by a node's start and by the cluster's CA; any thread.

#include <memory>
#include <string>

#include <openssl/types.h>

#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::crypto {

class NodeKey {
 public:
  static NodeKey generate();
  /// PKCS #8 in PEM, unencrypted. Errors: invalid_argument when it is no P-256 key.
  static model::Result<NodeKey> from_pem(const model::Secret& pem);

  model::Secret private_pem() const;
  /// DER of a request (RFC 2986) signed with this key. It names nobody: who the certificate is for is the CA's to say.
  std::string certificate_request() const;

  EVP_PKEY* native() const { return key_.get(); }  // for crypto/'s own sources

 private:
  explicit NodeKey(EVP_PKEY* owned);
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace coffer::crypto

#pragma once
// A public key that verifies JWS signatures (RFC 7515, RFC 7518 section 3, RFC 8037). A key has one algorithm, taken from
// its type, so that a token's header cannot choose another one for it. Immutable; any thread, also at the same time.

#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "model/identity.hpp"
#include "model/result.hpp"

namespace coffer::crypto {

class VerifyKey {
 public:
  /// A PEM public key or certificate (whose dates and issuer are not looked at). The first block counts.
  /// Errors of all makers: invalid_argument: not readable, RSA under 2,048 or over 8,192 bits or with an even or large
  /// exponent, a curve other than P-256 or Ed25519, a point that is not on its curve.
  static model::Result<VerifyKey> from_pem(std::string_view pem);
  /// The members of a JWK (RFC 7518 section 6.3.1, 6.2.1, RFC 8037 section 2), decoded: big-endian bytes.
  static model::Result<VerifyKey> from_rsa(std::string_view modulus, std::string_view exponent);
  static model::Result<VerifyKey> from_p256(std::string_view x, std::string_view y);
  static model::Result<VerifyKey> from_ed25519(std::string_view x);

  model::JwsAlgorithm algorithm() const { return algorithm_; }
  /// RS256: PKCS #1 v1.5 with SHA-256; ES256: 64 bytes r and s; EdDSA: 64 bytes.
  bool verify(std::string_view message, std::string_view signature) const;

 private:
  VerifyKey(std::shared_ptr<EVP_PKEY> key, model::JwsAlgorithm algorithm)
      : key_(std::move(key)), algorithm_(algorithm) {}
  static model::Result<VerifyKey> checked(EVP_PKEY* owned);

  std::shared_ptr<EVP_PKEY> key_;
  model::JwsAlgorithm algorithm_;
};

}  // namespace coffer::crypto

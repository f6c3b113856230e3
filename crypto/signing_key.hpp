#pragma once
// The --dev issuer's RSA key: made once, kept in a file, signs RS256 (RFC 7518 section 3.3). Production issuers sign
// elsewhere. Used by the server's start and by `coffer dev-token`; any thread.

#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::crypto {

class SigningKey {
 public:
  /// 2,048 bits, from OpenSSL's generator.
  static SigningKey generate();
  /// PKCS #8 in PEM, unencrypted. Errors: invalid_argument when it is no such RSA key.
  static model::Result<SigningKey> from_pem(const model::Secret& pem);

  model::Secret private_pem() const;
  std::string public_pem() const;
  std::string sign(std::string_view message) const;

 private:
  explicit SigningKey(EVP_PKEY* owned);
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace coffer::crypto

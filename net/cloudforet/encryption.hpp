#pragma once
// What get_data answers to clients that decrypt by themselves: the value under a key that the client holds, so that
// whatever stands between sees nothing. Independent of how values are sealed at rest. Constant once made; any thread.
//
//   AES (upstream's scheme)   data {"encrypted_data": base64(AES-GCM(base64(JSON)) tag:16)}, no associated data
//                             encrypt_options {"encrypt_algorithm": "AES", "nonce": base64(12 bytes)}
//   COFFER_ENVELOPE           the same data under a fresh 32-byte data key, and
//                             encrypt_options {"encrypt_algorithm", "nonce", "encrypted_data_key":
//                             base64(nonce:12 AES-256-GCM(data key) tag:16)}: the data key under the shared key
//
// A trusted secret's value comes beside the own one as "trusted_encrypted_data", "trusted_nonce" and
// "trusted_encrypted_data_key": the client merges, and its own members win.

#include <memory>
#include <optional>
#include <string>

#include "crypto/random.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"
#include "net/settings.hpp"

namespace coffer::net::cloudforet {

class Encryption {
 public:
  /// Reads the key file. Errors: invalid_argument that names the file and what is wrong.
  static model::Result<std::unique_ptr<Encryption>> load(const CloudforetSettings& settings);
  Encryption(CloudforetScheme scheme, model::Secret key) : scheme_(scheme), key_(std::move(key)) {}

  struct Result {
    std::string data, options;  // JSON objects
  };
  /// Nothing when OpenSSL fails.
  std::optional<Result> encrypt(const model::Secret& own, const model::Secret* trusted, crypto::Random& random) const;

 private:
  const CloudforetScheme scheme_;
  const model::Secret key_;
};

}  // namespace coffer::net::cloudforet

#pragma once
// What lets a new node into a cluster, once: it names and proves a permission that the meta group keeps the hash of, and
// pins the cluster's CA, so that the new node knows to whom it shows it. Pure, any thread.
//
//   "cfj_" base64url( format:1 (=1)  id:8  secret:32  SHA-256 of the CA's certificate:32 )

#include <string>
#include <string_view>

#include "crypto/random.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::crypto {

struct JoinToken {
  std::string id;        // 8 bytes; no secret
  model::Secret secret;  // 32 bytes
  std::string ca_hash;   // 32 bytes
};

/// REQUIRES: ca_hash is certificate_hash() of the CA.
JoinToken new_join_token(std::string_view ca_hash, Random& random);
model::Secret join_token_text(const JoinToken& token);
/// Errors: invalid_argument, one sentence that shows nothing of it.
model::Result<JoinToken> parse_join_token(std::string_view text);
/// What is stored of it: SHA-256 of the secret, to be compared in constant time.
std::string join_secret_hash(const model::Secret& secret);

}  // namespace coffer::crypto

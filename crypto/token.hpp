#pragma once
// Coffer tokens on the wire. A token names its tenant and carries a MAC, so that the front can refuse a forged one
// without asking anybody; only a hash of its id is stored. Pure, any thread.
//
//   "cft_" or "cfo_" (operator: tenant zero)  base64url( format:1 (=1)  key_version:4  tenant:16  id:32  mac:16 )
//   mac = first 16 bytes of HMAC-SHA-256 under the cluster's token key over the bytes before it

#include <string>
#include <string_view>

#include "crypto/key_ring.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::crypto {

struct MintedToken {
  model::Secret text;     // shown once
  std::string id_hash;    // SHA-256 of the id, 32 bytes: what is stored
  std::string public_id;  // first 16 hexadecimal digits of the hash: names the token in lists
};
/// The zero tenant makes an operator token.
MintedToken mint_token(const KeyRing& ring, const model::TenantId& tenant, Random& random);

struct TokenClaims {
  model::TenantId tenant;
  std::string id_hash;
};
/// Errors: unauthenticated, always the same, in constant time of the MAC.
model::Result<TokenClaims> verify_token(const KeyRing& ring, std::string_view text);

}  // namespace coffer::crypto

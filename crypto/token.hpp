#pragma once
// Coffer tokens on the wire. A token names its tenant and carries a MAC, so that the front can refuse a forged one
// without asking anybody; only a hash of its id is stored. Pure, any thread.
//
//   "cft_" or "cfo_" (operator: tenant zero)  base64url( format:1 (=1)  key_version:4  tenant:16  id:32  mac:16 )
//   mac = first 16 bytes of HMAC-SHA-256 under the cluster's token key over the bytes before it

#include <array>
#include <mutex>
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

/// verify_token() that remembers which MACs were right, because a MAC is a tenth of a read's cost. Of a token it keeps
/// the hash of the id, the tenant and the MAC, from which no token can be made; a token
/// is taken for verified when all of them agree. Bounded; any thread.
class TokenVerifier {
 public:
  /// REQUIRES: the ring outlives it.
  explicit TokenVerifier(const KeyRing& ring) : ring_(ring) {}
  model::Result<TokenClaims> verify(std::string_view text) const;

 private:
  static constexpr std::size_t kStripes = 16;
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kRest = 37;  // of a token: all but its id
  struct Verified {
    std::string id_hash;  // empty: none
    std::array<char, kRest> rest{};
  };
  struct Stripe {
    std::mutex mutex;
    std::array<Verified, kSlots> slots;
  };
  const KeyRing& ring_;
  mutable std::array<Stripe, kStripes> stripes_;
};

}  // namespace coffer::crypto

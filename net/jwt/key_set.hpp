#pragma once
// The public keys of an issuer: a JSON Web Key Set (RFC 7517), or keys in PEM. Immutable once made; any thread.

#include <string>
#include <string_view>
#include <vector>

#include "crypto/verify_key.hpp"
#include "model/result.hpp"

namespace coffer::net::jwt {

struct NamedKey {
  std::string kid;  // empty: has none and fits every token
  crypto::VerifyKey key;
};
using KeySet = std::vector<NamedKey>;

/// Keys of other types, for other uses or other algorithms than Coffer verifies are left out, as RFC 7517 section 5
/// wants it, and so are weak ones. Errors: invalid_argument when it is no set, holds a private key, more than
/// model::kMaxIssuerKeys fit keys, or none.
model::Result<KeySet> parse_jwks(std::string_view text);

}  // namespace coffer::net::jwt

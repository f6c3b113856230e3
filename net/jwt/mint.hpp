#pragma once
// Tokens of the --dev issuer, with the claims that each door's own platform would put into them, and the issuers by which
// a --dev server trusts them in every tenant. Used by `coffer dev-token` and the server's start; pure.

#include <string>
#include <vector>

#include "crypto/signing_key.hpp"
#include "model/identity.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::net::jwt {

struct DevToken {
  std::string door;  // "native", "cloudforet" or "tapis"
  std::string tenant, user;
  std::vector<std::string> roles;  // cloudforet: at most one
  bool service = false;            // the bearer is a service
  bool system = false;             // cloudforet: of the platform itself, who may read values; has no role
  model::TimeMs lifetime_ms = 3'600'000;
};

/// A token signed with RS256. `id` becomes `jti`. Errors: invalid_argument (an unknown door, an empty or long name, more
/// roles than the door's tokens have room for, a system token of another door or with a role).
model::Result<model::Secret> mint_dev_token(const crypto::SigningKey& key, const DevToken& token, model::TimeMs now,
                                            const std::string& id);

/// One issuer for each door, all with the same key.
std::vector<model::Issuer> dev_issuers(const std::string& public_pem);

}  // namespace coffer::net::jwt

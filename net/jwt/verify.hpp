#pragma once
// Whether an issuer vouches for a token, and who its bearer then is (RFC 7519 section 7.2, RFC 8725). Pure functions of
// token, issuer, keys and time; any thread.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/cloudforet.hpp"
#include "model/identity.hpp"
#include "model/result.hpp"
#include "net/jwt/key_set.hpp"
#include "net/jwt/token.hpp"

namespace coffer::net::jwt {

/// An issuer ready to verify with: keys parsed, paths split. Constant.
struct TrustedIssuer {
  model::Issuer settings;
  bool of_node = false;  // trusted by this node's configuration, not by the tenant's rows
  KeySet keys;           // those of PEM and JWKS text; fetched ones come from elsewhere
  std::vector<std::string> tenant, principal, roles, kind;
  bool service = false;
};

/// Errors: invalid_argument that names the field and, of keys, which one.
model::Result<TrustedIssuer> trust(model::Issuer settings);

enum class Signature {
  valid,
  invalid,
  unknown_key,  // no key fits: a newer set of keys may have it
};
/// Only keys of the token's algorithm take part, and only if the issuer allows it. `fetched` may be null. `checks` grows by
/// how many keys really tried the signature, which takes its time: none, when none takes part.
Signature check_signature(const TrustedIssuer& issuer, const Token& token, const KeySet* fetched,
                          std::size_t* checks = nullptr);

/// What a verified token says of its bearer.
struct Bearer {
  std::string principal;  // "user:alice", "service:pods"
  std::vector<std::string> roles;
  std::string tenant;                                         // the claim; empty when the mapping has none
  model::TimeMs expires_at = 0;                               // with the clock skew that is allowed
  std::shared_ptr<const model::CloudforetClaims> cloudforet;  // when its mapping is cloudforet
};
/// REQUIRES: the signature is valid. `exp` is required; `nbf` and `aud` are obeyed.
/// Errors: unauthenticated with the reason.
model::Result<Bearer> read_bearer(const TrustedIssuer& issuer, const Token& token, model::TimeMs now);

/// The claim as text, before anything was verified: empty when it is missing or no text. For routing only.
std::string_view unverified_text(const Token& token, const std::vector<std::string>& path);

}  // namespace coffer::net::jwt

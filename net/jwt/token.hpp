#pragma once
// The compact form of a signed JWT (RFC 7515 section 7.1, RFC 7519) taken apart, strictly and within bounds. Nothing of
// it is true before verify.hpp has said so. Pure, any thread.

#include <cstddef>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "model/identity.hpp"
#include "model/result.hpp"

namespace coffer::net::jwt {

inline constexpr std::size_t kMaxTokenBytes = 8 << 10;
inline constexpr std::size_t kMaxKid = 256;  // bytes of a key's id, in a token and in a set

/// Three parts between two dots, as no Coffer token has them. Says nothing about their content.
bool looks_like_jwt(std::string_view text);

struct Token {
  model::JwsAlgorithm algorithm = model::JwsAlgorithm::rs256;
  std::string kid;  // empty: none
  boost::json::object claims;
  std::string signing_input;  // header and claims as they came
  std::string signature;
};

/// Refuses: more than `most` bytes, padding or unused bits in base64url, JSON that is no object or has a repeated member,
/// every algorithm but RS256, ES256 and EdDSA, `crit` and `b64` (extensions change what is signed), `jwk`, `jku`, `x5u`
/// and `x5c` (a token that brings its own key), a `typ` of something else than a JWT or access token.
/// Errors: unauthenticated with the reason; never a part of the token.
model::Result<Token> parse_token(std::string_view text, std::size_t most = kMaxTokenBytes);

/// The claim at the path (names one within the other); null when there is none.
const boost::json::value* find_claim(const boost::json::object& claims, const std::vector<std::string>& path);

}  // namespace coffer::net::jwt

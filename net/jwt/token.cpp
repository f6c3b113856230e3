// See token.hpp.

#include "net/jwt/token.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include <boost/json/value.hpp>

#include "crypto/hash.hpp"
#include "net/jwt/json.hpp"

namespace coffer::net::jwt {
namespace {

namespace json = boost::json;
using model::Code;
using model::Error;
using model::Result;
using model::Status;

constexpr JsonLimits kHeaderLimits{.bytes = 4 << 10, .depth = 4, .members = 64};

Error refuse(std::string why) { return Error(Code::unauthenticated, "the JWT is refused: " + std::move(why)); }

Result<json::object> decode_part(std::string_view part, const char* what, const JsonLimits& limits) {
  const auto bytes = crypto::from_base64url(part);
  if (!bytes) return refuse(std::string(what) + " is not base64url");
  auto object = parse_object(*bytes, limits);
  if (!object) return refuse(std::string(what) + ": " + std::string(object.error().message()));
  return object;
}

bool is_jwt_type(std::string_view type) {
  std::string lower(type);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower.starts_with("application/")) lower.erase(0, 12);  // RFC 7515 section 4.1.9
  return lower == "jwt" || lower == "at+jwt";                 // RFC 9068 section 2.1
}

Status read_header(const json::object& header, Token& token) {
  for (const char* name : {"crit", "b64", "jwk", "jku", "x5u", "x5c"}) {
    if (header.if_contains(name)) return refuse(std::string("its header has `") + name + "`");
  }
  const json::value* algorithm = header.if_contains("alg");
  if (!algorithm || !algorithm->is_string()) return refuse("its header has no `alg`");
  const json::string& name = algorithm->get_string();
  const auto known = model::parse_jws_algorithm({name.data(), name.size()});
  if (!known) return refuse("its algorithm is none of RS256, ES256 and EdDSA");
  token.algorithm = *known;
  if (const json::value* kid = header.if_contains("kid")) {
    if (!kid->is_string() || kid->get_string().size() > kMaxKid)
      return refuse("its `kid` is no text of at most 256 bytes");
    token.kid.assign(kid->get_string().data(), kid->get_string().size());
  }
  if (const json::value* type = header.if_contains("typ")) {
    if (!type->is_string() || !is_jwt_type({type->get_string().data(), type->get_string().size()})) {
      return refuse("its `typ` is neither JWT nor at+jwt");
    }
  }
  return {};
}

}  // namespace

bool looks_like_jwt(std::string_view text) { return std::count(text.begin(), text.end(), '.') == 2; }

Result<Token> parse_token(std::string_view text, std::size_t most) {
  if (text.size() > most) return refuse("it has more than " + std::to_string(most) + " bytes");
  if (!looks_like_jwt(text)) return refuse("it does not have three parts");
  const std::size_t first = text.find('.'), second = text.find('.', first + 1);
  Token token;
  const auto header = decode_part(text.substr(0, first), "its header", kHeaderLimits);
  if (!header) return header.error();
  if (const Status ok = read_header(*header, token); !ok) return ok.error();
  auto claims = decode_part(text.substr(first + 1, second - first - 1), "its claims", {.bytes = most});
  if (!claims) return claims.error();
  auto signature = crypto::from_base64url(text.substr(second + 1));
  if (!signature || signature->empty()) return refuse("its signature is not base64url");
  token.claims = std::move(*claims);
  token.signing_input = std::string(text.substr(0, second));
  token.signature = std::move(*signature);
  return token;
}

const json::value* find_claim(const json::object& claims, const std::vector<std::string>& path) {
  const json::object* object = &claims;
  const json::value* found = nullptr;
  for (const std::string& name : path) {
    found = object ? object->if_contains(name) : nullptr;
    if (!found) return nullptr;
    object = found->if_object();
  }
  return found;
}

}  // namespace coffer::net::jwt

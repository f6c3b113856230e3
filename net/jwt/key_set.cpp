// See key_set.hpp.

#include "net/jwt/key_set.hpp"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "crypto/hash.hpp"
#include "net/jwt/json.hpp"
#include "net/jwt/token.hpp"

namespace coffer::net::jwt {
namespace {

namespace json = boost::json;
using crypto::VerifyKey;
using model::Code;
using model::Error;
using model::Result;

constexpr JsonLimits kSetLimits{.bytes = model::kMaxJwksBytes, .depth = 6, .members = 2000};

/// Empty when the member is missing or no text.
std::string_view text_of(const json::object& key, std::string_view name) {
  const json::value* found = key.if_contains({name.data(), name.size()});
  const json::string* text = found ? found->if_string() : nullptr;
  return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

/// The decoded member; empty when it is missing or not base64url.
std::string bytes_of(const json::object& key, std::string_view name) {
  auto bytes = crypto::from_base64url(text_of(key, name));
  return bytes ? std::move(*bytes) : std::string();
}

/// RFC 7517 sections 4.2 and 4.3: what is not said is allowed.
bool may_verify(const json::object& key) {
  if (key.if_contains("use") && text_of(key, "use") != "sig") return false;
  const json::value* operations = key.if_contains("key_ops");
  if (!operations) return true;
  const json::array* list = operations->if_array();
  return list && std::any_of(list->begin(), list->end(),
                             [](const json::value& one) { return one.is_string() && one.get_string() == "verify"; });
}

Result<VerifyKey> read_key(const json::object& key) {
  const std::string_view type = text_of(key, "kty");
  if (type == "RSA") return VerifyKey::from_rsa(bytes_of(key, "n"), bytes_of(key, "e"));
  if (type == "EC" && text_of(key, "crv") == "P-256")
    return VerifyKey::from_p256(bytes_of(key, "x"), bytes_of(key, "y"));
  if (type == "OKP" && text_of(key, "crv") == "Ed25519") return VerifyKey::from_ed25519(bytes_of(key, "x"));
  return Error(Code::invalid_argument, "a key is neither RSA nor P-256 nor Ed25519");
}

}  // namespace

Result<KeySet> parse_jwks(std::string_view text) {
  auto document = parse_object(text, kSetLimits);
  if (!document) return document.error();
  const json::value* list = document->if_contains("keys");
  if (!list || !list->is_array())
    return Error(Code::invalid_argument, "it is no JSON Web Key Set: it has no list `keys`");
  KeySet keys;
  Error reason(Code::invalid_argument, "the set holds no key for RS256, ES256 or EdDSA signatures");
  for (const json::value& one : list->get_array()) {
    const json::object* key = one.if_object();
    if (!key) return Error(Code::invalid_argument, "it is no JSON Web Key Set: a key is no object");
    // Whoever publishes the private half has lost the key, and what we store of it would be a secret.
    if (text_of(*key, "kty") != "oct" && key->if_contains("d")) {
      return Error(Code::invalid_argument, "the set holds a private key: give the public half");
    }
    const std::string_view kid = text_of(*key, "kid");
    if (!may_verify(*key) || kid.size() > kMaxKid) continue;
    auto read = read_key(*key);
    if (!read) {
      reason = read.error();
      continue;
    }
    if (key->if_contains("alg") && text_of(*key, "alg") != to_string(read->algorithm())) continue;
    if (keys.size() == model::kMaxIssuerKeys) {
      return Error(Code::invalid_argument,
                   "the set holds more than " + std::to_string(model::kMaxIssuerKeys) + " keys");
    }
    keys.push_back({std::string(kid), std::move(*read)});
  }
  if (keys.empty()) return reason;
  return keys;
}

}  // namespace coffer::net::jwt

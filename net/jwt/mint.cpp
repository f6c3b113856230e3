// See mint.hpp. The claims are those of contracts that the doors' platforms follow: Cloudforet's identity service 2.x and
// Tapis' tokens API 3.

#include "net/jwt/mint.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "crypto/hash.hpp"
#include "model/text.hpp"

namespace coffer::net::jwt {
namespace {

namespace json = boost::json;
using model::Code;
using model::Error;
using model::Status;

constexpr char kNativeIss[] = "coffer-dev";
constexpr char kCloudforetIss[] = "spaceone.identity";
constexpr char kTapisIss[] = "http://localhost/v3/tokens";
/// Tapis asks its security kernel for roles; a token that is made without one has to bring them.
constexpr char kTapisRoles[] = "coffer/roles";

json::array list_of(const std::vector<std::string>& texts) {
  json::array list;
  for (const std::string& text : texts) list.emplace_back(text);
  return list;
}

json::object native_claims(const DevToken& token) {
  json::object claims{
      {"iss", kNativeIss}, {"sub", token.user}, {"tenant", token.tenant}, {"roles", list_of(token.roles)}};
  claims["kind"] = token.service ? "service" : "user";
  return claims;
}

json::object cloudforet_claims(const DevToken& token) {
  json::object claims{{"iss", kCloudforetIss}, {"did", token.tenant}, {"aud", token.user}, {"ver", "2.0"}};
  claims["typ"] = token.system ? "SYSTEM_TOKEN" : "ACCESS_TOKEN";
  claims["own"] = token.system ? "SYSTEM" : token.service ? "APP" : "USER";
  if (!token.roles.empty()) claims["rol"] = token.roles.front();
  return claims;
}

json::object tapis_claims(const DevToken& token) {
  json::object claims{{"iss", kTapisIss},
                      {"sub", token.user + "@" + token.tenant},
                      {"tapis/tenant_id", token.tenant},
                      {"tapis/token_type", "access"},
                      {"tapis/delegation", false},
                      {"tapis/delegation_sub", nullptr},
                      {"tapis/username", token.user},
                      {"tapis/account_type", token.service ? "service" : "user"}};
  if (!token.roles.empty()) claims[kTapisRoles] = list_of(token.roles);
  return claims;
}

Status check(const DevToken& token) {
  if (token.door != "native" && token.door != "cloudforet" && token.door != "tapis") {
    return Error(Code::invalid_argument,
                 "door: " + model::in_quotes(token.door) + " is none of native, cloudforet and tapis");
  }
  for (const auto& [what, text] : {std::pair("tenant", &token.tenant), std::pair("user", &token.user)}) {
    if (const Status ok = model::check_label(what, *text, 256); !ok) return ok;
  }
  for (const std::string& role : token.roles) {
    if (const Status ok = model::check_label("role", role, model::kMaxRoleBytes); !ok) return ok;
  }
  if (token.roles.size() > (token.door == "cloudforet" ? 1 : model::kMaxRoles)) {
    return Error(Code::invalid_argument, "role: a Cloudforet token has one role, others have at most 64");
  }
  if (token.system && (token.door != "cloudforet" || token.service || !token.roles.empty())) {
    return Error(Code::invalid_argument,
                 "system: only Cloudforet has system tokens, and they are no service's and have no role");
  }
  return {};
}

model::Issuer issuer(const char* name, const char* iss, const std::string& public_pem) {
  model::Issuer made;
  made.name = name;
  made.iss = iss;
  made.public_keys = {public_pem};
  made.algorithms = static_cast<std::uint32_t>(model::JwsAlgorithm::rs256);
  return made;
}

}  // namespace

model::Result<model::Secret> mint_dev_token(const crypto::SigningKey& key, const DevToken& token, model::TimeMs now,
                                            const std::string& id) {
  if (const Status ok = check(token); !ok) return ok.error();
  json::object claims = token.door == "native"       ? native_claims(token)
                        : token.door == "cloudforet" ? cloudforet_claims(token)
                                                     : tapis_claims(token);
  claims["jti"] = id;
  claims["iat"] = now / 1000;
  claims["exp"] = (now + token.lifetime_ms) / 1000;
  const json::object header{{"alg", "RS256"}, {"typ", "JWT"}};
  std::string text = crypto::base64url(json::serialize(header)) + "." + crypto::base64url(json::serialize(claims));
  const std::string signature = crypto::base64url(key.sign(text));
  model::Secret out(text);
  out.append(".");
  out.append(signature);
  return out;
}

std::vector<model::Issuer> dev_issuers(const std::string& public_pem) {
  model::Issuer native = issuer("dev-native", kNativeIss, public_pem);
  native.claims = {"tenant", "sub", "roles", "kind", false};
  model::Issuer cloudforet = issuer("dev-cloudforet", kCloudforetIss, public_pem);
  cloudforet.mapping = "cloudforet";
  model::Issuer tapis = issuer("dev-tapis", kTapisIss, public_pem);
  tapis.mapping = "tapis";
  tapis.claims.roles = kTapisRoles;
  return {std::move(native), std::move(cloudforet), std::move(tapis)};
}

}  // namespace coffer::net::jwt

// See verify.hpp.

#include "net/jwt/verify.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "net/jwt/cloudforet_claims.hpp"

namespace coffer::net::jwt {
namespace {

namespace json = boost::json;
using model::Code;
using model::Error;
using model::Result;
using model::Status;

constexpr std::size_t kMaxPrincipalBytes = 256;
constexpr double kLastSecond = 253'402'300'799;  // 9999-12-31T23:59:59Z

Error reject(const char* why) { return Error(Code::unauthenticated, std::string("the JWT is refused: ") + why); }

std::optional<std::string_view> text_of(const json::value* value) {
  const json::string* text = value ? value->if_string() : nullptr;
  if (!text) return std::nullopt;
  return std::string_view(text->data(), text->size());
}

/// A NumericDate (RFC 7519 section 2) in seconds; a fraction is cut off. Nothing when it is none.
std::optional<std::int64_t> date_of(const json::value& value) {
  if (!value.is_number()) return std::nullopt;
  const auto seconds = value.to_number<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kLastSecond) return std::nullopt;
  return static_cast<std::int64_t>(seconds);
}

Status check_times(const TrustedIssuer& issuer, const json::object& claims, model::TimeMs now, Bearer& bearer) {
  const std::int64_t skew = issuer.settings.clock_skew_s;
  const json::value* exp = claims.if_contains("exp");
  const auto expires = exp ? date_of(*exp) : std::nullopt;
  if (!expires) return reject("it has no `exp` that is a date");
  bearer.expires_at = (*expires + skew) * 1000;
  if (bearer.expires_at <= now) return reject("it has expired");
  if (const json::value* nbf = claims.if_contains("nbf")) {
    const auto begins = date_of(*nbf);
    if (!begins) return reject("its `nbf` is no date");
    if ((*begins - skew) * 1000 > now) return reject("it is not valid yet");
  }
  return {};
}

/// RFC 7519 section 4.1.3: a token with `aud` that does not name us is not for us.
Status check_audience(const TrustedIssuer& issuer, const json::object& claims) {
  if (issuer.settings.mapping == "cloudforet") return {};  // it is the user there
  const json::value* aud = claims.if_contains("aud");
  const std::vector<std::string>& ours = issuer.settings.audiences;
  if (!aud) return ours.empty() ? Status() : reject("it has no `aud`");
  const auto is_ours = [&](const json::value& one) {
    const auto text = text_of(&one);
    return text && std::find(ours.begin(), ours.end(), *text) != ours.end();
  };
  const json::array* list = aud->if_array();
  const bool named = list ? std::any_of(list->begin(), list->end(), is_ours) : is_ours(*aud);
  return named ? Status() : reject("its `aud` is another audience");
}

/// Both services' refresh tokens are signed by the same key as what may be presented.
Status check_token_type(const TrustedIssuer& issuer, const json::object& claims) {
  const auto text = [&](const char* name) { return text_of(claims.if_contains(name)); };
  if (issuer.settings.mapping == "tapis") {
    const auto type = text("tapis/token_type");
    return !type || *type == "access" ? Status() : reject("it is no access token");
  }
  if (issuer.settings.mapping == "cloudforet") {
    const bool refresh = text("typ") == "REFRESH_TOKEN" || text("cat") == "REFRESH_TOKEN";
    return refresh ? reject("it is no access token") : Status();
  }
  return {};
}

/// "user" or "service"; empty when the claim says neither.
std::string_view kind_of(const TrustedIssuer& issuer, const json::object& claims) {
  const std::string_view otherwise = issuer.service ? "service" : "user";
  if (issuer.kind.empty()) return otherwise;
  const bool cloudforet = issuer.settings.mapping == "cloudforet";
  const json::value* claim = find_claim(claims, issuer.kind);
  if (!claim) return cloudforet ? otherwise : "";  // its older tokens have users only
  std::string kind(text_of(claim).value_or(""));
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::tolower(c); });
  if (kind == "user") return "user";
  if (kind == "service" || (cloudforet && (kind == "app" || kind == "system"))) return "service";
  return {};
}

Status read_roles(const TrustedIssuer& issuer, const json::object& claims, std::vector<std::string>& roles) {
  const json::value* claim = issuer.roles.empty() ? nullptr : find_claim(claims, issuer.roles);
  if (!claim || claim->is_null()) return {};
  const auto take = [&](const json::value& one) {
    const auto role = text_of(&one);
    if (!role || !model::check_label("role", *role, model::kMaxRoleBytes).ok()) return false;
    roles.emplace_back(*role);
    return true;
  };
  const json::array* list = claim->if_array();
  if (list && list->size() > model::kMaxRoles) return reject("it has too many roles");
  const bool taken = list ? std::all_of(list->begin(), list->end(), take) : take(*claim);
  return taken ? Status() : reject("a role is no text of 1 to 128 bytes");
}

Error of_field(const char* field, const Error& error) {
  return Error(Code::invalid_argument, std::string(field) + ": " + std::string(error.message()));
}

}  // namespace

Result<TrustedIssuer> trust(model::Issuer settings) {
  if (const Status ok = model::check_issuer(settings); !ok) return ok.error();
  TrustedIssuer issuer;
  for (const std::string& pem : settings.public_keys) {
    auto key = crypto::VerifyKey::from_pem(pem);
    if (!key) return of_field("public_keys", key.error());
    issuer.keys.push_back({{}, std::move(*key)});
  }
  if (!settings.jwks.empty()) {
    auto keys = parse_jwks(settings.jwks);
    if (!keys) return of_field("jwks", keys.error());
    issuer.keys.insert(issuer.keys.end(), keys->begin(), keys->end());
  }
  model::ClaimMapping claims = settings.claims;
  if (!settings.mapping.empty()) {
    auto builtin = model::builtin_mapping(settings.mapping);
    if (!builtin) return builtin.error();
    // A built-in mapping may be given roles where its platform has none.
    if (builtin->roles.empty()) builtin->roles = claims.roles;
    claims = std::move(*builtin);
  }
  for (auto [path, parts] : {std::pair(&claims.tenant, &issuer.tenant), std::pair(&claims.principal, &issuer.principal),
                             std::pair(&claims.roles, &issuer.roles), std::pair(&claims.kind, &issuer.kind)}) {
    if (path->empty()) continue;
    auto split = model::split_claim_path(*path);
    if (!split) return split.error();
    *parts = std::move(*split);
  }
  issuer.service = claims.service;
  issuer.settings = std::move(settings);
  return issuer;
}

Signature check_signature(const TrustedIssuer& issuer, const Token& token, const KeySet* fetched, std::size_t* checks) {
  if ((issuer.settings.algorithms & static_cast<std::uint32_t>(token.algorithm)) == 0) return Signature::invalid;
  bool named = false;  // a key of the token's own kid took part
  for (const KeySet* keys : {&issuer.keys, fetched}) {
    if (!keys) continue;
    for (const NamedKey& candidate : *keys) {
      if (candidate.key.algorithm() != token.algorithm) continue;
      if (!token.kid.empty() && !candidate.kid.empty() && candidate.kid != token.kid) continue;
      named = named || (!token.kid.empty() && candidate.kid == token.kid);
      if (checks) ++*checks;
      if (candidate.key.verify(token.signing_input, token.signature)) return Signature::valid;
    }
  }
  return named || issuer.settings.jwks_url.empty() ? Signature::invalid : Signature::unknown_key;
}

Result<Bearer> read_bearer(const TrustedIssuer& issuer, const Token& token, model::TimeMs now) {
  const json::object& claims = token.claims;
  Bearer bearer;
  if (text_of(claims.if_contains("iss")) != issuer.settings.iss) return reject("another issuer made it");
  if (const Status ok = check_times(issuer, claims, now, bearer); !ok) return ok.error();
  if (const Status ok = check_audience(issuer, claims); !ok) return ok.error();
  if (const Status ok = check_token_type(issuer, claims); !ok) return ok.error();
  if (!issuer.tenant.empty()) {
    const auto tenant = text_of(find_claim(claims, issuer.tenant));
    if (!tenant || tenant->empty()) return reject("it does not name its tenant");
    bearer.tenant = *tenant;
  }
  const auto principal = text_of(find_claim(claims, issuer.principal));
  if (!principal || !model::check_label("principal", *principal, kMaxPrincipalBytes).ok()) {
    return reject("it does not name its bearer in 1 to 256 bytes");
  }
  const std::string_view kind = kind_of(issuer, claims);
  if (kind.empty()) return reject("it does not say whether its bearer is a user or a service");
  bearer.principal = std::string(kind).append(":").append(*principal);
  if (const Status ok = read_roles(issuer, claims, bearer.roles); !ok) return ok.error();
  if (issuer.settings.mapping == "cloudforet") {
    auto more = read_cloudforet_claims(claims);
    if (!more) return more.error();
    bearer.cloudforet = std::move(*more);
  }
  return bearer;
}

std::string_view unverified_text(const Token& token, const std::vector<std::string>& path) {
  return text_of(find_claim(token.claims, path)).value_or("");
}

}  // namespace coffer::net::jwt

// Checks of issuers and certificate rules; see identity.hpp.

#include "model/identity.hpp"

#include <algorithm>
#include <array>

#include "model/text.hpp"

namespace coffer::model {
namespace {

constexpr std::size_t kMaxIssBytes = 512;
constexpr std::size_t kMaxUrlBytes = 2048;
constexpr std::size_t kMaxPathBytes = 256;
constexpr std::size_t kMaxPathParts = 8;
constexpr std::size_t kMaxSanBytes = 512;
constexpr std::size_t kMaxPrincipalBytes = 256;

constexpr std::array<std::pair<JwsAlgorithm, std::string_view>, 3> kAlgorithms{
    {{JwsAlgorithm::rs256, "RS256"}, {JwsAlgorithm::es256, "ES256"}, {JwsAlgorithm::eddsa, "EdDSA"}}};

Status invalid(std::string detail) { return Error(Code::invalid_argument, std::move(detail)); }

Status check_row_name(std::string_view name) {
  if (Status status = check_tenant_name(name); !status) {
    return invalid("name: " + in_quotes(name) + " is not 1 to 63 of a-z, 0-9, '.', '_', '-', beginning and ending " +
                   "with a letter or digit");
  }
  return {};
}

Status check_roles(const std::vector<std::string>& roles) {
  if (roles.size() > kMaxRoles) return invalid("roles: at most " + std::to_string(kMaxRoles) + " are allowed");
  for (const std::string& role : roles) {
    if (Status status = check_label("roles", role, kMaxRoleBytes); !status) return status;
  }
  return {};
}

Status check_claims(const ClaimMapping& claims) {
  const std::array<std::pair<std::string_view, const std::string*>, 4> paths{
      {{"tenant", &claims.tenant}, {"principal", &claims.principal}, {"roles", &claims.roles}, {"kind", &claims.kind}}};
  for (const auto& [what, path] : paths) {
    if (path->empty() && what != "principal") continue;
    if (auto parts = split_claim_path(*path); !parts) {
      return invalid("claims." + std::string(what) + ": " + std::string(parts.error().message()));
    }
  }
  return {};
}

Status check_keys(const Issuer& issuer) {
  if (issuer.public_keys.empty() && issuer.jwks.empty() && issuer.jwks_url.empty()) {
    return invalid("public_keys: an issuer needs keys: in PEM, as a JWKS, or the URL of one");
  }
  if (issuer.public_keys.size() > kMaxIssuerKeys) {
    return invalid("public_keys: at most " + std::to_string(kMaxIssuerKeys) + " are allowed");
  }
  for (const std::string& pem : issuer.public_keys) {
    if (pem.size() > kMaxPemBytes) return invalid("public_keys: a key has more than 16 KiB");
  }
  if (issuer.jwks.size() > kMaxJwksBytes) return invalid("jwks: more than 64 KiB");
  if (issuer.jwks_ca.size() > kMaxJwksBytes) return invalid("jwks_ca: more than 64 KiB");
  if (issuer.jwks_url.empty()) {
    return issuer.jwks_ca.empty() ? Status() : invalid("jwks_ca: without jwks_url nothing is fetched");
  }
  if (!issuer.jwks_url.starts_with("https://") && !issuer.jwks_url.starts_with("http://")) {
    return invalid("jwks_url: " + in_quotes(issuer.jwks_url) + " begins with neither https:// nor http://");
  }
  return check_label("jwks_url", issuer.jwks_url, kMaxUrlBytes);
}

}  // namespace

std::string_view to_string(JwsAlgorithm algorithm) {
  for (const auto& [known, name] : kAlgorithms) {
    if (known == algorithm) return name;
  }
  return "?";
}

Result<JwsAlgorithm> parse_jws_algorithm(std::string_view text) {
  for (const auto& [algorithm, name] : kAlgorithms) {
    if (name == text) return algorithm;
  }
  return Error(Code::invalid_argument, in_quotes(text) + " is none of RS256, ES256 and EdDSA");
}

Result<std::vector<std::string>> split_claim_path(std::string_view path) {
  const auto bad = [&](const char* why) {
    return Error(Code::invalid_argument, in_quotes(path) + " is not the path of a claim: " + why);
  };
  if (path.size() > kMaxPathBytes) return bad("it is too long");
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '.') {
      parts.emplace_back();
      continue;
    }
    if (path[i] == '\\' && (++i == path.size() || (path[i] != '.' && path[i] != '\\'))) {
      return bad("a backslash stands before '.' or another one only");
    }
    parts.back() += path[i];
  }
  if (parts.size() > kMaxPathParts) return bad("it has more than 8 parts");
  if (std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); })) {
    return bad("a part is empty");
  }
  return parts;
}

Result<ClaimMapping> builtin_mapping(std::string_view name) {
  // contracts: Cloudforet's identity service puts the domain into `did` and the user or app into `aud`; Tapis names its
  // claims "tapis/...".
  if (name == "cloudforet") return ClaimMapping{"did", "aud", "rol", "own", false};
  if (name == "tapis") return ClaimMapping{"tapis/tenant_id", "tapis/username", "", "tapis/account_type", false};
  return Error(Code::invalid_argument, "mapping: " + in_quotes(name) + " is neither cloudforet nor tapis");
}

Status check_issuer(const Issuer& issuer) {
  if (Status status = check_row_name(issuer.name); !status) return status;
  if (Status status = check_label("iss", issuer.iss, kMaxIssBytes); !status) return status;
  if (Status status = check_keys(issuer); !status) return status;
  if (issuer.audiences.size() > kMaxAudiences) {
    return invalid("audiences: at most " + std::to_string(kMaxAudiences) + " are allowed");
  }
  for (const std::string& audience : issuer.audiences) {
    if (Status status = check_label("audiences", audience, kMaxIssBytes); !status) return status;
  }
  if (issuer.algorithms == 0 || (issuer.algorithms & ~kAllJwsAlgorithms) != 0) {
    return invalid("algorithms: name one or more of RS256, ES256 and EdDSA");
  }
  if (issuer.clock_skew_s > kMaxClockSkewS) return invalid("clock_skew: at most 300 s are allowed");
  if (issuer.mapping.empty()) return check_claims(issuer.claims);
  if (auto mapping = builtin_mapping(issuer.mapping); !mapping) return mapping.error();
  if (issuer.mapping == "cloudforet" && !issuer.audiences.empty()) {
    return invalid("audiences: Cloudforet's tokens have the user in `aud`, which cannot be an audience, too");
  }
  return {};
}

Status check_certificate_rule(const CertificateRule& rule) {
  if (Status status = check_row_name(rule.name); !status) return status;
  const std::size_t colon = rule.san.find(':');
  const std::string_view kind = std::string_view(rule.san).substr(0, colon);
  if (colon == std::string::npos || (kind != "uri" && kind != "dns" && kind != "email")) {
    return invalid("san: " + in_quotes(rule.san) + " is not uri:..., dns:... or email:...");
  }
  if (Status status = check_label("san", std::string_view(rule.san).substr(colon + 1), kMaxSanBytes); !status) {
    return status;
  }
  if (rule.san.substr(colon + 1) == "*") return invalid("san: a lone '*' would let in every certificate of the CA");
  if (!rule.principal.empty()) {
    if (!rule.principal.starts_with("user:") && !rule.principal.starts_with("service:")) {
      return invalid("principal: " + in_quotes(rule.principal) + " is neither user:... nor service:...");
    }
    const std::string_view subject = std::string_view(rule.principal).substr(rule.principal.find(':') + 1);
    if (Status status = check_label("principal", subject, kMaxPrincipalBytes); !status) return status;
  }
  return check_roles(rule.roles);
}

}  // namespace coffer::model

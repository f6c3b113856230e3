// See vouch.hpp.

#include "net/identity/vouch.hpp"

#include <algorithm>
#include <cctype>
#include <tuple>

#include "net/identity/decoy.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::Error;

/// One answer for an unknown tenant, an issuer that it does not trust and a forged signature: a stranger learns nothing.
Refused untrusted() {
  return {Error(Code::unauthenticated, "the JWT is refused: no issuer that the tenant trusts vouches for it"), nullptr,
          nullptr};
}

/// Does the token's tenant lead to the one that is asked?
bool agrees(const jwt::TrustedIssuer& issuer, const std::string& claim, const model::TenantRef& asked,
            const Trust& trust, const Lookups& lookups) {
  if (claim.empty()) return true;
  // A --dev server makes tenants at first use, so a name may be all that there is yet.
  if (issuer.of_node && (claim == asked.name || (asked.name.empty() && claim == asked.door.external_id))) return true;
  model::TenantRef named;
  if (issuer.settings.mapping == "cloudforet") {
    named.door = {model::Door::cloudforet, claim};
  } else if (issuer.settings.mapping == "tapis") {
    named.door = {model::Door::tapis, claim};
  } else {
    named.name = claim;
  }
  return trust.tenant && lookups.find_tenant(named) == trust.tenant;
}

Verdict vouch(const jwt::TrustedIssuer& issuer, const jwt::Token& token, model::TimeMs keys_until,
              const model::TenantRef& asked, const Trust& trust, const Lookups& lookups, model::TimeMs now) {
  auto bearer = jwt::read_bearer(issuer, token, now);
  if (!bearer) return Refused{bearer.error(), nullptr, nullptr};
  if (!agrees(issuer, bearer->tenant, asked, trust, lookups)) {
    return Refused{Error(Code::permission_denied, "the JWT is for another tenant"), nullptr, nullptr};
  }
  Vouched vouched;
  model::Credential& credential = vouched.credential;
  credential.kind = model::CredentialKind::jwt;
  credential.tenant = trust.tenant.value_or(model::TenantId{});
  credential.principal = std::move(bearer->principal);
  credential.roles = std::move(bearer->roles);
  credential.issuer = issuer.settings.name;
  credential.issuer_version = issuer.settings.version;
  credential.of_node = issuer.of_node;
  credential.expires_at = bearer->expires_at;
  credential.cloudforet = std::move(bearer->cloudforet);
  vouched.until = keys_until == 0 ? bearer->expires_at : std::min(keys_until, bearer->expires_at);
  return vouched;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

/// Whole, or up to a '*' at the pattern's end. Names of hosts have no case (RFC 4343); others do.
bool matches(std::string_view pattern, std::string_view name) {
  if (pattern.starts_with("dns:") && name.starts_with("dns:")) {
    const std::string a = lower(pattern), b = lower(name);
    return a.ends_with('*') ? b.starts_with(a.substr(0, a.size() - 1)) : a == b;
  }
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::optional<std::string_view> matching_name(const model::CertificateRule& rule, std::string_view names) {
  while (!names.empty()) {
    const std::size_t end = names.find('\n');
    const std::string_view name = names.substr(0, end);
    if (matches(rule.san, name)) return name;
    names = end == std::string_view::npos ? std::string_view() : names.substr(end + 1);
  }
  return std::nullopt;
}

/// Whole names before beginnings, longer beginnings before shorter ones, then by the rule's name.
bool is_decided_before(const model::CertificateRule& a, const model::CertificateRule& b) {
  const auto rank = [](const model::CertificateRule& rule) {
    return std::make_tuple(rule.san.ends_with('*'), SIZE_MAX - rule.san.size(), std::string_view(rule.name));
  };
  return rank(a) < rank(b);
}

Vouched by_rule(const model::CertificateRule& rule, std::string_view name, model::TimeMs not_after, const Trust& trust,
                bool of_node) {
  Vouched vouched;
  model::Credential& credential = vouched.credential;
  credential.kind = model::CredentialKind::certificate;
  credential.tenant = trust.tenant.value_or(model::TenantId{});
  credential.principal = rule.principal.empty() ? "cert:" + std::string(name) : rule.principal;
  credential.roles = rule.roles;
  credential.issuer = rule.name;
  credential.issuer_version = rule.version;
  credential.of_node = of_node;
  credential.expires_at = vouched.until = not_after;
  return vouched;
}

}  // namespace

// Rows come by the hashes of their names, which differ from tenant to tenant.
Trust make_trust(actors::TenantTrust stored) {
  std::ranges::sort(stored.issuers, {}, &model::Issuer::name);
  std::ranges::sort(stored.certificate_rules, is_decided_before);
  Trust trust;
  trust.tenant = stored.tenant;
  for (model::Issuer& issuer : stored.issuers) {
    auto ready = jwt::trust(std::move(issuer));
    if (ready) trust.issuers.push_back(std::move(*ready));
  }
  trust.rules = std::move(stored.certificate_rules);
  return trust;
}

Verdict vouch_for_token(std::string_view text, const model::TenantRef& asked, const Trust& trust, const NodeTrust& node,
                        const Lookups& lookups, model::TimeMs now) {
  const auto token = jwt::parse_token(text);
  if (!token) return Refused{token.error(), nullptr, nullptr};
  const std::string_view iss = jwt::unverified_text(*token, {"iss"});
  Refused refused = untrusted();
  std::size_t checks = 0;
  for (const std::vector<jwt::TrustedIssuer>* issuers : {&trust.issuers, &node.issuers}) {
    for (const jwt::TrustedIssuer& issuer : *issuers) {
      if (iss.empty() || iss != issuer.settings.iss) continue;
      jwt::KeySources::Keys fetched;
      if (!issuer.settings.jwks_url.empty()) fetched = lookups.keys(issuer.settings);
      const auto signature = jwt::check_signature(issuer, *token, fetched.keys.get(), &checks);
      switch (signature) {
        case jwt::Signature::valid: {
          // Two issuers may share a key and differ in what they accept: the first that accepts the token decides.
          Verdict verdict = vouch(issuer, *token, fetched.fresh_until, asked, trust, lookups, now);
          if (std::holds_alternative<Vouched>(verdict)) return verdict;
          refused = std::get<Refused>(std::move(verdict));
          break;
        }
        case jwt::Signature::unknown_key:
          refused.unknown_key = &issuer;
          refused.seen = fetched.keys;
          if (!fetched.keys)
            refused.error = Error(Code::unavailable, "the keys of the JWT's issuer cannot be fetched now");
          break;
        case jwt::Signature::invalid: break;
      }
    }
  }
  // Not for an issuer that is known, but for a check that was made: that the key, its type or the algorithm is not his would
  // show as well.
  if (checks == 0) check_against_decoy(*token);
  return refused;
}

Verdict vouch_for_certificate(std::string_view names, model::TimeMs not_after, const Trust& trust,
                              const NodeTrust& node, const Lookups& lookups, model::TimeMs now) {
  // The handshake was perhaps long ago, and a certificate without an end is none that a listener has read.
  if (not_after <= now) return Refused{Error(Code::unauthenticated, "the client certificate has expired"), nullptr, {}};
  for (const model::CertificateRule& rule : trust.rules) {
    if (const auto name = matching_name(rule, names)) return by_rule(rule, *name, not_after, trust, false);
  }
  for (const NodeCertificate& one : node.certificates) {
    const bool here =
        one.tenant == "*" || (trust.tenant && lookups.find_tenant({.name = one.tenant, .door = {}}) == trust.tenant);
    if (!here) continue;
    if (const auto name = matching_name(one.rule, names)) return by_rule(one.rule, *name, not_after, trust, true);
  }
  return Refused{
      Error(Code::unauthenticated, "no rule of the tenant or the server knows the client certificate"), nullptr, {}};
}

}  // namespace coffer::net

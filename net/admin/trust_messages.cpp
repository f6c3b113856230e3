// See trust_messages.hpp.

#include "net/admin/trust_messages.hpp"

#include "net/jwt/verify.hpp"
#include "net/timestamps.hpp"

namespace coffer::net::admin {
namespace {

namespace api = ::coffer::admin::v1;

}  // namespace

model::Result<model::Issuer> to_issuer(const api::Issuer& in) {
  model::Issuer issuer;
  issuer.name = in.name();
  issuer.iss = in.iss();
  issuer.public_keys.assign(in.public_keys().begin(), in.public_keys().end());
  issuer.jwks = in.jwks();
  issuer.jwks_url = in.jwks_url();
  issuer.jwks_ca = in.jwks_ca();
  issuer.audiences.assign(in.audiences().begin(), in.audiences().end());
  for (const std::string& name : in.algorithms()) {
    const auto algorithm = model::parse_jws_algorithm(name);
    if (!algorithm) {
      return model::Error(algorithm.error().code, "algorithms: " + std::string(algorithm.error().message()));
    }
    issuer.algorithms |= static_cast<std::uint32_t>(*algorithm);
  }
  if (in.algorithms().empty()) issuer.algorithms = model::kAllJwsAlgorithms;
  issuer.clock_skew_s = in.clock_skew_seconds();
  issuer.mapping = in.mapping();
  const api::ClaimMapping& claims = in.claims();
  issuer.claims = {claims.tenant(), claims.principal(), claims.roles(), claims.kind(), claims.service()};
  if (issuer.claims.principal.empty()) issuer.claims.principal = "sub";
  const auto ready = jwt::trust(issuer);
  if (!ready) return ready.error();
  return issuer;
}

model::Result<model::CertificateRule> to_certificate_rule(const api::CertificateRule& in) {
  model::CertificateRule rule;
  rule.name = in.name();
  rule.san = in.san();
  rule.principal = in.principal();
  rule.roles.assign(in.roles().begin(), in.roles().end());
  if (const model::Status ok = model::check_certificate_rule(rule); !ok) return ok.error();
  return rule;
}

void to_message(const model::Issuer& issuer, api::Issuer* out) {
  out->set_name(issuer.name);
  out->set_iss(issuer.iss);
  out->mutable_public_keys()->Assign(issuer.public_keys.begin(), issuer.public_keys.end());
  out->set_jwks(issuer.jwks);
  out->set_jwks_url(issuer.jwks_url);
  out->set_jwks_ca(issuer.jwks_ca);
  out->mutable_audiences()->Assign(issuer.audiences.begin(), issuer.audiences.end());
  for (const auto algorithm : {model::JwsAlgorithm::rs256, model::JwsAlgorithm::es256, model::JwsAlgorithm::eddsa}) {
    if (issuer.algorithms & static_cast<std::uint32_t>(algorithm)) {
      out->add_algorithms(std::string(model::to_string(algorithm)));
    }
  }
  out->set_clock_skew_seconds(issuer.clock_skew_s);
  out->set_mapping(issuer.mapping);
  if (issuer.mapping.empty()) {
    api::ClaimMapping* claims = out->mutable_claims();
    claims->set_tenant(issuer.claims.tenant);
    claims->set_principal(issuer.claims.principal);
    claims->set_roles(issuer.claims.roles);
    claims->set_kind(issuer.claims.kind);
    claims->set_service(issuer.claims.service);
  }
  out->set_version(issuer.version);
  if (issuer.changed_at > 0) to_timestamp(issuer.changed_at, out->mutable_changed_at());
  out->set_changed_by(issuer.changed_by);
}

void to_message(const model::CertificateRule& rule, api::CertificateRule* out) {
  out->set_name(rule.name);
  out->set_san(rule.san);
  out->set_principal(rule.principal);
  out->mutable_roles()->Assign(rule.roles.begin(), rule.roles.end());
  out->set_version(rule.version);
  if (rule.changed_at > 0) to_timestamp(rule.changed_at, out->mutable_changed_at());
  out->set_changed_by(rule.changed_by);
}

}  // namespace coffer::net::admin

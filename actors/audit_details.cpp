// See audit_details.hpp.

#include "actors/audit_details.hpp"

namespace coffer::actors {
namespace {

/// Its version, and how many lines of model::policy_difference there are of each kind: the policy's own text is sealed.
std::string of_policy(const model::PolicyReply& reply) {
  if (reply.difference.empty()) return {};
  std::size_t added = 0, removed = 0, changed = 0;
  for (const std::string& line : reply.difference) ++(line[0] == '+' ? added : line[0] == '-' ? removed : changed);
  return "policy_version=" + std::to_string(reply.policy.version) + " added=" + std::to_string(added) +
         " removed=" + std::to_string(removed) + " changed=" + std::to_string(changed);
}

}  // namespace

std::string audit_details(const model::TenantOperation& operation, const model::ReplyBody& reply) {
  if (const auto* set = std::get_if<model::SetPermission>(&operation)) {
    return "subject=" + set->subject + " level=" + (set->level ? std::string(to_string(*set->level)) : "NONE");
  }
  if (const auto* policy = std::get_if<model::PolicyReply>(&reply)) return of_policy(*policy);
  if (const auto* token = std::get_if<model::TokenReply>(&reply)) return "token=" + token->token.id;
  if (const auto* issuer = std::get_if<model::IssuerReply>(&reply)) {
    return "issuer_version=" + std::to_string(issuer->issuer.version);
  }
  if (const auto* rule = std::get_if<model::CertificateRuleReply>(&reply)) {
    return "certificate_rule_version=" + std::to_string(rule->rule.version);
  }
  if (const auto* quota = std::get_if<model::QuotaReply>(&reply)) {
    return "quota_version=" + std::to_string(quota->own.version);
  }
  return {};
}

}  // namespace coffer::actors

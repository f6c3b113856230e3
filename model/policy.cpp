// Checks of a policy, its difference to another, and the rights that it gives to a principal; any thread.

#include "model/policy.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "model/access.hpp"
#include "model/checks.hpp"
#include "model/text.hpp"

namespace coffer::model {
namespace {

constexpr std::array<std::string_view, 6> kSubjectKinds{"user:", "service:", "token:", "cert:", "door:", "role:"};

Status invalid(std::string detail) { return Error(Code::invalid_argument, std::move(detail)); }

Status check_period(const Period& period) {
  if (Status status = check_time("not_before", period.not_before); !status) return status;
  if (Status status = check_time("expires_at", period.expires_at); !status) return status;
  if (period.expires_at == 0 || period.not_before < period.expires_at) return {};
  return invalid("expires_at: " + rfc3339(period.expires_at) + " is not after not_before, " +
                 rfc3339(period.not_before));
}

Status check_role_name(std::string_view name) {
  // Roles are named as spaces are, so that a pattern character or a blank never hides in one.
  if (Status status = check_space(name); status) return {};
  return invalid("name: " + in_quotes(name) +
                 " is not 1 to 63 lower-case letters, digits, '.', '_' and '-' that begin with a letter or a digit");
}

Status check_grant(const Grant& grant, const Limits& limits) {
  if (grant.effect != Effect::allow && grant.effect != Effect::deny) return invalid("effect: it is allow or deny");
  if (Status status = check_scope({grant.capabilities, grant.spaces, grant.names}, limits); !status) return status;
  return check_period(grant.period);
}

Status check_role(const Role& role, const Limits& limits) {
  if (Status status = check_role_name(role.name); !status) return status;
  if (Status status = check_text("description", role.description, limits.token_description_bytes); !status) {
    return status;
  }
  if (role.grants.size() > limits.grants) return too_many("grants", role.grants.size(), limits.grants);
  std::set<Grant> seen;
  for (std::size_t i = 0; i < role.grants.size(); ++i) {
    if (Status status = check_grant(role.grants[i], limits); !status) return within(indexed("grants", i), status);
    if (!seen.insert(role.grants[i]).second) return invalid(indexed("grants", i) + ": it stands there twice");
  }
  return {};
}

Status check_binding(const Binding& binding, const std::set<std::string_view>& roles, const Limits& limits) {
  if (!roles.contains(binding.role)) {
    return invalid("role: there is no role " + in_quotes(binding.role) + " in this policy");
  }
  if (binding.subjects.empty()) return invalid("subjects: at least one is needed; \"*\" is everyone");
  if (binding.subjects.size() > limits.subjects) return too_many("subjects", binding.subjects.size(), limits.subjects);
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < binding.subjects.size(); ++i) {
    const std::string where = indexed("subjects", i);
    if (Status status = check_subject(where, binding.subjects[i], limits); !status) return status;
    if (!seen.insert(binding.subjects[i]).second) {
      return invalid(where + ": " + in_quotes(binding.subjects[i]) + " stands there twice");
    }
  }
  return check_period(binding.period);
}

std::size_t bytes_of(const std::vector<std::string>& texts) {
  std::size_t sum = 0;
  for (const std::string& text : texts) sum += text.size() + 2;
  return sum;
}

std::size_t bytes_of(const PolicySet& policy) {
  std::size_t sum = 0;
  for (const Role& role : policy.roles) {
    sum += role.name.size() + role.description.size();
    for (const Grant& grant : role.grants) sum += 32 + bytes_of(grant.spaces) + bytes_of(grant.names);
  }
  for (const Binding& binding : policy.bindings) sum += 32 + binding.role.size() + bytes_of(binding.subjects);
  return sum;
}

// ---- differences

std::string joined(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& one : texts) text += (text.empty() ? "" : ", ") + one;
  return text;
}

std::string text_of(const Period& period) {
  std::string text;
  if (period.not_before != 0) text += " from " + rfc3339(period.not_before);
  if (period.expires_at != 0) text += " until " + rfc3339(period.expires_at);
  return text;
}

std::string text_of(const Grant& grant) {
  std::string capabilities;
  for (std::uint32_t bit = 1; bit <= kAllCapabilities; bit <<= 1) {
    if ((grant.capabilities & bit) == 0) continue;
    capabilities += capabilities.empty() ? "" : ", ";
    capabilities += to_string(static_cast<Capability>(bit));
  }
  return std::string(to_string(grant.effect)) + " " + capabilities + " on " + joined(grant.names) + " in " +
         joined(grant.spaces) + text_of(grant.period);
}

std::string text_of(const Binding& binding) {
  return "binding of role " + binding.role + " to " + joined(binding.subjects) + text_of(binding.period);
}

Binding in_order(Binding binding) {
  std::sort(binding.subjects.begin(), binding.subjects.end());
  return binding;
}

void compare_roles(const Role& before, const Role& after, std::vector<std::string>* lines) {
  const std::string role = "role " + after.name;
  if (before.description != after.description) {
    lines->push_back("~ " + role + ": its description is now " + in_quotes(after.description));
  }
  const std::set<Grant> old(before.grants.begin(), before.grants.end());
  const std::set<Grant> now(after.grants.begin(), after.grants.end());
  for (const Grant& grant : old) {
    if (!now.contains(grant)) lines->push_back("- " + role + ": " + text_of(grant));
  }
  for (const Grant& grant : now) {
    if (!old.contains(grant)) lines->push_back("+ " + role + ": " + text_of(grant));
  }
}

}  // namespace

std::string_view to_string(Effect effect) { return effect == Effect::deny ? "deny" : "allow"; }

Status check_subject(std::string_view where, std::string_view subject, const Limits& limits) {
  if (subject == "*") return {};
  if (Status status = check_label(where, subject, limits.subject_bytes); !status) return status;
  for (const std::string_view kind : kSubjectKinds) {
    if (subject.starts_with(kind) && subject.size() > kind.size()) return {};
  }
  std::string kinds;
  for (const std::string_view kind : kSubjectKinds) (kinds += kinds.empty() ? "" : ", ") += kind;
  return invalid(std::string(where) + ": " + in_quotes(subject) + " is no subject; write one of " + kinds +
                 " and a name or a prefix that ends in '*', or \"*\" for everyone");
}

Status check_policy(const PolicySet& policy, const Limits& limits) {
  if (policy.roles.size() > limits.roles) return too_many("roles", policy.roles.size(), limits.roles);
  if (policy.bindings.size() > limits.bindings) return too_many("bindings", policy.bindings.size(), limits.bindings);
  std::set<std::string_view> roles;
  for (std::size_t i = 0; i < policy.roles.size(); ++i) {
    if (Status status = check_role(policy.roles[i], limits); !status) return within(indexed("roles", i), status);
    if (roles.insert(policy.roles[i].name).second) continue;
    return invalid(indexed("roles", i) + ": name: an earlier role is called " + in_quotes(policy.roles[i].name) +
                   ", too; name each once");
  }
  std::set<Binding> seen;
  for (std::size_t i = 0; i < policy.bindings.size(); ++i) {
    const std::string where = indexed("bindings", i);
    if (Status status = check_binding(policy.bindings[i], roles, limits); !status) return within(where, status);
    if (!seen.insert(in_order(policy.bindings[i])).second) return invalid(where + ": it stands there twice");
  }
  const std::size_t bytes = bytes_of(policy);
  if (bytes <= limits.policy_bytes) return {};
  return Error(Code::too_large, "policy: about " + std::to_string(bytes) + " bytes; at most " +
                                    std::to_string(limits.policy_bytes) + " are allowed");
}

std::vector<std::string> policy_difference(const PolicySet& before, const PolicySet& after) {
  std::vector<std::string> lines;
  std::map<std::string_view, std::pair<const Role*, const Role*>> roles;
  for (const Role& role : before.roles) roles[role.name].first = &role;
  for (const Role& role : after.roles) roles[role.name].second = &role;
  for (const auto& [name, pair] : roles) {
    const auto& [old, now] = pair;
    if (old != nullptr && now != nullptr) {
      compare_roles(*old, *now, &lines);
      continue;
    }
    const Role& role = old != nullptr ? *old : *now;
    const std::string sign = old != nullptr ? "- " : "+ ";
    lines.push_back(sign + "role " + role.name + (role.description.empty() ? "" : ": " + in_quotes(role.description)));
    for (const Grant& grant : std::set<Grant>(role.grants.begin(), role.grants.end())) {
      lines.push_back(sign + "role " + role.name + ": " + text_of(grant));
    }
  }
  std::set<Binding> old, now;
  for (const Binding& binding : before.bindings) old.insert(in_order(binding));
  for (const Binding& binding : after.bindings) now.insert(in_order(binding));
  for (const Binding& binding : old) {
    if (!now.contains(binding)) lines.push_back("- " + text_of(binding));
  }
  for (const Binding& binding : now) {
    if (!old.contains(binding)) lines.push_back("+ " + text_of(binding));
  }
  return lines;
}

Rights rights_of(std::shared_ptr<const PolicySet> policy, std::string_view name,
                 const std::vector<std::string>& roles) {
  Rights rights;
  if (!policy) return rights;
  const auto concerns = [&](const Binding& binding) {
    if (any_matches(binding.subjects, name)) return true;
    return std::any_of(roles.begin(), roles.end(),
                       [&](const std::string& role) { return any_matches(binding.subjects, "role:" + role); });
  };
  std::map<std::string_view, std::set<Period>> bound;
  for (const Binding& binding : policy->bindings) {
    if (concerns(binding)) bound[binding.role].insert(binding.period);
  }
  for (const Role& role : policy->roles) {
    const auto found = bound.find(role.name);
    if (found == bound.end()) continue;
    // A binding without bounds says all that the others of its role say; it is the first of the order.
    if (*found->second.begin() == Period{}) found->second = {Period{}};
    for (const Period& period : found->second) {
      for (const Grant& grant : role.grants) {
        (grant.effect == Effect::deny ? rights.denies : rights.allows).push_back({&grant, period});
      }
    }
  }
  rights.policy = std::move(policy);
  return rights;
}

}  // namespace coffer::model

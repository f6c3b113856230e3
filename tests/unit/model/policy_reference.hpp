#pragma once
// The rights of a tenant said once more, as plainly as they can be: no precomputation, no early end, nothing shared with
// model/access.cpp but the types. The property test compares the evaluator with it.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "model/access.hpp"

namespace coffer::model::test {

inline bool reference_matches(const std::string& pattern, const std::string& text) {
  if (!pattern.empty() && pattern.back() == '*')
    return text.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
  return pattern == text;
}

inline bool reference_any(const std::vector<std::string>& patterns, const std::string& text) {
  int matching = 0;
  for (const std::string& pattern : patterns) matching += reference_matches(pattern, text) ? 1 : 0;
  return matching > 0;
}

inline bool reference_may(const PolicySet& policy, const Principal& who, Capability what, const std::string& space,
                          const std::string& name, const Entry* entry, TimeMs now) {
  const auto bit = static_cast<std::uint32_t>(what);
  std::vector<std::string> subjects{who.name};
  for (const std::string& role : who.roles) subjects.push_back("role:" + role);
  const auto is_meant = [&](const std::vector<std::string>& patterns) {
    return std::any_of(subjects.begin(), subjects.end(), [&](const auto& s) { return reference_any(patterns, s); });
  };
  const auto in_time = [&](const Period& p) {
    return p.not_before <= now && (p.expires_at == 0 || p.expires_at > now);
  };
  bool allowed = false, denied = false;
  for (const Binding& binding : policy.bindings) {
    for (const Role& role : policy.roles) {
      for (const Grant& grant : role.grants) {
        const bool applies = binding.role == role.name && is_meant(binding.subjects) && in_time(binding.period) &&
                             in_time(grant.period) && (grant.capabilities & bit) != 0 &&
                             reference_any(grant.spaces, space) && reference_any(grant.names, name);
        if (applies && grant.effect == Effect::allow) allowed = true;
        if (applies && grant.effect == Effect::deny) denied = true;
      }
    }
  }
  static const std::vector<std::string> by_level[] = {{},
                                                      {"list", "read"},
                                                      {"list", "read", "read-value", "write"},
                                                      {"list", "read", "read-value", "write", "delete", "grant"}};
  const auto level_gives = [&](int level) {
    const auto& names = by_level[level];
    return std::find(names.begin(), names.end(), std::string(to_string(what))) != names.end();
  };
  if (entry != nullptr) {
    if (!entry->owner.empty() && entry->owner == who.name && level_gives(3)) allowed = true;
    for (const Permission& permission : entry->permissions) {
      if (is_meant({permission.subject}) && level_gives(static_cast<int>(permission.level))) allowed = true;
    }
  }
  bool in_scopes = who.scopes.empty();
  for (const Scope& scope : who.scopes) {
    const bool covers =
        (scope.capabilities & bit) != 0 && reference_any(scope.spaces, space) && reference_any(scope.names, name);
    if (covers) in_scopes = allowed = true;
  }
  return who.everything || (allowed && in_scopes && !denied);
}

}  // namespace coffer::model::test

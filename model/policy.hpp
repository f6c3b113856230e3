#pragma once
// A tenant's policy: roles that allow or deny, and who has them. The shard reads it from its partition and makes the
// Rights of each principal once; model/access.hpp decides with them. Pure values, any thread.
//
// A pattern is a name, or a prefix that ends in '*'. A subject is "user:alice", "service:ci", "token:3fa9...",
// "cert:<SAN>", "door:dapr" or "role:<role of a claim>", or a prefix of such that ends in '*'; "*" is everyone.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.hpp"
#include "model/result.hpp"

namespace coffer::model {

enum class Effect : std::uint8_t { allow = 1, deny = 2 };
std::string_view to_string(Effect effect);

/// From `not_before` on and until before `expires_at`; 0 is no bound.
struct Period {
  TimeMs not_before = 0, expires_at = 0;
  bool holds_at(TimeMs now) const { return now >= not_before && (expires_at == 0 || now < expires_at); }
  friend auto operator<=>(const Period&, const Period&) = default;
};

/// Capabilities on patterns of spaces and names. An empty list of patterns matches nothing.
struct Grant {
  Effect effect = Effect::allow;
  std::uint32_t capabilities = 0;
  std::vector<std::string> spaces, names;
  Period period;
  friend auto operator<=>(const Grant&, const Grant&) = default;
};

struct Role {
  std::string name, description;
  std::vector<Grant> grants;
  friend bool operator==(const Role&, const Role&) = default;
};

/// Gives a role to every principal that one of the subjects matches.
struct Binding {
  std::string role;
  std::vector<std::string> subjects;
  Period period;
  friend auto operator<=>(const Binding&, const Binding&) = default;
};

struct PolicySet {
  std::uint64_t version = 0;  // counts the changes; 0: there never was one
  std::vector<Role> roles;
  std::vector<Binding> bindings;
  TimeMs changed_at = 0;
  std::string changed_by;
  friend bool operator==(const PolicySet&, const PolicySet&) = default;
};

// Here, because a request walks over the patterns of every grant that concerns it.
inline bool pattern_matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty() || pattern.back() != '*') return pattern == text;
  pattern.remove_suffix(1);
  return text.substr(0, pattern.size()) == pattern;
}
/// One of the patterns matches.
inline bool any_matches(const std::vector<std::string>& patterns, std::string_view text) {
  for (const std::string& pattern : patterns) {
    if (pattern_matches(pattern, text)) return true;
  }
  return false;
}

/// Names, patterns, subjects, bounds and sizes; every role that is bound exists, nothing stands there twice. Errors:
/// invalid_argument, too_large; the detail opens with the place ("roles[2].grants[0]: names[1]: ...").
Status check_policy(const PolicySet& policy, const Limits& limits);
/// A subject as above. `where` opens the detail.
Status check_subject(std::string_view where, std::string_view subject, const Limits& limits);

/// What must be added ("+ "), removed ("- ") or changed ("~ ") to make `after` of `before`: a line for each role, grant
/// and binding, in a fixed order. Empty when they say the same, in whatever order. Versions are not compared.
std::vector<std::string> policy_difference(const PolicySet& before, const PolicySet& after);

/// The grants of a policy that may concern one principal, whenever. Keeps the policy alive.
struct Rights {
  struct Bound {
    const Grant* grant = nullptr;
    Period binding;  // holds together with the grant's own
  };
  std::shared_ptr<const PolicySet> policy;
  std::vector<Bound> denies, allows;
};

/// `name` as in Principal, `roles` those of his claims. A null policy gives no rights.
Rights rights_of(std::shared_ptr<const PolicySet> policy, std::string_view name, const std::vector<std::string>& roles);

}  // namespace coffer::model

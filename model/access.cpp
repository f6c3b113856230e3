// Names of capabilities and doors, and the one evaluator of rights; any thread.

#include "model/access.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "model/text.hpp"

namespace coffer::model {
namespace {

constexpr std::array<std::pair<Capability, std::string_view>, 8> kCapabilities{{
    {Capability::list, "list"},
    {Capability::read, "read"},
    {Capability::read_value, "read-value"},
    {Capability::write, "write"},
    {Capability::del, "delete"},
    {Capability::inject, "inject"},
    {Capability::grant, "grant"},
    {Capability::admin, "admin"},
}};
static_assert(kAllCapabilities == (1u << kCapabilities.size()) - 1, "every capability has a name");

/// Of a Scope or a Grant.
template <class Part>
bool covers(const Part& part, Capability capability, std::string_view space, std::string_view name) {
  return (part.capabilities & static_cast<std::uint32_t>(capability)) != 0 && any_matches(part.spaces, space) &&
         any_matches(part.names, name);
}

bool any_covers(const std::vector<Rights::Bound>& bounds, Capability capability, std::string_view space,
                std::string_view name, TimeMs now) {
  return std::any_of(bounds.begin(), bounds.end(), [&](const Rights::Bound& bound) {
    return bound.binding.holds_at(now) && bound.grant->period.holds_at(now) &&
           covers(*bound.grant, capability, space, name);
  });
}

/// Is the subject of a permission this principal, or one of his roles?
bool names_principal(std::string_view subject, const Principal& principal) {
  if (pattern_matches(subject, principal.name)) return true;
  return std::any_of(principal.roles.begin(), principal.roles.end(),
                     [&](const std::string& role) { return pattern_matches(subject, "role:" + role); });
}

bool entry_gives(const Entry& entry, const Principal& principal, Capability capability) {
  const auto bit = static_cast<std::uint32_t>(capability);
  if (!entry.owner.empty() && entry.owner == principal.name) return (capabilities_of(Level::admin) & bit) != 0;
  return std::any_of(entry.permissions.begin(), entry.permissions.end(), [&](const Permission& permission) {
    return (capabilities_of(permission.level) & bit) != 0 && names_principal(permission.subject, principal);
  });
}

}  // namespace

std::string_view to_string(Capability capability) {
  for (const auto& [value, name] : kCapabilities) {
    if (value == capability) return name;
  }
  return "unknown";
}

Result<Capability> parse_capability(std::string_view text) {
  std::string known;
  for (const auto& [value, name] : kCapabilities) {
    if (name == text) return value;
    known += known.empty() ? "" : ", ";
    known += name;
  }
  return Error(Code::invalid_argument, "capability " + in_quotes(text) + " does not exist; there are " + known);
}

std::string_view to_string(Door door) {
  switch (door) {
    case Door::native: return "native";
    case Door::direktiv: return "direktiv";
    case Door::dapr: return "dapr";
    case Door::cloudforet: return "cloudforet";
    case Door::tapis: return "tapis";
    case Door::admin: return "admin";
  }
  return "unknown";
}

std::uint32_t capabilities_of(Level level) {
  constexpr auto bits = []<class... C>(C... all) { return (static_cast<std::uint32_t>(all) | ...); };
  constexpr std::uint32_t kRead = bits(Capability::list, Capability::read);
  constexpr std::uint32_t kUser = kRead | bits(Capability::read_value, Capability::write);
  constexpr std::uint32_t kAdmin = kUser | bits(Capability::del, Capability::grant);
  switch (level) {
    case Level::read: return kRead;
    case Level::user: return kUser;
    case Level::admin: return kAdmin;
  }
  return 0;
}

Verdict PolicyAuthorizer::judge(const Principal& principal, Capability capability, std::string_view space,
                                std::string_view name, const Entry* entry, TimeMs now) const {
  if (principal.everything) return Verdict::allowed;
  const Rights& rights = principal.rights;
  if (any_covers(rights.denies, capability, space, name, now)) return Verdict::denied;
  if (!principal.scopes.empty()) {
    const auto& scopes = principal.scopes;
    const bool covered = std::any_of(scopes.begin(), scopes.end(),
                                     [&](const Scope& scope) { return covers(scope, capability, space, name); });
    return covered ? Verdict::allowed : Verdict::denied;
  }
  if (any_covers(rights.allows, capability, space, name, now)) return Verdict::allowed;
  return entry != nullptr && entry_gives(*entry, principal, capability) ? Verdict::allowed : Verdict::lacking;
}

Error refusal(const Principal& principal, Capability capability, std::string_view space, std::string_view name) {
  return {Code::permission_denied, in_quotes(principal.name) + " lacks the capability " +
                                       std::string(to_string(capability)) + " on " + in_quotes(name) + " in space " +
                                       in_quotes(space)};
}

}  // namespace coffer::model

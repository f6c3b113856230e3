// Names of capabilities and doors, patterns, and the rights that a token's scopes give; any thread.

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

bool any_matches(const std::vector<std::string>& patterns, std::string_view text) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return pattern_matches(p, text); });
}

bool grants(const Scope& scope, Capability capability, std::string_view space, std::string_view name) {
  return (scope.capabilities & static_cast<std::uint32_t>(capability)) != 0 && any_matches(scope.spaces, space) &&
         any_matches(scope.names, name);
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

bool pattern_matches(std::string_view pattern, std::string_view text) {
  if (!pattern.ends_with('*')) return pattern == text;
  return text.starts_with(pattern.substr(0, pattern.size() - 1));
}

Status ScopeAuthorizer::check(const Principal& principal, Capability capability, std::string_view space,
                              std::string_view name, const Entry*) const {
  if (principal.everything) return {};
  for (const Scope& scope : principal.scopes) {
    if (grants(scope, capability, space, name)) return {};
  }
  return Error(Code::permission_denied, in_quotes(principal.name) + " lacks the capability " +
                                            std::string(to_string(capability)) + " on " + in_quotes(name) +
                                            " in space " + in_quotes(space));
}

}  // namespace coffer::model

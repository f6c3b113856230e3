// See operators.hpp.

#include "model/operators.hpp"

#include <algorithm>

#include "model/entry.hpp"

namespace coffer::model {
namespace {

constexpr std::size_t kMostCapabilities = 256, kLongestCapability = 64;

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
}

bool is_capability(std::string_view text) {
  if (text == kEveryCapability) return true;
  if (text.size() > kLongestCapability) return false;
  const auto dot = text.find('.');
  return is_word(text.substr(0, dot)) && (dot == std::string_view::npos || is_word(text.substr(dot + 1)));
}

}  // namespace

bool operator_may(const std::vector<std::string>& held, std::string_view wanted) {
  const std::string_view service = wanted.substr(0, wanted.find('.'));
  return std::ranges::any_of(
      held, [&](const std::string& one) { return one == kEveryCapability || one == wanted || one == service; });
}

Status check_operator(const std::string& name, const std::vector<std::string>& capabilities) {
  if (!check_tenant_name(name)) {
    return Error(
        Code::invalid_argument,
        "name: an operator's has 1 to 63 of a-z, 0-9, '.', '_', '-', beginning and ending with a letter or digit");
  }
  if (capabilities.empty() || capabilities.size() > kMostCapabilities) {
    return Error(Code::invalid_argument, "capabilities: 1 to 256 are needed; \"*\" is all of them");
  }
  for (const std::string& one : capabilities) {
    if (is_capability(one)) continue;
    return Error(Code::invalid_argument,
                 "capabilities: one is neither \"*\" nor like \"tenants\" or \"tenants.create\"");
  }
  return {};
}

std::string operator_principal(const Credential& credential) {
  if (credential.kind == CredentialKind::dev_root) return "dev-root";
  return credential.principal.empty() ? "operator" : credential.principal;
}

}  // namespace coffer::model

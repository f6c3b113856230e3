// Scopes as text; see scope.hpp.

#include "app/cli/scope.hpp"

#include <vector>

#include "model/access.hpp"

namespace coffer::app::cli {
namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

template <class List>
std::string join(const List& list) {
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "" : ",") + item;
  return text;
}

}  // namespace

model::Result<admin::v1::Scope> parse_scope(std::string_view text) {
  const model::Error form(
      model::Code::invalid_argument,
      "--scope '" + std::string(text) + "': write CAPABILITIES:SPACES:NAMES, such as list,read,read-value:kv:app/*");
  const auto first = text.find(':');
  const auto second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) return form;
  admin::v1::Scope scope;
  for (auto& word : split(text.substr(0, first))) {
    if (const auto capability = model::parse_capability(word); !capability.ok()) return capability.error();
    scope.add_capabilities(std::move(word));
  }
  for (auto& space : split(text.substr(first + 1, second - first - 1))) scope.add_spaces(std::move(space));
  for (auto& name : split(text.substr(second + 1))) scope.add_names(std::move(name));
  for (const auto* list : {&scope.spaces(), &scope.names()}) {
    for (const auto& pattern : *list) {
      if (pattern.empty()) return form;
    }
  }
  return scope;
}

std::string show_scopes(const admin::v1::Token& token) {
  std::string text;
  for (const auto& scope : token.scopes()) {
    text +=
        (text.empty() ? "" : " ") + join(scope.capabilities()) + ":" + join(scope.spaces()) + ":" + join(scope.names());
  }
  return text;
}

}  // namespace coffer::app::cli

// See resource.hpp.

#include "net/cloudforet/resource.hpp"

#include "model/document.hpp"

namespace coffer::net::cloudforet {

std::optional<std::string> Resource::stored_key(std::string_view key) const {
  const auto dot = std::min(key.find('.'), key.size());
  std::string first(key.substr(0, dot));
  const std::string rest(key.substr(dot));
  if (keys.find(first) == keys.end()) return std::nullopt;
  if (first == "schema") first = "schema_id";
  if (first == "user_projects") first = "project_id";
  if (is("SecretGroup") && first == "secret_id") first = "secrets";
  return first + rest;
}

std::vector<Resource> resources_of(const Generation& generation) {
  struct Row {
    const char* service;
    std::string_view name, space, id_field, id_prefix;
  };
  static constexpr Row kRows[] = {
      {"spaceone.api.secret.v1.Secret", "Secret", model::kSecretSpace, "secret_id", "secret-"},
      {"spaceone.api.secret.v1.TrustedSecret", "TrustedSecret", model::kTrustedSecretSpace, "trusted_secret_id",
       "trusted-secret-"},
      {"spaceone.api.secret.v1.SecretGroup", "SecretGroup", model::kSecretGroupSpace, "secret_group_id", "secret-grp-"},
      {"spaceone.api.user_secret.v1.UserSecret", "UserSecret", model::kUserSecretSpace, "user_secret_id",
       "user-secret-"},
  };
  std::vector<Resource> resources;
  for (const Row& row : kRows) {
    const auto* service = generation.service(row.service);
    if (!service) continue;
    Resource resource{&generation, service, row.name, row.space, row.id_field, row.id_prefix};
    resource.of_user = row.name == "UserSecret";
    resource.unique_names = generation.is_older() && !resource.of_user;
    resource.info = service->FindMethodByName("get")->output_type();
    for (int i = 0; i < resource.info->field_count(); ++i) resource.keys.insert(resource.info->field(i)->name());
    resource.keys.erase("state");  // shown and never stored
    if (!resource.is("SecretGroup")) resource.keys.insert({"encrypted", "encrypt_options"});
    if (resource.is("Secret")) resource.keys.insert("user_projects");
    if (resource.is("SecretGroup")) resource.keys.insert("secret_id");
    resources.push_back(std::move(resource));
  }
  return resources;
}

}  // namespace coffer::net::cloudforet

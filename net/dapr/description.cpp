// See description.hpp.

#include "net/dapr/description.hpp"

namespace coffer::net::dapr {
namespace {

constexpr std::string_view kType = "secretstores.coffer", kComponentVersion = "v1";
constexpr std::string_view kManyValues = "MULTIPLE_KEY_VALUES_PER_SECRET";

void append_member(std::string* out, std::string_view key, std::string_view value) {
  if (out->back() != '{') out->push_back(',');
  append_go_string(out, key);
  out->push_back(':');
  append_go_string(out, value);
}

}  // namespace

Description describe_server(const std::string& version, const Stores& stores, const Attributes& attributes,
                            const model::Credential& credential) {
  Description description;
  description.version = version;
  if (credential.kind != model::CredentialKind::token) description.components = stores.components();
  description.extended = attributes.of(credential);
  description.extended.emplace("daprRuntimeVersion", version);
  return description;
}

std::string to_json(const Description& description) {
  std::string out = "{";
  append_member(&out, "id", kId);
  append_member(&out, "runtimeVersion", description.version);
  if (!description.components.empty()) {
    out.append(",\"components\":[");
    for (const auto& component : description.components) {
      if (out.back() != '[') out.push_back(',');
      out.push_back('{');
      append_member(&out, "name", component.name);
      append_member(&out, "type", kType);
      append_member(&out, "version", kComponentVersion);
      out.append(",\"capabilities\":[");
      if (component.multiple_values) append_go_string(&out, kManyValues);
      out.append("]}");
    }
    out.push_back(']');
  }
  out.append(",\"extended\":");
  append_go_map(&out, description.extended);
  return out.append("}\n");
}

void to_message(const Description& description, ::dapr::proto::runtime::v1::GetMetadataResponse* out) {
  out->set_id(std::string(kId));
  out->set_runtime_version(description.version);
  for (const auto& component : description.components) {
    auto* row = out->add_registered_components();
    row->set_name(component.name);
    row->set_type(std::string(kType));
    row->set_version(std::string(kComponentVersion));
    if (component.multiple_values) row->add_capabilities(std::string(kManyValues));
  }
  out->mutable_extended_metadata()->insert(description.extended.begin(), description.extended.end());
}

}  // namespace coffer::net::dapr

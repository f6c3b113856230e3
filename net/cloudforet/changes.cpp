// See changes.hpp.

#include "net/cloudforet/changes.hpp"

#include <array>
#include <utility>

#include "crypto/hash.hpp"
#include "model/document.hpp"
#include "model/utf8.hpp"

namespace coffer::net::cloudforet {
namespace {

using model::ChangeDocument;
using model::Error;
using model::Result;
using model::Status;

constexpr std::size_t kIdBytes = 6;
constexpr std::size_t kMostTags = 64 << 10;

/// Characters, as upstream's database counts them.
std::size_t length(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

/// Contract section 3.1; only 1.12 has long domains, and it has no user secrets.
std::size_t most(const Resource& resource, std::string_view field) {
  const bool is_long = field == "name" || (field == "domain_id" && resource.older() && !resource.of_user);
  return is_long ? 255 : 40;
}

Status check_length(const Resource& resource, std::string_view field, std::string_view value) {
  return length(value) <= most(resource, field) ? Status() : Status(too_long(resource, field));
}

Status put_text(const Resource& resource, std::string_view field, const char* stored, std::string value,
                ChangeDocument& change) {
  if (value.empty()) return {};
  if (const Status ok = check_length(resource, field, value); !ok) return ok;
  change.attributes[stored] = std::move(value);
  return {};
}

/// A number that JSON has no word for would be stored as null, and what is stored is what was sent.
Status check_numbers(std::string_view key, const Message& structure) {
  if (is_finite(structure)) return {};
  return error("ERROR_INVALID_PARAMETER", "Parameter is invalid. (key = " + std::string(key) +
                                              ", reason = A number in it is not finite or too large for a double.)");
}

Status put_tags(const Message& in, ChangeDocument& change) {
  const Message* tags = child(in, "tags");
  if (!tags) return {};
  if (const Status ok = check_numbers("tags", *tags); !ok) return ok;
  std::string text = trimmed_json(*tags);
  if (text.size() > kMostTags) {
    return error("ERROR_INVALID_PARAMETER", "Parameter is invalid. (key = tags, reason = They are larger than " +
                                                std::to_string(kMostTags) + " bytes of JSON.)");
  }
  change.attributes["tags"] = std::move(text);
  return {};
}

Status put_data(const Message& data, ChangeDocument& change) {
  if (const Status ok = check_numbers("data", data); !ok) return ok;
  change.payload = model::Payload{model::PayloadKind::json, json_of(data), {}};
  return {};
}

Result<ChangeDocument> named(const Resource& resource, const Message& in, const char* verb) {
  ChangeDocument change;
  change.kind = ChangeDocument::Kind::update;
  change.action = std::string(resource.name) + "." + verb;
  change.space = resource.space;
  change.name = text(in, resource.id_field);
  if (change.name.empty()) return required(resource.id_field);
  if (change.name.size() > 255) return Error(model::Code::entry_not_found);
  return change;
}

/// The attributes that come as they are.
constexpr std::array<const char*, 5> kPlain{"service_account_id", "project_id", "workspace_id", "trusted_secret_id",
                                            "trusted_account_id"};

}  // namespace

Error too_long(const Resource& resource, std::string_view field) {
  return db_query("ValidationError (" + std::string(resource.name) + ":None) (String value is too long: ['" +
                  std::string(field) + "'])");
}

std::string_view provider_of(std::string_view schema) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kProviders{
      {{"aws_", "aws"},
       {"google_", "google_cloud"},
       {"azure_", "azure"},
       {"alibaba_cloud_", "alibaba_cloud"},
       {"oracle_cloud_", "oracle_cloud"},
       {"openstack_", "openstack"},
       {"kubernetes_", "kubernetes"}}};
  for (const auto& [prefix, provider] : kProviders) {
    if (schema.starts_with(prefix)) return provider;
  }
  return {};
}

Result<ChangeDocument> read_create(const Resource& resource, const Message& in, const std::string& domain,
                                   crypto::Random& random) {
  ChangeDocument change;
  change.kind = ChangeDocument::Kind::create;
  change.action = std::string(resource.name) + ".create";
  change.space = resource.space;
  change.name = std::string(resource.id_prefix) + crypto::hex(random.bytes(kIdBytes));
  const std::string name = trimmed(text(in, "name"));
  const Message* data = child(in, "data");
  const std::string type = enumerator(in, "secret_type"), group = enumerator(in, "resource_group");
  if (name.empty()) return required("name");
  if (!data && !resource.is("SecretGroup")) return required("data");
  if (field_of(in, "secret_type") && type.empty()) return required("secret_type");
  if (field_of(in, "resource_group") && group.empty()) return required("resource_group");
  change.payload = model::Payload{model::PayloadKind::json, model::Secret("{}"), {}};
  if (data) {
    if (const Status ok = put_data(*data, change); !ok) return ok.error();
  }
  if (const Status ok = put_text(resource, "name", "name", name, change); !ok) return ok.error();
  if (!type.empty()) change.attributes["secret_type"] = type;
  if (!group.empty()) change.attributes["resource_group"] = group;
  for (const char* field : kPlain) {
    if (const Status ok = put_text(resource, field, field, trimmed(text(in, field)), change); !ok) return ok.error();
  }
  const std::string schema = trimmed(text(in, resource.schema_field()));
  if (const Status ok = put_text(resource, resource.schema_field(), "schema_id", schema, change); !ok) {
    return ok.error();
  }
  // UserSecret never has a provider; of the others it follows from the schema, unless the trusted secret has one.
  if (!resource.of_user && !provider_of(schema).empty()) {
    change.attributes["provider"] = std::string(provider_of(schema));
  }
  if (const Status ok = put_tags(in, change); !ok) return ok.error();
  if (const Status ok = put_text(resource, "domain_id", "domain_id", domain, change); !ok) return ok.error();
  if (resource.unique_names) change.unique = "name";
  if (change.attributes.contains("trusted_secret_id")) {
    change.reference = "trusted_secret_id";
    change.reference_space = model::kTrustedSecretSpace;
  }
  return change;
}

Result<ChangeDocument> read_update(const Resource& resource, const Message& in) {
  auto change = named(resource, in, "update");
  if (!change) return change;
  if (const Status ok = put_text(resource, "name", "name", trimmed(text(in, "name")), *change); !ok) return ok.error();
  if (const Status ok = put_text(resource, "project_id", "project_id", trimmed(text(in, "project_id")), *change); !ok) {
    return ok.error();
  }
  if (flag(in, "release_project")) change->attributes["project_id"] = std::nullopt;
  if (const Status ok = put_tags(in, *change); !ok) return ok.error();
  if (!resource.of_user) change->unique = "name";  // of 1.12 or not: the claim to the old one says it
  return change;
}

Result<ChangeDocument> read_update_data(const Resource& resource, const Message& in) {
  auto change = named(resource, in, "update_data");
  if (!change) return change;
  const Message* data = child(in, "data");
  if (!data) return required("data");
  if (const Status ok = put_data(*data, *change); !ok) return ok.error();
  const Status ok =
      put_text(resource, resource.schema_field(), "schema_id", trimmed(text(in, resource.schema_field())), *change);
  if (!ok) return ok.error();
  return change;
}

Result<ChangeDocument> read_delete(const Resource& resource, const Message& in) {
  auto change = named(resource, in, "delete");
  if (!change) return change;
  change->kind = ChangeDocument::Kind::destroy;
  change->unique = "name";  // what the other generation claimed for it is let go, too
  if (resource.is("Secret")) {
    change->reference = "trusted_secret_id";
    change->reference_space = model::kTrustedSecretSpace;
  }
  return change;
}

Result<ChangeDocument> read_membership(const Resource& resource, const Message& in, bool adds) {
  auto change = named(resource, in, adds ? "add_secret" : "remove_secret");
  if (!change) return change;
  const std::string secret = text(in, "secret_id");
  if (secret.empty()) return required("secret_id");
  if (secret.size() > 255) return Error(model::Code::entry_not_found, "secrets");
  change->list = {"secrets", secret, adds};
  change->reference_space = model::kSecretSpace;
  return change;
}

Result<model::ReadDocument> read_read(const Resource& resource, const Message& in, bool with_value) {
  model::ReadDocument read;
  read.action = std::string(resource.name) + (with_value ? ".get_data" : ".get");
  read.space = resource.space;
  read.name = text(in, resource.id_field);
  if (read.name.empty()) return required(resource.id_field);
  if (read.name.size() > 255) return Error(model::Code::entry_not_found);
  read.with_payload = with_value;
  if (with_value && resource.is("Secret")) {
    read.linked = "trusted_secret_id";
    read.linked_space = model::kTrustedSecretSpace;
  }
  return read;
}

}  // namespace coffer::net::cloudforet

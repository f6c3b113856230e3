// See document.hpp.

#include "model/document.hpp"

#include <limits>

namespace coffer::model {
namespace {

using Source = SchemaField::Source;

// Attributes are stored under the names of the newer generation; a door that speaks the older one renames (schema).
constexpr SchemaField kSecretFields[] = {
    {"secret_id", Source::name, {}},
    {"name", Source::attribute, "name"},
    {"secret_type", Source::attribute, "secret_type"},
    {"schema_id", Source::attribute, "schema_id", true},
    {"provider", Source::attribute, "provider", true},
    {"tags", Source::json, "tags"},
    {"resource_group", Source::attribute, "resource_group"},
    {"workspace_id", Source::attribute, "workspace_id", true},
    {"project_id", Source::attribute, "project_id", true},
    {"service_account_id", Source::attribute, "service_account_id", true},
    {"trusted_secret_id", Source::attribute, "trusted_secret_id", true},
    {"domain_id", Source::attribute, "domain_id"},
    {"created_at", Source::created_at, {}},
    {"encrypted", Source::flag, "encrypted"},
    {"encrypt_options", Source::json, "encrypt_options"},
};
constexpr SchemaField kTrustedFields[] = {
    {"trusted_secret_id", Source::name, {}},
    {"name", Source::attribute, "name"},
    {"schema_id", Source::attribute, "schema_id", true},
    {"provider", Source::attribute, "provider", true},
    {"tags", Source::json, "tags"},
    {"resource_group", Source::attribute, "resource_group"},
    {"workspace_id", Source::attribute, "workspace_id", true},
    {"project_id", Source::attribute, "project_id", true},
    {"service_account_id", Source::attribute, "service_account_id", true},
    {"trusted_account_id", Source::attribute, "trusted_account_id", true},
    {"domain_id", Source::attribute, "domain_id"},
    {"created_at", Source::created_at, {}},
    {"encrypted", Source::flag, "encrypted"},
    {"encrypt_options", Source::json, "encrypt_options"},
};
constexpr SchemaField kUserSecretFields[] = {
    {"user_secret_id", Source::name, {}},
    {"name", Source::attribute, "name"},
    {"schema_id", Source::attribute, "schema_id", true},
    {"provider", Source::attribute, "provider", true},
    {"tags", Source::json, "tags"},
    {"domain_id", Source::attribute, "domain_id"},
    {"user_id", Source::attribute, "user_id"},
    {"created_at", Source::created_at, {}},
    {"encrypted", Source::flag, "encrypted"},
    {"encrypt_options", Source::json, "encrypt_options"},
};
constexpr SchemaField kGroupFields[] = {
    {"secret_group_id", Source::name, {}},
    {"name", Source::attribute, "name"},
    {"tags", Source::json, "tags"},
    {"secrets", Source::json, "secrets"},
    {"domain_id", Source::attribute, "domain_id"},
    {"created_at", Source::created_at, {}},
};
constexpr SchemaField kNativeFields[] = {
    {"name", Source::name, {}},
    {"tags", Source::tags, {}},
    {"description", Source::description, {}},
    {"created_at", Source::created_at, {}},
    {"created_by", Source::created_by, {}},
};

constexpr Schema kSecret{kSecretFields, "name"}, kTrusted{kTrustedFields, "name"},
    kUserSecret{kUserSecretFields, "name"}, kGroup{kGroupFields, "name"}, kNative{kNativeFields, "name"};
static_assert(std::size(kSecretFields) <= kMostSchemaFields);

using Nested = std::unique_ptr<query::Pool>;

query::Pool& pool_of(Nested& nested) {
  if (!nested) nested = std::make_unique<query::Pool>();
  return *nested;
}

query::Value of_tags(const Entry& entry, Nested& nested) {
  std::vector<query::Value::Member> members;
  members.reserve(entry.tags.size());
  for (const auto& [key, value] : entry.tags) members.push_back({key, query::Value::of(std::string_view(value))});
  return members.empty() ? query::Value::of_object(nullptr, 0) : pool_of(nested).object(members);
}

query::Value of_json(std::string_view text, Nested& nested) {
  if (text.empty() || text == "{}") return query::Value::of_object(nullptr, 0);
  return query::parse_json(text, pool_of(nested));
}

}  // namespace

query::Value field_value(const SchemaField& field, const Entry& entry, Nested& nested) {
  switch (field.source) {
    case Source::name: return query::Value::of(std::string_view(entry.name));
    case Source::created_at: return query::Value::of_time(entry.created_at);
    case Source::created_by: return query::Value::of(std::string_view(entry.created_by));
    case Source::description: return query::Value::of(std::string_view(entry.description));
    case Source::tags: return of_tags(entry, nested);
    case Source::attribute:
    case Source::json:
    case Source::flag: break;
  }
  const auto at = entry.attributes.find(std::string(field.attribute));
  const bool there = at != entry.attributes.end();
  if (field.source == Source::flag) return query::Value::of(there);
  if (field.source == Source::json) return of_json(there ? std::string_view(at->second) : std::string_view(), nested);
  if (there) return query::Value::of(std::string_view(at->second));
  return field.null_when_absent ? query::Value::null() : query::Value();
}

int Schema::find(std::string_view name) const {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

const Schema* document_schema(std::string_view space) {
  if (!space.starts_with("cloudforet.")) return nullptr;
  if (space == kSecretSpace) return &kSecret;
  if (space == kTrustedSecretSpace) return &kTrusted;
  if (space == kUserSecretSpace) return &kUserSecret;
  return space == kSecretGroupSpace ? &kGroup : nullptr;
}

const Schema& native_schema() { return kNative; }

std::shared_ptr<const Document> make_document(std::shared_ptr<const Entry> entry, const Schema& schema) {
  auto document = std::make_shared<Document>();
  const Entry& e = *entry;
  document->entry = std::move(entry);
  if (e.state() == State::active) {
    document->readable_until = e.expires_at == 0 ? std::numeric_limits<TimeMs>::max() : e.expires_at;
  }
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    const SchemaField& field = schema.fields[i];
    document->fields[i] = field_value(field, e, document->nested);
    if (field.source != Source::json) continue;
    const auto at = e.attributes.find(std::string(field.attribute));
    if (at != e.attributes.end()) document->weight += static_cast<std::uint32_t>(at->second.size() / 1024);
  }
  return document;
}

std::size_t document_bytes(const Document& document) { return sizeof(Document) + (document.nested ? 512 : 0) + 32; }

}  // namespace coffer::model

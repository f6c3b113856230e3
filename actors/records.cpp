// See records.hpp.

#include "actors/records.hpp"

#include <google/protobuf/arena.h>

namespace coffer::actors {

namespace {

using model::Code;
using model::Error;

template <class Record>
model::Result<Record> parse(std::string_view bytes, const char* what) {
  Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Error(Code::data_loss, std::string("a stored ") + what + " record does not parse");
  }
  if (record.format() != kRecordFormat) {
    return Error(Code::data_loss, std::string("a stored ") + what + " record has format " +
                                      std::to_string(record.format()) + "; this program knows format 1");
  }
  return record;
}

model::State state_of(std::uint32_t number) {
  switch (number) {
    case 1: return model::State::active;
    case 2: return model::State::deleted;
    default: return model::State::destroyed;
  }
}

}  // namespace

std::string encode_entry(const model::Entry& entry) {
  // Its parts in one block: every put writes an entry with all its versions.
  alignas(8) char block[4096];
  google::protobuf::Arena arena(block, sizeof block);
  auto& record = *google::protobuf::Arena::CreateMessage<store::v1::EntryRecord>(&arena);
  record.set_format(kRecordFormat);
  record.set_space(entry.space);
  record.set_name(entry.name);
  record.set_description(entry.description);
  record.set_owner(entry.owner);
  for (const auto& [key, value] : entry.tags) (*record.mutable_tags())[key] = value;
  for (const auto& [key, value] : entry.attributes) (*record.mutable_attributes())[key] = value;
  record.set_created_at_ms(entry.created_at);
  record.set_updated_at_ms(entry.updated_at);
  record.set_created_by(entry.created_by);
  record.set_expires_at_ms(entry.expires_at);
  record.set_max_versions(entry.max_versions);
  record.set_last_version(entry.last_version);
  for (const model::Version& version : entry.versions) {
    auto* out = record.add_versions();
    out->set_version(version.number);
    out->set_state(static_cast<std::uint32_t>(version.state));
    out->set_created_at_ms(version.created_at);
    out->set_created_by(version.created_by);
    out->set_deleted_at_ms(version.deleted_at);
    out->set_payload_bytes(version.payload_bytes);
  }
  record.set_write_only(entry.write_only);
  record.set_read_only(entry.read_only);
  for (const model::Permission& permission : entry.permissions) {
    auto* out = record.add_permissions();
    out->set_subject(permission.subject);
    out->set_level(static_cast<std::uint32_t>(permission.level));
  }
  return record.SerializeAsString();
}

model::Result<model::Entry> decode_entry(std::string_view bytes) {
  auto parsed = parse<store::v1::EntryRecord>(bytes, "entry");
  if (!parsed) return parsed.error();
  store::v1::EntryRecord& record = *parsed;
  model::Entry entry;
  entry.space = std::move(*record.mutable_space());
  entry.name = std::move(*record.mutable_name());
  entry.description = std::move(*record.mutable_description());
  entry.owner = std::move(*record.mutable_owner());
  for (auto& [key, value] : *record.mutable_tags()) entry.tags.emplace(key, std::move(value));
  for (auto& [key, value] : *record.mutable_attributes()) entry.attributes.emplace(key, std::move(value));
  entry.created_at = record.created_at_ms();
  entry.updated_at = record.updated_at_ms();
  entry.created_by = std::move(*record.mutable_created_by());
  entry.expires_at = record.expires_at_ms();
  entry.max_versions = record.max_versions();
  entry.last_version = record.last_version();
  entry.versions.reserve(static_cast<std::size_t>(record.versions_size()));
  for (auto& in : *record.mutable_versions()) {
    entry.versions.push_back({in.version(), state_of(in.state()), in.created_at_ms(),
                              std::move(*in.mutable_created_by()), in.deleted_at_ms(), in.payload_bytes()});
  }
  entry.write_only = record.write_only();
  entry.read_only = record.read_only();
  entry.permissions.reserve(static_cast<std::size_t>(record.permissions_size()));
  for (auto& in : *record.mutable_permissions()) {
    if (in.level() < 1 || in.level() > 3) return Error(Code::data_loss, "a stored permission has an unknown level");
    entry.permissions.push_back({std::move(*in.mutable_subject()), static_cast<model::Level>(in.level())});
  }
  return entry;
}

std::string encode_token(const model::TokenInfo& token) {
  store::v1::TokenRecord record;
  record.set_format(kRecordFormat);
  record.set_id(token.id);
  record.set_description(token.description);
  for (const model::Scope& scope : token.scopes) {
    auto* out = record.add_scopes();
    out->set_capabilities(scope.capabilities);
    for (const std::string& space : scope.spaces) out->add_spaces(space);
    for (const std::string& name : scope.names) out->add_names(name);
  }
  record.set_created_at_ms(token.created_at);
  record.set_expires_at_ms(token.expires_at);
  record.set_created_by(token.created_by);
  record.set_revoked_at_ms(token.revoked_at);
  for (const std::string& range : token.addresses) record.add_addresses(range);
  record.set_renewable(token.renewable);
  record.set_ttl_ms(token.ttl);
  record.set_max_expires_at_ms(token.max_expires_at);
  return record.SerializeAsString();
}

model::Result<model::TokenInfo> decode_token(std::string_view bytes) {
  auto parsed = parse<store::v1::TokenRecord>(bytes, "token");
  if (!parsed) return parsed.error();
  const store::v1::TokenRecord& record = *parsed;
  model::TokenInfo token;
  token.id = record.id();
  token.description = record.description();
  token.created_by = record.created_by();
  for (const auto& in : record.scopes()) {
    model::Scope scope;
    scope.capabilities = in.capabilities();
    scope.spaces.assign(in.spaces().begin(), in.spaces().end());
    scope.names.assign(in.names().begin(), in.names().end());
    token.scopes.push_back(std::move(scope));
  }
  token.created_at = record.created_at_ms();
  token.expires_at = record.expires_at_ms();
  token.revoked_at = record.revoked_at_ms();
  token.addresses.assign(record.addresses().begin(), record.addresses().end());
  token.renewable = record.renewable();
  token.ttl = record.ttl_ms();
  token.max_expires_at = record.max_expires_at_ms();
  return token;
}

std::string encode_issuer(const model::Issuer& issuer) {
  store::v1::IssuerRecord record;
  record.set_format(kRecordFormat);
  record.set_name(issuer.name);
  record.set_iss(issuer.iss);
  record.mutable_public_keys()->Assign(issuer.public_keys.begin(), issuer.public_keys.end());
  record.set_jwks(issuer.jwks);
  record.set_jwks_url(issuer.jwks_url);
  record.set_jwks_ca(issuer.jwks_ca);
  record.mutable_audiences()->Assign(issuer.audiences.begin(), issuer.audiences.end());
  record.set_algorithms(issuer.algorithms);
  record.set_clock_skew_s(issuer.clock_skew_s);
  record.set_mapping(issuer.mapping);
  auto* claims = record.mutable_claims();
  claims->set_tenant(issuer.claims.tenant);
  claims->set_principal(issuer.claims.principal);
  claims->set_roles(issuer.claims.roles);
  claims->set_kind(issuer.claims.kind);
  claims->set_service(issuer.claims.service);
  record.set_version(issuer.version);
  record.set_changed_at_ms(issuer.changed_at);
  record.set_changed_by(issuer.changed_by);
  return record.SerializeAsString();
}

model::Result<model::Issuer> decode_issuer(std::string_view bytes) {
  auto parsed = parse<store::v1::IssuerRecord>(bytes, "issuer");
  if (!parsed) return parsed.error();
  const store::v1::IssuerRecord& record = *parsed;
  model::Issuer issuer;
  issuer.name = record.name();
  issuer.iss = record.iss();
  issuer.public_keys.assign(record.public_keys().begin(), record.public_keys().end());
  issuer.jwks = record.jwks();
  issuer.jwks_url = record.jwks_url();
  issuer.jwks_ca = record.jwks_ca();
  issuer.audiences.assign(record.audiences().begin(), record.audiences().end());
  issuer.algorithms = record.algorithms();
  issuer.clock_skew_s = record.clock_skew_s();
  issuer.mapping = record.mapping();
  const auto& claims = record.claims();
  issuer.claims = {claims.tenant(), claims.principal(), claims.roles(), claims.kind(), claims.service()};
  issuer.version = record.version();
  issuer.changed_at = record.changed_at_ms();
  issuer.changed_by = record.changed_by();
  return issuer;
}

std::string encode_audit_settings(const model::AuditSettings& settings) {
  store::v1::AuditSettingsRecord record;
  record.set_format(kRecordFormat);
  record.set_strict(settings.strict);
  record.set_clear_names(settings.clear_names);
  record.set_version(settings.version);
  record.set_changed_at_ms(settings.changed_at);
  record.set_changed_by(settings.changed_by);
  return record.SerializeAsString();
}

model::Result<model::AuditSettings> decode_audit_settings(std::string_view bytes) {
  auto parsed = parse<store::v1::AuditSettingsRecord>(bytes, "audit settings");
  if (!parsed) return parsed.error();
  return model::AuditSettings{parsed->strict(), parsed->clear_names(), parsed->version(), parsed->changed_at_ms(),
                              parsed->changed_by()};
}

std::string encode_quota(const model::Quota& quota) {
  store::v1::QuotaRecord record;
  record.set_format(kRecordFormat);
  record.set_version(quota.version);
  record.set_changed_at_ms(quota.changed_at);
  record.set_changed_by(quota.changed_by);
  for (const model::Limit limit : model::kAllLimits) {
    if (!quota[limit]) continue;
    auto* row = record.add_limits();
    row->set_limit(static_cast<std::uint32_t>(limit));
    row->set_value(*quota[limit]);
  }
  return record.SerializeAsString();
}

model::Result<model::Quota> decode_quota(std::string_view bytes) {
  auto parsed = parse<store::v1::QuotaRecord>(bytes, "quota");
  if (!parsed) return parsed.error();
  model::Quota quota;
  quota.version = parsed->version();
  quota.changed_at = parsed->changed_at_ms();
  quota.changed_by = parsed->changed_by();
  for (const auto& row : parsed->limits()) {
    if (row.limit() >= model::kLimits) {
      return Error(Code::data_loss, "a stored quota record has a limit that this program does not know");
    }
    quota.values[row.limit()] = row.value();
  }
  return quota;
}

std::string encode_certificate_rule(const model::CertificateRule& rule) {
  store::v1::CertificateRuleRecord record;
  record.set_format(kRecordFormat);
  record.set_name(rule.name);
  record.set_san(rule.san);
  record.set_principal(rule.principal);
  record.mutable_roles()->Assign(rule.roles.begin(), rule.roles.end());
  record.set_version(rule.version);
  record.set_changed_at_ms(rule.changed_at);
  record.set_changed_by(rule.changed_by);
  return record.SerializeAsString();
}

model::Result<model::CertificateRule> decode_certificate_rule(std::string_view bytes) {
  auto parsed = parse<store::v1::CertificateRuleRecord>(bytes, "certificate rule");
  if (!parsed) return parsed.error();
  const store::v1::CertificateRuleRecord& record = *parsed;
  return model::CertificateRule{
      record.name(),    record.san(),           record.principal(), {record.roles().begin(), record.roles().end()},
      record.version(), record.changed_at_ms(), record.changed_by()};
}

std::string encode_policy(const model::PolicySet& policy) {
  store::v1::PolicyRecord record;
  record.set_format(kRecordFormat);
  record.set_version(policy.version);
  record.set_changed_at_ms(policy.changed_at);
  record.set_changed_by(policy.changed_by);
  for (const model::Role& role : policy.roles) {
    auto* out = record.add_roles();
    out->set_name(role.name);
    out->set_description(role.description);
    for (const model::Grant& grant : role.grants) {
      auto* row = out->add_grants();
      row->set_effect(static_cast<std::uint32_t>(grant.effect));
      row->set_capabilities(grant.capabilities);
      row->mutable_spaces()->Assign(grant.spaces.begin(), grant.spaces.end());
      row->mutable_names()->Assign(grant.names.begin(), grant.names.end());
      row->set_not_before_ms(grant.period.not_before);
      row->set_expires_at_ms(grant.period.expires_at);
    }
  }
  for (const model::Binding& binding : policy.bindings) {
    auto* out = record.add_bindings();
    out->set_role(binding.role);
    out->mutable_subjects()->Assign(binding.subjects.begin(), binding.subjects.end());
    out->set_not_before_ms(binding.period.not_before);
    out->set_expires_at_ms(binding.period.expires_at);
  }
  return record.SerializeAsString();
}

model::Result<model::PolicySet> decode_policy(std::string_view bytes) {
  auto parsed = parse<store::v1::PolicyRecord>(bytes, "policy");
  if (!parsed) return parsed.error();
  model::PolicySet policy;
  policy.version = parsed->version();
  policy.changed_at = parsed->changed_at_ms();
  policy.changed_by = parsed->changed_by();
  for (const auto& in : parsed->roles()) {
    model::Role role{in.name(), in.description(), {}};
    for (const auto& row : in.grants()) {
      // What is not understood must not be read as an allowance.
      if (row.effect() < 1 || row.effect() > 2) return Error(Code::data_loss, "a stored grant has an unknown effect");
      role.grants.push_back({static_cast<model::Effect>(row.effect()),
                             row.capabilities(),
                             {row.spaces().begin(), row.spaces().end()},
                             {row.names().begin(), row.names().end()},
                             {row.not_before_ms(), row.expires_at_ms()}});
    }
    policy.roles.push_back(std::move(role));
  }
  for (const auto& in : parsed->bindings()) {
    policy.bindings.push_back(
        {in.role(), {in.subjects().begin(), in.subjects().end()}, {in.not_before_ms(), in.expires_at_ms()}});
  }
  return policy;
}

std::string encode_tenant(const DirectoryTenant& tenant) {
  store::v1::TenantRecord record;
  record.set_format(kRecordFormat);
  record.set_id(std::string(tenant.info.id.view()));
  record.set_name(tenant.info.name);
  record.set_group(static_cast<std::uint32_t>(tenant.info.group.value));
  record.set_epoch(tenant.epoch);
  record.set_state(static_cast<std::uint32_t>(tenant.info.state));
  record.set_created_at_ms(tenant.info.created_at);
  record.set_deleted_at_ms(tenant.info.deleted_at);
  record.set_purge_at_ms(tenant.info.purge_at);
  record.set_purged_at_ms(tenant.info.purged_at);
  record.set_moves(tenant.info.moves);
  record.set_moving_to(static_cast<std::uint32_t>(tenant.info.moving_to.value));
  record.set_moved_from(static_cast<std::uint32_t>(tenant.info.moved_from.value));
  for (const model::GroupId group : tenant.info.former_groups) {
    record.add_former_groups(static_cast<std::uint32_t>(group.value));
  }
  for (const model::DoorName& door : tenant.info.doors) {
    auto* out = record.add_doors();
    out->set_door(static_cast<std::uint32_t>(door.door));
    out->set_external_id(door.external_id);
  }
  record.set_owner_public_key(tenant.owner_public_key);
  record.set_request_key(tenant.request_key);
  record.set_request_hash(tenant.request_hash);
  record.set_importing_node(tenant.importing.value);
  return record.SerializeAsString();
}

model::Result<DirectoryTenant> decode_tenant(std::string_view bytes) {
  auto parsed = parse<store::v1::TenantRecord>(bytes, "tenant");
  if (!parsed) return parsed.error();
  const store::v1::TenantRecord& record = *parsed;
  if (record.id().size() != 16) return Error(Code::data_loss, "a stored tenant record has no id");
  DirectoryTenant tenant;
  tenant.info.id = model::TenantId::from_raw(record.id());
  tenant.info.name = record.name();
  tenant.info.group = model::GroupId{record.group()};
  tenant.info.state = record.state() == 1   ? model::TenantState::active
                      : record.state() == 3 ? model::TenantState::purged
                                            : model::TenantState::deleted;
  tenant.info.created_at = record.created_at_ms();
  tenant.info.deleted_at = record.deleted_at_ms();
  tenant.info.purge_at = record.purge_at_ms();
  tenant.info.purged_at = record.purged_at_ms();
  tenant.info.moves = record.moves();
  tenant.info.moving_to = model::GroupId{record.moving_to()};
  tenant.info.moved_from = model::GroupId{record.moved_from()};
  for (const std::uint32_t group : record.former_groups()) tenant.info.former_groups.push_back(model::GroupId{group});
  for (const auto& door : record.doors()) {
    tenant.info.doors.push_back({static_cast<model::Door>(door.door()), door.external_id()});
  }
  tenant.epoch = record.epoch();
  tenant.owner_public_key = record.owner_public_key();
  tenant.request_key = record.request_key();
  tenant.request_hash = record.request_hash();
  tenant.importing = model::NodeId{record.importing_node()};
  return tenant;
}

std::string encode_operator(const Operator& op) {
  store::v1::OperatorRecord record;
  record.set_format(kRecordFormat);
  record.set_name(op.name);
  record.set_token_hash(op.token_hash);
  record.set_created_at_ms(op.created_at);
  record.set_dev_root(op.dev_root);
  if (!model::operator_may(op.capabilities, model::kEveryCapability)) {
    record.set_limited(true);
    for (const std::string& capability : op.capabilities) record.add_capabilities(capability);
  }
  record.set_expires_at_ms(op.expires_at);
  record.set_created_by(op.created_by);
  return record.SerializeAsString();
}

model::Result<Operator> decode_operator(std::string_view bytes) {
  auto parsed = parse<store::v1::OperatorRecord>(bytes, "operator");
  if (!parsed) return parsed.error();
  Operator op{parsed->name(), parsed->token_hash(), parsed->created_at_ms(), parsed->dev_root()};
  if (parsed->limited()) op.capabilities.assign(parsed->capabilities().begin(), parsed->capabilities().end());
  op.expires_at = parsed->expires_at_ms();
  op.created_by = parsed->created_by();
  return op;
}

model::Result<store::v1::TenantHeader> decode_header(std::string_view bytes) {
  return parse<store::v1::TenantHeader>(bytes, "header");
}

model::Result<store::v1::TenantKeysRecord> decode_keys(std::string_view bytes) {
  return parse<store::v1::TenantKeysRecord>(bytes, "keys");
}

model::Result<store::v1::ResealRecord> decode_reseal(std::string_view bytes) {
  return parse<store::v1::ResealRecord>(bytes, "resealing");
}

model::Result<store::v1::RequestRecord> decode_request(std::string_view bytes) {
  return parse<store::v1::RequestRecord>(bytes, "request");
}

}  // namespace coffer::actors

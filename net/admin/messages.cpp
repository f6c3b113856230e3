// See messages.hpp.

#include "net/admin/messages.hpp"

#include <array>
#include <string>

#include "net/timestamps.hpp"

namespace coffer::net::admin {
namespace {

/// The doors whose callers name a tenant by an id of their own.
constexpr std::array kNamedDoors{model::Door::direktiv, model::Door::cloudforet, model::Door::tapis};

constexpr std::array kCapabilities{model::Capability::list,  model::Capability::read, model::Capability::read_value,
                                   model::Capability::write, model::Capability::del,  model::Capability::inject,
                                   model::Capability::grant, model::Capability::admin};

model::Error within(const std::string& where, const model::Error& error) {
  return {error.code, where + ": " + std::string(error.message())};
}

model::Result<std::uint32_t> to_capabilities(const google::protobuf::RepeatedPtrField<std::string>& names) {
  std::uint32_t capabilities = 0;
  for (const std::string& name : names) {
    const auto capability = model::parse_capability(name);
    if (!capability) return capability.error();
    capabilities |= static_cast<std::uint32_t>(*capability);
  }
  return capabilities;
}

void write_capabilities(std::uint32_t capabilities, google::protobuf::RepeatedPtrField<std::string>* out) {
  for (const model::Capability capability : kCapabilities) {
    if (capabilities & static_cast<std::uint32_t>(capability)) *out->Add() = std::string(model::to_string(capability));
  }
}

/// Of a Grant or a Binding.
template <class Message>
model::Result<model::Period> to_period(const Message& in) {
  model::Period period;
  if (in.has_not_before()) {
    const auto time = from_timestamp(in.not_before(), "not_before");
    if (!time) return time.error();
    period.not_before = *time;
  }
  if (in.has_expires_at()) {
    const auto time = from_timestamp(in.expires_at(), "expires_at");
    if (!time) return time.error();
    period.expires_at = *time;
  }
  return period;
}

template <class Message>
void write_period(const model::Period& period, Message* out) {
  if (period.not_before > 0) to_timestamp(period.not_before, out->mutable_not_before());
  if (period.expires_at > 0) to_timestamp(period.expires_at, out->mutable_expires_at());
}

model::Result<model::Grant> to_grant(const api::Grant& in) {
  model::Grant grant;
  if (in.effect() == model::to_string(model::Effect::deny)) {
    grant.effect = model::Effect::deny;
  } else if (!in.effect().empty() && in.effect() != model::to_string(model::Effect::allow)) {
    return model::Error(model::Code::invalid_argument, "effect: it is allow or deny");
  }
  const auto capabilities = to_capabilities(in.capabilities());
  if (!capabilities) return capabilities.error();
  grant.capabilities = *capabilities;
  grant.spaces.assign(in.spaces().begin(), in.spaces().end());
  grant.names.assign(in.names().begin(), in.names().end());
  const auto period = to_period(in);
  if (!period) return period.error();
  grant.period = *period;
  return grant;
}

std::string_view state_of(const model::TokenInfo& token, model::TimeMs now) {
  if (token.revoked_at > 0) return "revoked";
  return token.expires_at > 0 && token.expires_at <= now ? "expired" : "active";
}

}  // namespace

WireStatus make_failure(const model::Error& error) {
  WireStatus status;
  status.grpc_code = error.category();
  status.grpc_message = std::string(error.message());
  status.http_status = model::http_status(error.category());
  return status;
}

model::Result<model::DoorName> to_door_name(const api::Door& in) {
  for (const model::Door door : kNamedDoors) {
    if (in.door() == model::to_string(door)) return model::DoorName{door, in.external_id()};
  }
  return model::Error(model::Code::invalid_argument, "door is none of direktiv, cloudforet and tapis");
}

model::Result<std::vector<model::Scope>> to_scopes(const google::protobuf::RepeatedPtrField<api::Scope>& in) {
  std::vector<model::Scope> scopes;
  for (const api::Scope& one : in) {
    const auto capabilities = to_capabilities(one.capabilities());
    if (!capabilities) return within("scopes[" + std::to_string(scopes.size()) + "]", capabilities.error());
    scopes.push_back(
        {*capabilities, {one.spaces().begin(), one.spaces().end()}, {one.names().begin(), one.names().end()}});
  }
  return scopes;
}

model::Result<model::PolicySet> to_policy(const api::Policy& in) {
  model::PolicySet policy;
  for (const api::Role& row : in.roles()) {
    const std::string where = "roles[" + std::to_string(policy.roles.size()) + "]";
    model::Role role{row.name(), row.description(), {}};
    for (const api::Grant& one : row.grants()) {
      auto grant = to_grant(one);
      if (!grant) return within(where + ": grants[" + std::to_string(role.grants.size()) + "]", grant.error());
      role.grants.push_back(std::move(*grant));
    }
    policy.roles.push_back(std::move(role));
  }
  for (const api::Binding& row : in.bindings()) {
    const auto period = to_period(row);
    if (!period) return within("bindings[" + std::to_string(policy.bindings.size()) + "]", period.error());
    policy.bindings.push_back({row.role(), {row.subjects().begin(), row.subjects().end()}, *period});
  }
  return policy;
}

void to_message(const model::PolicySet& policy, api::Policy* out) {
  out->set_version(policy.version);
  if (policy.changed_at > 0) to_timestamp(policy.changed_at, out->mutable_changed_at());
  out->set_changed_by(policy.changed_by);
  for (const model::Role& role : policy.roles) {
    auto* row = out->add_roles();
    row->set_name(role.name);
    row->set_description(role.description);
    for (const model::Grant& grant : role.grants) {
      auto* one = row->add_grants();
      one->set_effect(std::string(model::to_string(grant.effect)));
      write_capabilities(grant.capabilities, one->mutable_capabilities());
      one->mutable_spaces()->Assign(grant.spaces.begin(), grant.spaces.end());
      one->mutable_names()->Assign(grant.names.begin(), grant.names.end());
      write_period(grant.period, one);
    }
  }
  for (const model::Binding& binding : policy.bindings) {
    auto* row = out->add_bindings();
    row->set_role(binding.role);
    row->mutable_subjects()->Assign(binding.subjects.begin(), binding.subjects.end());
    write_period(binding.period, row);
  }
}

void to_message(const model::TenantInfo& tenant, api::Tenant* out) {
  out->set_name(tenant.name);
  out->set_id(model::to_string(tenant.id));
  out->set_group(static_cast<std::uint32_t>(tenant.group.value));
  out->set_state(tenant.state == model::TenantState::active    ? "active"
                 : tenant.state == model::TenantState::deleted ? "deleted"
                                                               : "purged");
  for (const model::DoorName& door : tenant.doors) {
    auto* row = out->add_doors();
    row->set_door(std::string(model::to_string(door.door)));
    row->set_external_id(door.external_id);
  }
  if (tenant.created_at > 0) to_timestamp(tenant.created_at, out->mutable_created_at());
  if (tenant.deleted_at > 0) to_timestamp(tenant.deleted_at, out->mutable_deleted_at());
  if (tenant.purge_at > 0) to_timestamp(tenant.purge_at, out->mutable_purge_at());
  if (tenant.purged_at > 0) to_timestamp(tenant.purged_at, out->mutable_purged_at());
}

void to_message(const model::TokenInfo& token, model::TimeMs now, api::Token* out) {
  out->set_id(token.id);
  out->set_description(token.description);
  for (const model::Scope& scope : token.scopes) {
    auto* row = out->add_scopes();
    write_capabilities(scope.capabilities, row->mutable_capabilities());
    row->mutable_spaces()->Assign(scope.spaces.begin(), scope.spaces.end());
    row->mutable_names()->Assign(scope.names.begin(), scope.names.end());
  }
  if (token.created_at > 0) to_timestamp(token.created_at, out->mutable_created_at());
  if (token.expires_at > 0) to_timestamp(token.expires_at, out->mutable_expires_at());
  out->set_created_by(token.created_by);
  out->set_state(std::string(state_of(token, now)));
  out->mutable_addresses()->Assign(token.addresses.begin(), token.addresses.end());
  out->set_renewable(token.renewable);
  if (token.max_expires_at > 0) to_timestamp(token.max_expires_at, out->mutable_max_expires_at());
}

void to_message(const actors::NodeStatus& status, api::StatusResponse* out) {
  out->set_node_id(status.node_id);
  out->set_cluster_id(status.cluster_id);
  out->set_seal(status.sealed ? "sealed" : "open");
  out->set_tenants(status.tenants);
  out->set_read_only(status.read_only);
  out->set_free_bytes(status.free_bytes);
  out->set_active_shards(status.active_shards);
  for (const actors::GroupStatus& group : status.groups) {
    auto* row = out->add_groups();
    row->set_id(static_cast<std::uint32_t>(group.id.value));
    row->set_role(group.role);
    row->set_term(group.term);
    row->set_commit_index(group.commit_index);
    row->set_applied_index(group.applied_index);
    row->set_durable_index(group.durable_index);
  }
}

}  // namespace coffer::net::admin

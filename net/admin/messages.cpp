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

std::string_view state_of(const model::TokenInfo& token, model::TimeMs now) {
  if (token.revoked_at > 0) return "revoked";
  return token.expires_at > 0 && token.expires_at <= now ? "expired" : "active";
}

}  // namespace

model::Result<model::DoorName> to_door_name(const api::Door& in) {
  for (const model::Door door : kNamedDoors) {
    if (in.door() == model::to_string(door)) return model::DoorName{door, in.external_id()};
  }
  return model::Error(model::Code::invalid_argument, "door is none of direktiv, cloudforet and tapis");
}

model::Result<std::vector<model::Scope>> to_scopes(const google::protobuf::RepeatedPtrField<api::Scope>& in) {
  std::vector<model::Scope> scopes;
  for (const api::Scope& one : in) {
    model::Scope scope{0, {one.spaces().begin(), one.spaces().end()}, {one.names().begin(), one.names().end()}};
    for (const std::string& name : one.capabilities()) {
      const auto capability = model::parse_capability(name);
      if (!capability) {
        return model::Error(capability.error().code, "scopes[" + std::to_string(scopes.size()) +
                                                         "]: " + std::string(capability.error().message()));
      }
      scope.capabilities |= static_cast<std::uint32_t>(*capability);
    }
    scopes.push_back(std::move(scope));
  }
  return scopes;
}

void to_message(const model::TenantInfo& tenant, api::Tenant* out) {
  out->set_name(tenant.name);
  out->set_id(model::to_string(tenant.id));
  out->set_group(static_cast<std::uint32_t>(tenant.group.value));
  out->set_state(tenant.state == model::TenantState::active ? "active" : "deleted");
  for (const model::DoorName& door : tenant.doors) {
    auto* row = out->add_doors();
    row->set_door(std::string(model::to_string(door.door)));
    row->set_external_id(door.external_id);
  }
  if (tenant.created_at > 0) to_timestamp(tenant.created_at, out->mutable_created_at());
  if (tenant.deleted_at > 0) to_timestamp(tenant.deleted_at, out->mutable_deleted_at());
}

void to_message(const model::TokenInfo& token, model::TimeMs now, api::Token* out) {
  out->set_id(token.id);
  out->set_description(token.description);
  for (const model::Scope& scope : token.scopes) {
    auto* row = out->add_scopes();
    for (const model::Capability capability : kCapabilities) {
      if (scope.capabilities & static_cast<std::uint32_t>(capability)) {
        row->add_capabilities(std::string(model::to_string(capability)));
      }
    }
    row->mutable_spaces()->Assign(scope.spaces.begin(), scope.spaces.end());
    row->mutable_names()->Assign(scope.names.begin(), scope.names.end());
  }
  if (token.created_at > 0) to_timestamp(token.created_at, out->mutable_created_at());
  if (token.expires_at > 0) to_timestamp(token.expires_at, out->mutable_expires_at());
  out->set_created_by(token.created_by);
  out->set_state(std::string(state_of(token, now)));
}

void to_message(const actors::NodeStatus& status, api::StatusResponse* out) {
  out->set_node_id(status.node_id);
  out->set_cluster_id(status.cluster_id);
  out->set_seal(status.sealed ? "sealed" : "open");
  out->set_tenants(status.tenants);
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

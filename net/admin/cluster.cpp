// See cluster.hpp.

#include "net/admin/cluster.hpp"

#include <utility>

#include "model/requests.hpp"
#include "net/admin/directory_method.hpp"
#include "net/timestamps.hpp"

namespace coffer::net::admin {
namespace {

namespace api = ::coffer::admin::v1;
using model::Code;
using model::DirectoryOperation;
using model::Error;
using model::Result;
using model::Status;

constexpr std::int64_t kMostTokenSeconds = 7 * 24 * 3600;

const char* name_of(model::NodeState state) {
  switch (state) {
    case model::NodeState::joining: return "joining";
    case model::NodeState::up: return "up";
    case model::NodeState::draining: return "draining";
    case model::NodeState::removed: break;
  }
  return "removed";
}

const char* name_of(model::ReplicaRole role) {
  switch (role) {
    case model::ReplicaRole::voter: return "voter";
    case model::ReplicaRole::standby: return "standby";
    case model::ReplicaRole::spare: break;
  }
  return "spare";
}

void to_message(const model::NodeInfo& node, api::ClusterNode* out) {
  out->set_id(node.id.value);
  out->set_address(node.address);
  out->set_state(name_of(node.state));
  out->set_newest_format(node.newest_format);
  if (node.joined_at > 0) to_timestamp(node.joined_at, out->mutable_joined_at());
  out->set_certificate_serial(node.certificate_serial);
  if (node.certificate_expires_at > 0) {
    to_timestamp(node.certificate_expires_at, out->mutable_certificate_expires_at());
  }
}

Status check_node(std::uint64_t node) {
  if (node != 0) return {};
  return Error(Code::invalid_argument, "node: is needed, and none has the id 0");
}

/// One method: `operation` makes of the message what the directory is asked.
template <class In, class Out, class Body>
Method method(const OpenCall& open, const Failure& fail, const char* name,
              std::function<Result<DirectoryOperation>(const In&)> operation,
              std::function<void(const Body&, Out&)> encode) {
  return directory_method<In, Out, Body>(
      *api::ClusterStatus::descriptor()->file()->FindServiceByName("Cluster"), name, open, fail,
      [operation = std::move(operation)](const In& in, const model::Credential&) { return operation(in); },
      std::move(encode));
}

}  // namespace

void to_message(const model::ClusterStatusReply& status, api::ClusterStatus* out) {
  out->set_cluster_id(status.cluster_id);
  out->set_self(status.self.value);
  out->set_meta_leader(status.meta_leader.value);
  out->set_active_format(status.active_format);
  out->set_data_groups(status.data_groups);
  for (const auto& node : status.nodes) {
    api::ClusterNode* const added = out->add_nodes();
    to_message(node.info, added);
    added->set_connected(node.connected);
    added->set_silent_ms(static_cast<std::uint64_t>(node.silent_ms));
    added->set_leads(node.leads);
    added->set_replicas(node.replicas);
  }
  for (const auto& group : status.groups) {
    api::ClusterGroup* const added = out->add_groups();
    added->set_id(group.id.value);
    added->set_leader(group.leader.value);
    added->set_term(group.term.value);
    added->set_commit_index(group.commit.value);
    if (group.load) {
      added->set_requests_per_second(group.load->requests);
      added->set_writes_per_second(group.load->writes);
    }
    for (const auto& replica : group.replicas) {
      api::ClusterReplica* const one = added->add_replicas();
      one->set_node(replica.node.value);
      one->set_role(name_of(replica.role));
      one->set_match_index(replica.match.value);
    }
  }
  for (const std::string& step : status.plan) out->add_plan(step);
}

void add_cluster_methods(const OpenCall& open, const Failure& fail, std::vector<Method>& methods) {
  const auto node_answer = [](const model::NodeReply& reply, api::ClusterNode& out) { to_message(reply.node, &out); };
  methods.push_back(method<api::ClusterStatusRequest, api::ClusterStatus, model::ClusterStatusReply>(
      open, fail, "Status", [](const auto&) -> Result<DirectoryOperation> { return {model::GetClusterStatus{}}; },
      [](const model::ClusterStatusReply& reply, api::ClusterStatus& out) { to_message(reply, &out); }));
  methods.push_back(method<api::CreateJoinTokenRequest, api::JoinToken, model::JoinTokenReply>(
      open, fail, "CreateJoinToken",
      [](const auto& in) -> Result<DirectoryOperation> {
        if (in.ttl_seconds() < 0 || in.ttl_seconds() > kMostTokenSeconds) {
          return Error(Code::invalid_argument, "ttl_seconds: a join token lives for a week at most");
        }
        model::CreateJoinToken create;
        if (in.ttl_seconds() > 0) create.ttl = in.ttl_seconds() * 1000;
        return {create};
      },
      [](const model::JoinTokenReply& reply, api::JoinToken& out) {
        out.set_token(std::string(reply.token.expose()));
        if (reply.expires_at > 0) to_timestamp(reply.expires_at, out.mutable_expires_at());
      }));
  methods.push_back(method<api::DrainNodeRequest, api::ClusterNode, model::NodeReply>(
      open, fail, "Drain",
      [](const auto& in) -> Result<DirectoryOperation> {
        if (const Status ok = check_node(in.node()); !ok) return ok.error();
        return {model::DrainNode{model::NodeId{in.node()}, in.undo()}};
      },
      node_answer));
  methods.push_back(method<api::RemoveNodeRequest, api::ClusterNode, model::NodeReply>(
      open, fail, "Remove",
      [](const auto& in) -> Result<DirectoryOperation> {
        if (const Status ok = check_node(in.node()); !ok) return ok.error();
        return {model::RemoveNode{model::NodeId{in.node()}, in.force()}};
      },
      node_answer));
  methods.push_back(method<api::BalanceClusterRequest, api::BalanceClusterResponse, model::DoneReply>(
      open, fail, "Balance", [](const auto&) -> Result<DirectoryOperation> { return {model::BalanceCluster{}}; },
      [](const model::DoneReply&, api::BalanceClusterResponse&) {}));
  methods.push_back(method<api::TransferLeadershipRequest, api::TransferLeadershipResponse, model::DoneReply>(
      open, fail, "Transfer",
      [](const auto& in) -> Result<DirectoryOperation> {
        if (const Status ok = check_node(in.to()); !ok) return ok.error();
        return {model::TransferLeadership{model::GroupId{in.group()}, model::NodeId{in.to()}}};
      },
      [](const model::DoneReply&, api::TransferLeadershipResponse&) {}));
  methods.push_back(method<api::MoveTenantRequest, api::MovingTenant, model::TenantReply>(
      open, fail, "MoveTenant",
      [](const auto& in) -> Result<DirectoryOperation> {
        if (in.tenant().empty()) return Error(Code::invalid_argument, "tenant: is needed");
        return {model::MoveTenant{in.tenant(), model::GroupId{in.group()}}};
      },
      [](const model::TenantReply& reply, api::MovingTenant& out) {
        out.set_tenant(reply.tenant.name);
        out.set_group(static_cast<std::uint32_t>(reply.tenant.group.value));
        out.set_moving_to(static_cast<std::uint32_t>(reply.tenant.moving_to.value));
        out.set_moved_from(static_cast<std::uint32_t>(reply.tenant.moved_from.value));
        out.set_moves(reply.tenant.moves);
      }));
  methods.push_back(method<api::AddGroupsRequest, api::AddGroupsResponse, model::ClusterStatusReply>(
      open, fail, "AddGroups",
      [](const auto& in) -> Result<DirectoryOperation> {
        if (in.count() == 0) return Error(Code::invalid_argument, "count: is needed");
        if (in.expected() == 0) return Error(Code::invalid_argument, "expected: the number of data groups now");
        return {model::AddGroups{in.count(), in.expected()}};
      },
      [](const model::ClusterStatusReply& reply, api::AddGroupsResponse& out) {
        out.set_data_groups(reply.data_groups);
      }));
}

}  // namespace coffer::net::admin

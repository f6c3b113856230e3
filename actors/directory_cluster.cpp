// The directory's calls about nodes and groups. See directory_core.hpp and cluster_directory.hpp.

#include "actors/directory_core.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

void DirectoryCore::run_cluster(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto& operation = std::get<model::DirectoryOperation>(call.request().operation);
  const auto answer = [&](model::ReplyBody body) {
    call.finish(model::Reply{{header_.epoch(), header_.revision()}, std::move(body)});
  };
  if (std::holds_alternative<model::GetClusterStatus>(operation)) return answer(cluster_status());
  if (std::holds_alternative<model::BalanceCluster>(operation)) {
    if (deps_.balance) deps_.balance();
    balance_tenants(out);
    return answer(model::DoneReply{});
  }
  if (const auto* transfer = std::get_if<model::TransferLeadership>(&operation)) {
    auto to = nodes_.find(transfer->to);
    if (transfer->group.value > cluster_.data_groups())
      return call.finish(Error(Code::entry_not_found, "no such group"));
    if (transfer->to.value != 0 && (to == nodes_.end() || to->second.state == model::NodeState::removed)) {
      return call.finish(Error(Code::entry_not_found, "there is no such node"));
    }
    if (deps_.transfer) deps_.transfer(*transfer);
    return answer(model::DoneReply{});
  }
  if (!ClusterDirectory::is_change(operation)) return call.finish(Error(Code::unimplemented));
  const model::TimeMs now = std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms());
  auto decision = cluster_.decide(operation, principal, now);
  if (!decision) return call.finish(decision.error());
  if (std::holds_alternative<model::AddGroups>(operation)) decision->reply = cluster_status();
  if (decision->rows.empty()) return answer(std::move(decision->reply));
  Pending pending;
  pending.of_cluster = true;
  pending.groups = std::move(decision->groups);
  pending.details = std::move(decision->details);
  pending.nodes = std::move(decision->nodes);
  pending.reply.body = std::move(decision->reply);
  pending.call = std::move(call);
  submit(std::move(pending), std::move(decision->rows), decision->action, principal, out);
}

/// Groups that the rows name are begun on this node, and tenants may be placed in them, once they are committed.
void DirectoryCore::know_groups(const std::vector<GroupFounding>& added) {
  for (const GroupFounding& group : added) {
    if (group.id.value >= group_tenants_.size()) group_tenants_.resize(group.id.value + 1, 0);
  }
  if (!added.empty() && deps_.groups_added) deps_.groups_added(added);
}

model::ClusterStatusReply DirectoryCore::cluster_status() const {
  model::ClusterStatusReply reply;
  reply.cluster_id = crypto::hex(deps_.cluster_id);
  reply.active_format = cluster_.settings().active_format;
  reply.data_groups = cluster_.data_groups();
  for (const auto& [id, node] : nodes_) {
    model::ClusterStatusReply::Node shown;
    shown.info = node;
    reply.nodes.push_back(std::move(shown));
  }
  if (deps_.complete_status) deps_.complete_status(reply);
  return reply;
}

model::GroupId DirectoryCore::least_loaded_group() const {
  const auto is_led = [this](std::size_t group) { return !deps_.is_led || deps_.is_led(model::GroupId{group}); };
  std::size_t best = 0;
  for (std::size_t group = 1; group < group_tenants_.size(); ++group) {
    const bool fewer = best == 0 || group_tenants_[group] < group_tenants_[best];
    // One that has just been added, or has lost its quorum, would keep the tenant waiting.
    const bool better = best == 0 || is_led(group) == is_led(best) ? fewer : is_led(group);
    if (better) best = group;
  }
  return model::GroupId{best};
}

}  // namespace coffer::actors

// The directory's calls about nodes and groups. See directory_core.hpp and cluster_directory.hpp.

#include "actors/directory_core.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

/// What a leader that is new was told before it led, or has not been told yet, must not be shown or acted on.
bool rests_on_reports(const model::DirectoryOperation& operation) {
  return std::holds_alternative<model::GetClusterStatus>(operation) ||
         std::holds_alternative<model::AddGroups>(operation) ||
         std::holds_alternative<model::TransferLeadership>(operation);
}

}  // namespace

void DirectoryCore::run_cluster(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto& operation = std::get<model::DirectoryOperation>(call.request().operation);
  const auto answer = [&](model::ReplyBody body) {
    call.finish(model::Reply{{header_.epoch(), header_.revision()}, std::move(body)});
  };
  if (rests_on_reports(operation) && deps_.is_informed && !deps_.is_informed()) {
    return call.finish(Error(Code::unavailable, "the directory's new leader waits for the nodes' reports", 1));
  }
  if (std::holds_alternative<model::GetClusterStatus>(operation)) {
    return answer_behind_pending(std::move(call), cluster_status());
  }
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
  if (decision->rows.empty()) return answer_behind_pending(std::move(call), std::move(decision->reply));
  Pending pending;
  pending.of_cluster = true;
  pending.groups = std::move(decision->groups);
  pending.details = std::move(decision->details);
  pending.nodes = std::move(decision->nodes);
  pending.reply.body = std::move(decision->reply);
  pending.call = std::move(call);
  submit(std::move(pending), std::move(decision->rows), decision->action, principal, out);
}

/// An answer to what changes nothing may rest on what is decided and not committed; it goes out with that, or is never
/// given: then the call answers `unavailable`, for it has changed nothing itself.
void DirectoryCore::answer_behind_pending(CallHandle call, model::ReplyBody body) {
  if (pending_.empty()) return call.finish(model::Reply{{header_.epoch(), header_.revision()}, std::move(body)});
  auto& behind = pending_.back().behind;
  if (behind.size() >= deps_.max_waiting) return call.finish(Error(Code::overloaded));
  behind.emplace_back(std::move(call), std::move(body));
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

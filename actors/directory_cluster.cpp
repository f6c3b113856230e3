// The directory's calls about nodes. See directory_core.hpp and cluster_directory.hpp.

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
    if (transfer->group.value > deps_.data_groups) return call.finish(Error(Code::entry_not_found, "no such group"));
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
  if (decision->rows.empty()) return answer(std::move(decision->reply));
  Pending pending;
  pending.of_cluster = true;
  pending.nodes = std::move(decision->nodes);
  pending.reply.body = std::move(decision->reply);
  pending.call = std::move(call);
  submit(std::move(pending), std::move(decision->rows), decision->action, principal, out);
}

model::ClusterStatusReply DirectoryCore::cluster_status() const {
  model::ClusterStatusReply reply;
  reply.cluster_id = crypto::hex(deps_.cluster_id);
  reply.active_format = cluster_.settings().active_format;
  reply.data_groups = deps_.data_groups;
  for (const auto& [id, node] : nodes_) {
    model::ClusterStatusReply::Node shown;
    shown.info = node;
    reply.nodes.push_back(std::move(shown));
  }
  if (deps_.complete_status) deps_.complete_status(reply);
  return reply;
}

}  // namespace coffer::actors

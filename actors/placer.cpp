// See placer.hpp.

#include "actors/placer.hpp"

#include <algorithm>

namespace coffer::actors {

namespace {

using cluster::PlacementGroup;
using cluster::PlacementNode;
using cluster::PlacementPlan;
using cluster::Voter;

constexpr int kSilentTicks = 4;   // without a report: is given nothing new
constexpr int kGraceTicks = 8;    // of a new leader, before it takes anybody's silence for an absence
constexpr int kListenTicks = 2;   // of a new leader, before it moves anything: who lives has reported then
constexpr int kLastingLoad = 10;  // windows of the loads, before another one counts for replicas

/// A node that is about to come follows the meta group: from its rows it learns whom to speak to, and gets its keys.
void let_newcomers_follow(const std::vector<model::NodeInfo>& nodes, std::vector<Voter>& meta) {
  for (const model::NodeInfo& node : nodes) {
    const bool there = std::any_of(meta.begin(), meta.end(), [&](const Voter& server) { return server.id == node.id; });
    if (node.state == model::NodeState::joining && !there) {
      meta.push_back(server_of(node.id, cluster::ServerRole::standby));
    }
  }
}

std::string to_words(const PlacementPlan::Target& target) {
  std::string words = "group " + std::to_string(target.group.value) + " on nodes";
  for (const Voter& server : target.servers) {
    words += " " + std::to_string(server.id.value);
    if (server.role != cluster::ServerRole::voter) words += " (follows)";
  }
  return words;
}

std::string to_words(const PlacementPlan::Transfer& transfer) {
  return "group " + std::to_string(transfer.group.value) + " led by node " + std::to_string(transfer.to.value);
}

}  // namespace

Voter server_of(model::NodeId node, cluster::ServerRole role) { return {node, std::to_string(node.value), role}; }

std::vector<PlacementNode> Placer::health(const ClusterView& view, const std::vector<model::NodeInfo>& nodes,
                                          Clock::time_point now) const {
  const auto leads_since = view.since();
  const bool settled = now - leads_since > kGraceTicks * settings_.interval;
  std::vector<PlacementNode> out;
  for (const model::NodeInfo& node : nodes) {
    if (node.state == model::NodeState::removed) continue;
    const auto heard_at = view.heard_at(node.id);
    const auto silence = now - std::max(heard_at, leads_since);
    PlacementNode seen{node.id, std::to_string(node.id.value), cluster::NodeHealth::up, true};
    // One that this leader has never heard may be dead for long: it must be given nothing, though its silence is short.
    if (heard_at < leads_since || silence >= kSilentTicks * settings_.interval) {
      seen.health = cluster::NodeHealth::away;
    }
    if (settled && settings_.replace_after.count() != 0 && silence > settings_.replace_after) {
      seen.health = cluster::NodeHealth::lost;
    }
    if (node.state == model::NodeState::draining) seen.health = cluster::NodeHealth::leaving;
    if (node.state == model::NodeState::joining) seen.health = cluster::NodeHealth::joining;
    seen.may_lead = !view.is_low_on_disk(node.id);
    out.push_back(std::move(seen));
  }
  return out;
}

/// Every group as its leader sees it, with the loads that placement goes by.
std::vector<PlacementGroup> Placer::weigh(const ClusterView& view, Clock::time_point now) {
  if (!levels_ || levels_since_ != view.since()) {
    levels_.emplace(kLastingLoad * settings_.load_window);
    levels_since_ = view.since();
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  std::vector<PlacementGroup> out;
  for (const model::GroupInfo& info : view.groups()) {
    levels_->follow(info.id, info.load, settings_.replicas, static_cast<cluster::MonotonicMs>(ms));
    const auto level = levels_->of(info.id);
    PlacementGroup group{info.id, {}, info.leader, level.leading, level.replica};
    for (const model::ReplicaInfo& replica : info.replicas) {
      group.servers.push_back(server_of(replica.node, static_cast<cluster::ServerRole>(replica.role)));
    }
    out.push_back(std::move(group));
  }
  return out;
}

std::optional<Placer::Plan> Placer::place(const ClusterView& view, const std::vector<model::NodeInfo>& nodes,
                                          Clock::time_point now) {
  if (now - view.since() < kListenTicks * settings_.interval) return std::nullopt;
  const std::vector<PlacementGroup> groups = weigh(view, now);
  cluster::PlacementOptions options;
  options.replicas = settings_.replicas;
  // Groups that have lost their leader with the meta group's are measured anew: until then nobody knows what they weigh.
  const bool may_guess = now - view.since() > settings_.load_window;
  options.balance = may_guess || !levels_->is_partial();
  const PlacementPlan plan = cluster::plan_placement(health(view, nodes, now), groups, options);
  Plan out;
  for (const PlacementGroup& group : groups) {
    PlacementPlan::Target target{group.id, group.servers};
    for (const auto& planned : plan.targets) {
      if (planned.group == group.id) target.servers = planned.servers;
    }
    if (group.id == model::kMetaGroup) let_newcomers_follow(nodes, target.servers);
    if (target.servers != group.servers) {
      out.words.push_back(to_words(target));
      out.orders.emplace_back(group.leader, std::move(target));
    }
    for (const auto& transfer : plan.transfers) {
      if (transfer.group != group.id) continue;
      out.words.push_back(to_words(transfer));
      out.orders.emplace_back(group.leader, transfer);
    }
  }
  return out;
}

}  // namespace coffer::actors

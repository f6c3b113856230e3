// The steward at a simulated node, as actors/steward_actor.cpp has it: reports of the groups led here, placement beside
// the directory, and what a group's leader does with placement's words (actors/group_host.cpp). See sim_node.hpp.

#include "cluster/membership.hpp"
#include "tests/sim/sim_node.hpp"

namespace coffer::sim {

namespace {

/// Of each group its own, so that their leaders are not spread by number alone.
model::GroupLoad load_of(model::GroupId group) { return {4000 * (group.value % 3), 1500 * (group.value % 2)}; }

actors::ClusterView::Clock::time_point time_of(cluster::MonotonicMs ms) {
  return actors::ClusterView::Clock::time_point(std::chrono::milliseconds(ms));
}

}  // namespace

void SimNode::prepare_steward() {
  nodes_ = std::make_unique<actors::NodeTable>();
  view_ = std::make_unique<actors::ClusterView>();
  placer_.emplace(world_.placing());
  directory_deps_->node_changed = [this](const model::NodeInfo& node) { nodes_->put(node); };
}

void SimNode::begin_view() { view_->begin(time_of(world_.boot_clock(id_))); }

std::vector<model::GroupInfo> SimNode::report() const {
  std::vector<model::GroupInfo> out;
  for (const auto& [id, group] : groups_) {
    if (group.leadership.role != cluster::Role::leader || !group.leadership.ready) {
      continue;
    }
    model::GroupInfo info{id, id_, group.leadership.term, group.core->commit_index(), {}, load_of(id)};
    if (!world_.is_healed() && world_.rng().chance(100)) {
      info.load.reset();  // not measured yet
    }
    for (const cluster::Voter& server : group.core->servers()) {
      info.replicas.push_back({server.id, static_cast<model::ReplicaRole>(server.role), {}});
    }
    out.push_back(std::move(info));
  }
  return out;
}

void SimNode::hear(model::NodeId from, std::vector<model::GroupInfo> groups) {
  view_->heard(from, std::move(groups), time_of(world_.boot_clock(id_)), false);
}

std::optional<actors::Placer::Plan> SimNode::place() {
  if (!leads(model::kMetaGroup) || !directory_) {
    return std::nullopt;
  }
  hear(id_, report());
  return placer_->place(*view_, nodes_->all(), time_of(world_.boot_clock(id_)));
}

bool SimNode::approach(model::GroupId id, const std::vector<cluster::Voter>& servers) {
  if (!leads(id) || !groups_.at(id).leadership.ready) {
    return false;
  }
  cluster::GroupCore& core = *groups_.at(id).core;
  const cluster::MonotonicMs now = world_.boot_clock(id_);
  const cluster::MembershipStep step =
      cluster::next_membership_step({id_, core.servers(), core.progress(), core.last_index(), now, 1000, 20}, servers);
  const bool hands_over = step.kind == cluster::MembershipStep::Kind::hand_over;
  const bool changes = step.kind == cluster::MembershipStep::Kind::change;
  const bool done =
      (changes && core.change_voters(step.servers, now).ok()) || (hands_over && core.transfer(step.to, now).ok());
  counts_.changes += done && changes ? 1 : 0;
  counts_.transfers += done && hands_over ? 1 : 0;
  if (done) {
    settle(id);
  }
  return done;
}

void SimNode::heed(const actors::Placer::Word& word) {
  if (world_.mutant() == ClusterMutant::heeds_no_placement) {
    return;
  }
  if (const auto* target = std::get_if<cluster::PlacementPlan::Target>(&word)) {
    counts_.placed += approach(target->group, target->servers) ? 1 : 0;
    return;
  }
  const auto& transfer = std::get<cluster::PlacementPlan::Transfer>(word);
  if (leads(transfer.group) && groups_.at(transfer.group).core->transfer(transfer.to, world_.boot_clock(id_)).ok()) {
    ++counts_.placed;
    settle(transfer.group);
  }
}

}  // namespace coffer::sim

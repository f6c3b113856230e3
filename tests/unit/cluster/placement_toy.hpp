#pragma once
// A toy cluster for the tests of placement: its groups do at once what the plan and the membership steps say.

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "cluster/configuration.hpp"
#include "cluster/membership.hpp"
#include "cluster/placement.hpp"

namespace coffer::cluster::testing {

/// Nodes and groups; every server that is up has caught up as soon as it is there.
struct Toy {
  std::vector<PlacementNode> nodes;
  std::vector<PlacementGroup> groups;
  PlacementOptions options;
  int changes = 0, transfers = 0;

  explicit Toy(std::size_t data_groups) {
    add_node();
    for (std::size_t g = 0; g <= data_groups; ++g) {
      groups.push_back({model::GroupId(g), {{model::NodeId(1), "n1"}}, model::NodeId(1), 0});
    }
  }
  void add_node() {
    const std::uint64_t id = nodes.size() + 1;
    nodes.push_back({model::NodeId(id), "n" + std::to_string(id), NodeHealth::up, true});
  }
  NodeHealth& health(std::uint64_t id) { return nodes[id - 1].health; }
  bool is_here(model::NodeId id) {
    return health(id.value) == NodeHealth::up || health(id.value) == NodeHealth::leaving;
  }
  /// Who leads while the leader is gone.
  void elect() {
    for (PlacementGroup& group : groups) {
      if (group.leader.value != 0 && is_here(group.leader)) continue;
      group.leader = {};
      for (const Voter& server : group.servers) {
        if (server.role == ServerRole::voter && is_here(server.id)) group.leader = server.id;
      }
    }
  }
  bool decides(const PlacementGroup& group) {
    std::size_t voters = 0, here = 0;
    for (const Voter& server : group.servers) {
      voters += server.role == ServerRole::voter ? 1 : 0;
      here += server.role == ServerRole::voter && is_here(server.id) ? 1 : 0;
    }
    return here > voters / 2;
  }
  void follow(PlacementGroup& group, const std::vector<Voter>& wanted) {
    MembershipView view;
    view.self = group.leader;
    view.servers = group.servers;
    view.last = model::Index(100);
    view.now = 10000;
    for (const Voter& server : group.servers) {
      if (server.id != group.leader) {
        view.progress.push_back({server.id, server.role, model::Index(100), is_here(server.id) ? 9999U : 0U});
      }
    }
    const MembershipStep step = next_membership_step(view, wanted);
    if (step.kind == MembershipStep::Kind::change) {
      ASSERT_TRUE(check_single_change(group.servers, step.servers).ok());
      group.servers = step.servers;
      EXPECT_TRUE(decides(group)) << "a change left no majority";
      ++changes;
    } else if (step.kind == MembershipStep::Kind::hand_over) {
      group.leader = step.to;
      ++transfers;
    }
  }
  /// Until the plan asks for nothing more, or nothing helps.
  bool settle(int rounds = 600) {
    for (; rounds > 0; --rounds) {
      elect();
      const PlacementPlan plan = plan_placement(nodes, groups, options);
      if (plan.is_settled()) return true;
      EXPECT_LE(plan.targets.size(), options.max_moves);
      for (const auto& target : plan.targets) follow(groups[target.group.value], target.servers);
      for (const auto& transfer : plan.transfers) {
        groups[transfer.group.value].leader = transfer.to;
        ++transfers;
      }
    }
    return false;
  }
  std::size_t voters(std::size_t g) const {
    return static_cast<std::size_t>(std::count_if(groups[g].servers.begin(), groups[g].servers.end(),
                                                  [](const Voter& v) { return v.role == ServerRole::voter; }));
  }
  std::map<std::uint64_t, int> replicas() const {
    std::map<std::uint64_t, int> out;
    for (const PlacementGroup& group : groups) {
      for (const Voter& server : group.servers) out[server.id.value] += group.id == model::kMetaGroup ? 0 : 1;
    }
    return out;
  }
  std::map<std::uint64_t, int> leads() const {
    std::map<std::uint64_t, int> out;
    for (const PlacementGroup& group : groups) ++out[group.leader.value];
    return out;
  }
};

inline int spread(const std::map<std::uint64_t, int>& by_node) {
  int least = 1 << 20, most = 0;
  for (const auto& [id, n] : by_node) {
    least = std::min(least, n);
    most = std::max(most, n);
  }
  return most - least;
}

}  // namespace coffer::cluster::testing

// Placement and the way there: a toy cluster whose groups do what the plan and the membership steps say.

#include "cluster/placement.hpp"

#include "cluster/configuration.hpp"
#include "cluster/membership.hpp"
#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

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

int spread(const std::map<std::uint64_t, int>& by_node) {
  int least = 1 << 20, most = 0;
  for (const auto& [id, n] : by_node) {
    least = std::min(least, n);
    most = std::max(most, n);
  }
  return most - least;
}

TEST(PlacementTest, OneNodeHoldsEverythingAndNothingIsToBeDone) {
  Toy toy(16);
  EXPECT_TRUE(plan_placement(toy.nodes, toy.groups).is_settled());
}

TEST(PlacementTest, FromOneNodeToThreeEveryGroupGetsThreeVotersAndLeadersAreSpread) {
  Toy toy(16);
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.groups[1].servers.size(), 2U);
  EXPECT_EQ(toy.voters(1), 1U) << "two voters would stop when either is away";
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  for (std::size_t g = 0; g <= 16; ++g) {
    EXPECT_EQ(toy.voters(g), 3U) << g;
    EXPECT_EQ(toy.groups[g].servers.size(), 3U) << g;
  }
  EXPECT_LE(spread(toy.leads()), 2);
}

TEST(PlacementTest, FiveNodesShareReplicasAndTheMetaGroupIsOnAll) {
  Toy toy(20);
  for (int i = 0; i < 4; ++i) {
    toy.add_node();
    ASSERT_TRUE(toy.settle());
  }
  EXPECT_EQ(toy.groups[0].servers.size(), 5U);
  EXPECT_EQ(toy.voters(0), 5U);
  for (std::size_t g = 1; g <= 20; ++g) {
    EXPECT_EQ(toy.groups[g].servers.size(), 3U);
    EXPECT_EQ(toy.voters(g), 3U);
  }
  EXPECT_LE(spread(toy.replicas()), 2);
  EXPECT_LE(spread(toy.leads()), 2);
}

TEST(PlacementTest, ASettledClusterStaysAsItIs) {
  Toy toy(20);
  for (int i = 0; i < 6; ++i) toy.add_node();
  ASSERT_TRUE(toy.settle());
  const int changes = toy.changes;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.changes, changes);
  EXPECT_EQ(toy.voters(0), 5U) << "seven nodes, five of them vote in the meta group";
  EXPECT_EQ(toy.groups[0].servers.size(), 7U);
}

TEST(PlacementTest, ALeavingNodeHandsOverEverythingAndEndsEmpty) {
  Toy toy(12);
  for (int i = 0; i < 3; ++i) toy.add_node();
  ASSERT_TRUE(toy.settle());
  toy.health(1) = NodeHealth::leaving;
  EXPECT_FALSE(is_empty_of_groups(model::NodeId(1), toy.groups));
  ASSERT_TRUE(toy.settle());
  EXPECT_TRUE(is_empty_of_groups(model::NodeId(1), toy.groups));
  for (std::size_t g = 0; g <= 12; ++g) EXPECT_EQ(toy.voters(g), 3U) << g;
}

TEST(PlacementTest, ALeavingNodeOfThreeLeavesTwoVoters) {
  Toy toy(4);
  toy.add_node();
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  toy.health(2) = NodeHealth::leaving;
  ASSERT_TRUE(toy.settle());
  EXPECT_TRUE(is_empty_of_groups(model::NodeId(2), toy.groups));
  for (std::size_t g = 0; g <= 4; ++g) EXPECT_EQ(toy.voters(g), 2U) << "each write stays on two nodes";
}

TEST(PlacementTest, ALostNodeIsReplacedWhereThereIsAnotherAndElseStays) {
  Toy toy(6);
  toy.add_node();
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  toy.health(3) = NodeHealth::lost;
  ASSERT_TRUE(toy.settle());
  EXPECT_FALSE(is_empty_of_groups(model::NodeId(3), toy.groups));
  EXPECT_EQ(toy.voters(1), 3U);
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  EXPECT_TRUE(is_empty_of_groups(model::NodeId(3), toy.groups));
  for (std::size_t g = 0; g <= 6; ++g) EXPECT_EQ(toy.voters(g), 3U) << g;
}

TEST(PlacementTest, ANodeThatIsAwayKeepsWhatItHasAndGetsNothing) {
  Toy toy(6);
  toy.add_node();
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  const auto before = toy.replicas();
  toy.health(2) = NodeHealth::away;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.replicas(), before);
}

TEST(PlacementTest, NoVoteIsTakenAwayBeforeWhoeverGetsItIsThere) {
  // A move of node 4's replica to node 1 has begun when node 1 goes silent.
  const auto server = [](std::uint64_t id, ServerRole role) {
    return Voter{model::NodeId(id), "n" + std::to_string(id), role};
  };
  std::vector<PlacementNode> nodes;
  for (std::uint64_t id = 1; id <= 4; ++id) nodes.push_back({model::NodeId(id), "n" + std::to_string(id)});
  const std::vector<PlacementGroup> groups = {{model::GroupId(1),
                                               {server(3, ServerRole::voter), server(4, ServerRole::voter),
                                                server(2, ServerRole::voter), server(1, ServerRole::standby)},
                                               model::NodeId(3),
                                               0}};
  const auto voters_wanted = [&] {
    const PlacementPlan plan = plan_placement(nodes, groups);
    std::size_t voters = 0;
    for (const Voter& v : plan.targets.empty() ? groups[0].servers : plan.targets[0].servers) {
      voters += v.role == ServerRole::voter ? 1 : 0;
    }
    return voters;
  };
  EXPECT_EQ(voters_wanted(), 3U);
  nodes[0].health = NodeHealth::away;
  EXPECT_EQ(voters_wanted(), 3U);
  nodes[3].health = NodeHealth::away;  // and node 4 as well
  EXPECT_EQ(voters_wanted(), 3U);
  nodes[0].health = nodes[3].health = NodeHealth::lost;
  EXPECT_EQ(voters_wanted(), 3U);
}

TEST(PlacementTest, WithoutAMajorityNothingIsChanged) {
  Toy toy(3);
  toy.add_node();
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  toy.health(2) = toy.health(3) = NodeHealth::lost;
  const auto before = toy.groups;
  toy.add_node();
  toy.settle(20);
  for (std::size_t g = 0; g <= 3; ++g) EXPECT_EQ(toy.groups[g].servers, before[g].servers);
}

TEST(PlacementTest, BusyGroupsCountMore) {
  Toy toy(6);
  toy.options.replicas = 1;
  toy.add_node();
  toy.groups[1].load = 1000;
  ASSERT_TRUE(toy.settle());
  // Node with the busy group has fewer of the others.
  const auto busy = toy.groups[1].servers[0].id.value;
  EXPECT_LT(toy.replicas()[busy], toy.replicas()[3 - busy]);
}

TEST(PlacementTest, ALeaderThatMayNotLeadAnyMoreHandsEveryGroupOver) {
  Toy toy(8);
  toy.add_node();
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  ASSERT_GT(toy.leads()[2], 0);
  toy.nodes[1].may_lead = false;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.leads().count(2), 0U);
  EXPECT_EQ(toy.replicas()[2], 8) << "it holds what it held";
  toy.nodes[1].may_lead = true;
  ASSERT_TRUE(toy.settle());
  EXPECT_GT(toy.leads()[2], 0);
}

TEST(PlacementTest, WhereNobodyMayLeadTheLeadersStay) {
  Toy toy(4);
  toy.add_node();
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  const auto before = toy.leads();
  for (PlacementNode& node : toy.nodes) node.may_lead = false;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.leads(), before);
}

TEST(PlacementTest, ASealedNodeGetsNoLeadership) {
  Toy toy(8);
  toy.add_node();
  toy.add_node();
  toy.nodes[1].may_lead = false;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.leads().count(2), 0U);
  EXPECT_EQ(toy.replicas()[2], 8);
}

TEST(PlacementTest, AnyCourseOfComingsAndGoingsEndsSettledAndNeverLosesAMajority) {
  std::uint64_t state = 12345;
  const auto below = [&](std::uint64_t n) {
    return (state = state * 6364136223846793005U + 1442695040888963407U) >> 33 % n;
  };
  Toy toy(9);
  for (int i = 0; i < 3; ++i) toy.add_node();
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t id = 1 + below(toy.nodes.size()) % toy.nodes.size();
    const auto here = std::count_if(toy.nodes.begin(), toy.nodes.end(),
                                    [](const PlacementNode& n) { return n.health == NodeHealth::up; });
    switch (below(6) % 6) {
      case 0:
        if (toy.nodes.size() < 12) toy.add_node();
        break;
      case 1:
        if (here > 3 && is_empty_of_groups(model::NodeId(id), toy.groups)) toy.health(id) = NodeHealth::lost;
        break;
      case 2:
        if (here > 3) toy.health(id) = NodeHealth::leaving;
        break;
      case 3:
        if (toy.health(id) == NodeHealth::away) toy.health(id) = NodeHealth::up;
        break;
      default: break;
    }
    toy.groups[1 + below(9) % 9].load = below(1000);
    ASSERT_TRUE(toy.settle()) << "round " << round;
  }
}

}  // namespace
}  // namespace coffer::cluster::testing

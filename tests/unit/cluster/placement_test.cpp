// Placement and the way there, in a toy cluster. What loads change is in placement_load_test.cpp.

#include "cluster/placement.hpp"

#include "placement_toy.hpp"

namespace coffer::cluster::testing {
namespace {

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

TEST(PlacementTest, ANodeThatOnlyJoinsMakesNobodyAVoter) {
  Toy toy(4);
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  toy.add_node();
  toy.health(3) = NodeHealth::joining;
  toy.groups[0].servers.push_back({model::NodeId(3), "n3", ServerRole::standby});  // to be told what the directory says
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.groups[0].servers.size(), 3U) << "it follows the directory's group";
  for (std::size_t g = 0; g <= 4; ++g)
    EXPECT_EQ(toy.voters(g), 1U) << g << ": two voters would stop when either is away";
  toy.health(3) = NodeHealth::up;
  ASSERT_TRUE(toy.settle());
  for (std::size_t g = 0; g <= 4; ++g) EXPECT_EQ(toy.voters(g), 3U) << g;
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

/// Five in every data group, as an operator may have had it, or as a replacement leaves it whose nodes came back halfway.
Toy five_voters() {
  Toy toy(6);
  toy.options.replicas = 5;
  for (int i = 0; i < 4; ++i) toy.add_node();
  EXPECT_TRUE(toy.settle());
  EXPECT_EQ(toy.voters(1), 5U);
  toy.options.replicas = 3;
  return toy;
}

TEST(PlacementTest, FiveVotersBecomeThreeWhereThreeAreWanted) {
  Toy toy = five_voters();
  ASSERT_TRUE(toy.settle());
  for (std::size_t g = 1; g <= 6; ++g) {
    EXPECT_EQ(toy.voters(g), 3U) << g;
    EXPECT_EQ(toy.groups[g].servers.size(), 3U) << g;
  }
  EXPECT_LE(spread(toy.replicas()), 2);
}

TEST(PlacementTest, OfFiveVotersALostOneIsNotReplacedWhereThreeAreWanted) {
  Toy toy = five_voters();
  toy.health(2) = NodeHealth::lost;
  ASSERT_TRUE(toy.settle());
  for (std::size_t g = 1; g <= 6; ++g) {
    EXPECT_EQ(toy.voters(g), 3U) << g;
    EXPECT_EQ(toy.groups[g].servers.size(), 3U) << g;
  }
  EXPECT_EQ(toy.replicas()[2], 0);
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
  toy.groups[1].leading = toy.groups[1].replica = 20'000;
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
    PlacementGroup& busy = toy.groups[1 + below(9) % 9];
    busy.leading = below(20'000) % 20'000;
    busy.replica = below(20'000) % 20'000;
    ASSERT_TRUE(toy.settle()) << "round " << round;
  }
}

}  // namespace
}  // namespace coffer::cluster::testing

// Placement reaches its goal from wherever the cluster is, and never by a way that leaves a group with too few voters.

#include "actors/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace coffer::actors {
namespace {

using Kind = Step::Kind;
using model::NodeState;
using model::ReplicaRole;

/// A cluster that takes every step at once.
struct World {
  PlacementInput input;

  void node(std::uint64_t id, NodeState state = NodeState::up) {
    input.nodes.push_back({model::NodeId{id}, state, true, false});
  }
  PlacementNode& of(std::uint64_t id) {
    return *std::find_if(input.nodes.begin(), input.nodes.end(), [&](const auto& n) { return n.id.value == id; });
  }
  void group(std::uint64_t id, const std::vector<std::uint64_t>& voters) {
    model::GroupInfo info;
    info.id = model::GroupId{id};
    info.leader = model::NodeId{voters.front()};
    info.commit = model::Index{100};
    for (const std::uint64_t voter : voters) {
      info.replicas.push_back({model::NodeId{voter}, ReplicaRole::voter, model::Index{100}});
    }
    input.groups.push_back(info);
  }
  void take(const Step& step) {
    for (model::GroupInfo& group : input.groups) {
      if (group.id != step.group) continue;
      auto found = std::find_if(group.replicas.begin(), group.replicas.end(),
                                [&](const auto& replica) { return replica.node == step.node; });
      switch (step.kind) {
        case Kind::add_standby:
          ASSERT_EQ(found, group.replicas.end());
          group.replicas.push_back({step.node, ReplicaRole::standby, group.commit});
          break;
        case Kind::promote:
          ASSERT_NE(found, group.replicas.end());
          found->role = ReplicaRole::voter;
          break;
        case Kind::demote:
          ASSERT_NE(step.node, group.leader);
          found->role = ReplicaRole::standby;
          break;
        case Kind::remove:
          ASSERT_NE(found, group.replicas.end());
          ASSERT_NE(step.node, group.leader) << "a leader hands over first";
          group.replicas.erase(found);
          break;
        case Kind::transfer:
          ASSERT_NE(found, group.replicas.end());
          ASSERT_EQ(found->role, ReplicaRole::voter);
          group.leader = step.node;
          break;
      }
      const auto voters = count(group, ReplicaRole::voter);
      ASSERT_GE(voters, least);
    }
  }
  /// Steps until nothing is left to do; false when it does not come to an end.
  bool settle() {
    for (int round = 0; round < 500; ++round) {
      const auto steps = plan(input);
      if (steps.empty()) return true;
      for (const Step& step : steps) take(step);
      if (::testing::Test::HasFatalFailure()) return false;
    }
    return false;
  }
  static std::size_t count(const model::GroupInfo& group, ReplicaRole role) {
    return static_cast<std::size_t>(std::count_if(group.replicas.begin(), group.replicas.end(),
                                                  [role](const auto& replica) { return replica.role == role; }));
  }
  std::map<std::uint64_t, int> replicas() const {
    std::map<std::uint64_t, int> out;
    for (const auto& node : input.nodes) out[node.id.value] = 0;
    for (const auto& group : input.groups) {
      for (const auto& replica : group.replicas) ++out[replica.node.value];
    }
    return out;
  }
  std::map<std::uint64_t, int> leads() const {
    std::map<std::uint64_t, int> out;
    for (const auto& group : input.groups) ++out[group.leader.value];
    return out;
  }
  std::size_t least = 1;
};

TEST(Placement, ASingleNodeHasNothingToDo) {
  World world;
  world.node(1);
  for (std::uint64_t g = 0; g < 5; ++g) world.group(g, {1});
  EXPECT_TRUE(plan(world.input).empty());
}

TEST(Placement, ThreeNodesHoldEveryGroupAndShareTheLeaderships) {
  World world;
  for (std::uint64_t id = 1; id <= 3; ++id) world.node(id);
  for (std::uint64_t g = 0; g < 9; ++g) world.group(g, {1});
  ASSERT_TRUE(world.settle());
  for (const auto& group : world.input.groups) EXPECT_EQ(World::count(group, ReplicaRole::voter), 3U);
  for (const auto& [node, count] : world.leads()) EXPECT_NEAR(count, 3, 1) << "node " << node;
}

TEST(Placement, WithTwoNodesOneVotesForAnEvenNumberProtectsNobody) {
  World world;
  world.node(1);
  world.node(2);
  for (std::uint64_t g = 0; g < 5; ++g) world.group(g, {1});
  ASSERT_TRUE(world.settle());
  for (const auto& group : world.input.groups) EXPECT_EQ(World::count(group, ReplicaRole::voter), 1U);
  EXPECT_EQ(World::count(world.input.groups[0], ReplicaRole::standby), 1U) << "the directory is everywhere";
}

TEST(Placement, TheMetaGroupIsOnEveryNodeAndFiveVote) {
  World world;
  for (std::uint64_t id = 1; id <= 7; ++id) world.node(id);
  world.group(0, {1});
  world.group(1, {1});
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(World::count(world.input.groups[0], ReplicaRole::voter), 5U);
  EXPECT_EQ(World::count(world.input.groups[0], ReplicaRole::standby), 2U);
  EXPECT_EQ(World::count(world.input.groups[1], ReplicaRole::voter), 3U);
}

TEST(Placement, ANodeThatIsAboutToComeGetsTheDirectoryAndNothingElse) {
  World world;
  world.node(1);
  world.node(2, NodeState::joining);
  world.of(2).alive = false;
  world.group(0, {1});
  world.group(1, {1});
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(World::count(world.input.groups[0], ReplicaRole::standby), 1U);
  EXPECT_EQ(World::count(world.input.groups[0], ReplicaRole::voter), 1U);
  EXPECT_EQ(world.input.groups[1].replicas.size(), 1U);
}

TEST(Placement, ADrainedNodeEndsWithNothingAndNoGroupHadTooFewVoters) {
  World world;
  for (std::uint64_t id = 1; id <= 4; ++id) world.node(id);
  for (std::uint64_t g = 0; g < 8; ++g) world.group(g, {1, 2, 3});
  world.of(1).state = NodeState::draining;
  world.least = 3;
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.replicas()[1], 0);
  for (const auto& group : world.input.groups) EXPECT_EQ(World::count(group, ReplicaRole::voter), 3U);
}

TEST(Placement, ASilentNodeKeepsItsReplicasUntilItCountsAsDead) {
  World world;
  for (std::uint64_t id = 1; id <= 4; ++id) world.node(id);
  for (std::uint64_t g = 1; g < 5; ++g) world.group(g, {1, 2, 3});
  world.of(3).alive = false;
  for (const Step& step : plan(world.input)) EXPECT_NE(step.kind, Kind::remove);
  world.of(3).dead = true;
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.replicas()[3], 0);
}

TEST(Placement, ANewcomerTakesItsShare) {
  World world;
  for (std::uint64_t id = 1; id <= 4; ++id) world.node(id);
  for (std::uint64_t g = 1; g <= 8; ++g) world.group(g, {1 + g % 3, 1 + (g + 1) % 3, 1 + (g + 2) % 3});
  ASSERT_TRUE(world.settle());
  for (const auto& [node, count] : world.replicas()) EXPECT_NEAR(count, 6, 1) << "node " << node;
}

TEST(Placement, ComesToAnEndFromWhereverItStarts) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    World world;
    const std::uint64_t nodes = 1 + random() % 7;
    for (std::uint64_t id = 1; id <= nodes; ++id) world.node(id);
    for (std::uint64_t g = 0; g < 1 + random() % 12; ++g) {
      std::vector<std::uint64_t> voters;
      for (std::uint64_t id = 1; id <= nodes; ++id) {
        if (random() % 2 == 0) voters.push_back(id);
      }
      if (voters.empty()) voters.push_back(1 + random() % nodes);
      std::shuffle(voters.begin(), voters.end(), random);
      world.group(g, voters);
    }
    for (std::uint64_t id = 2; id <= nodes; ++id) {
      if (random() % 4 == 0) world.of(id).state = NodeState::draining;
    }
    ASSERT_TRUE(world.settle()) << "round " << round;
    std::size_t homes = 0;
    for (const auto& node : world.input.nodes) homes += node.state == NodeState::up ? 1 : 0;
    for (const auto& group : world.input.groups) {
      const auto most = group.id == model::kMetaGroup ? 5U : 3U;
      EXPECT_EQ(World::count(group, ReplicaRole::voter), voters_of(static_cast<std::uint32_t>(homes), most));
    }
  }
}

}  // namespace
}  // namespace coffer::actors

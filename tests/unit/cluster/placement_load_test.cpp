// Placement by load: leaders go readily, replicas for what is much and lasts, nothing for noise, and every course ends.

#include <cmath>

#include "cluster/group_load.hpp"
#include "placement_toy.hpp"

namespace coffer::cluster::testing {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t below(std::uint64_t n) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % n;
  }
  /// Up to 100,000, as often small as large.
  std::uint64_t load() { return static_cast<std::uint64_t>(std::pow(10.0, static_cast<double>(below(5001)) / 1000)); }

 private:
  std::uint64_t state_;
};

Toy settled_toy(std::size_t nodes, std::size_t data_groups) {
  Toy toy(data_groups);
  while (toy.nodes.size() < nodes) toy.add_node();
  EXPECT_TRUE(toy.settle());
  toy.changes = toy.transfers = 0;
  return toy;
}

std::map<std::uint64_t, std::uint64_t> led_load(const Toy& toy) {
  std::map<std::uint64_t, std::uint64_t> out;
  for (const PlacementNode& node : toy.nodes) out[node.id.value] = 0;
  for (const PlacementGroup& group : toy.groups) out[group.leader.value] += group.leading;
  return out;
}

std::map<std::uint64_t, std::uint64_t> replica_load(const Toy& toy) {
  std::map<std::uint64_t, std::uint64_t> out;
  for (const PlacementNode& node : toy.nodes) out[node.id.value] = 0;
  for (const PlacementGroup& group : toy.groups) {
    for (const Voter& server : group.servers) out[server.id.value] += group.replica;
  }
  return out;
}

std::uint64_t most(const std::map<std::uint64_t, std::uint64_t>& by_node) {
  std::uint64_t out = 0;
  for (const auto& [id, load] : by_node) out = std::max(out, load);
  return out;
}

/// What the groups that this node leads are asked for becomes so much each.
void load_node(Toy& toy, std::uint64_t node, std::uint64_t requests) {
  for (PlacementGroup& group : toy.groups) {
    if (group.leader.value != node) continue;
    group.leading = work_of_leading({requests, 0});
    group.replica = work_of_a_replica({requests, 0}, 3);
  }
}

TEST(PlacementLoadTest, ANodeThatLeadsAllBusyGroupsHandsOverUntilAllDoAboutTheSame) {
  Toy toy = settled_toy(3, 17);
  load_node(toy, 1, 10'000);
  const std::uint64_t before = most(led_load(toy));
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(before, 60'000U);
  EXPECT_EQ(most(led_load(toy)), 20'000U);
  EXPECT_EQ(toy.changes, 0) << "all three have all groups: no replica needs to move";
}

TEST(PlacementLoadTest, OneBusyGroupStaysWhereItIsAndTheIdleOnesMakeRoom) {
  Toy toy = settled_toy(3, 17);
  toy.groups[4].leading = 50'000;
  const model::NodeId busy = toy.groups[4].leader;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.groups[4].leader, busy) << "another leader would have as much to do";
  EXPECT_EQ(toy.leads()[busy.value], 1);
}

TEST(PlacementLoadTest, HardlyAnyTrafficMovesNothing) {
  Dice dice(7);
  Toy toy = settled_toy(3, 17);
  for (int round = 0; round < 1000; ++round) {
    for (PlacementGroup& group : toy.groups) {
      group.leading = dice.below(150);
      group.replica = dice.below(150);
    }
    ASSERT_TRUE(plan_placement(toy.nodes, toy.groups, toy.options).is_settled()) << round;
  }
}

TEST(PlacementLoadTest, EquallyBusyGroupsStayWhereTheyAre) {
  Toy toy = settled_toy(5, 20);
  for (PlacementGroup& group : toy.groups) group.leading = group.replica = group.id == model::kMetaGroup ? 0 : 5'000;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.changes, 0);
  EXPECT_LE(toy.transfers, 2) << "the meta group's leader has room for one more";
}

TEST(PlacementLoadTest, ReplicasMoveForALargeDifferenceOnly) {
  for (const bool large : {false, true}) {
    Toy toy = settled_toy(6, 24);
    std::uint64_t busy = 0;
    for (PlacementGroup& group : toy.groups) {
      if (group.id == model::kMetaGroup) continue;
      const auto has_first = [&](const Voter& server) { return server.id.value == 1; };
      const bool of_first = std::any_of(group.servers.begin(), group.servers.end(), has_first);
      group.replica = of_first ? (large ? 8'000U : 1'300U) : 1'000U;
      busy += of_first ? 1 : 0;
    }
    ASSERT_EQ(busy, 12U);
    const std::uint64_t before = most(replica_load(toy));
    ASSERT_TRUE(toy.settle());
    EXPECT_EQ(toy.changes > 0, large);
    EXPECT_LE(most(replica_load(toy)), large ? before * 3 / 4 : before);
    EXPECT_LE(toy.changes, 24) << "a few copies, of what counts";
  }
}

TEST(PlacementLoadTest, ALittleReplicaIsNotCopiedToMakeUpForALargeOne) {
  Toy toy = settled_toy(4, 20);
  toy.groups[1].replica = 100'000;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.changes, 0);
}

TEST(PlacementLoadTest, ANewNodeGetsReplicasWhateverTheLoadsAre) {
  Toy toy = settled_toy(3, 16);
  for (PlacementGroup& group : toy.groups) group.leading = group.replica = 4'000;
  toy.add_node();
  ASSERT_TRUE(toy.settle());
  EXPECT_LE(spread(toy.replicas()), 2);
}

TEST(PlacementLoadTest, WithoutBalanceOnlyWhatMustBeIsDone) {
  Toy toy = settled_toy(4, 12);
  load_node(toy, 1, 10'000);
  toy.options.balance = false;
  EXPECT_TRUE(plan_placement(toy.nodes, toy.groups, toy.options).is_settled());
  toy.nodes[1].may_lead = false;
  toy.health(3) = NodeHealth::leaving;
  ASSERT_TRUE(toy.settle());
  EXPECT_EQ(toy.leads().count(2), 0U);
  EXPECT_TRUE(is_empty_of_groups(model::NodeId(3), toy.groups));
}

TEST(PlacementLoadTest, WhateverTheLoadsAreFollowingThePlanEnds) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    Dice dice(seed);
    const std::size_t nodes = 3 + dice.below(5), groups = 1 + dice.below(40);
    Toy toy = settled_toy(nodes, groups);
    for (int round = 0; round < 4; ++round) {
      for (PlacementGroup& group : toy.groups) {
        if (dice.below(3) == 0) continue;
        const model::GroupLoad load{dice.load(), dice.below(2) * dice.load()};
        group.leading = work_of_leading(load);
        group.replica = work_of_a_replica(load, 3);
      }
      const std::uint64_t leaders_before = most(led_load(toy));
      toy.changes = toy.transfers = 0;
      ASSERT_TRUE(toy.settle()) << "seed " << seed;
      ASSERT_LE(toy.transfers, static_cast<int>(4 * groups + 4)) << "seed " << seed;
      if (toy.changes == 0) {
        ASSERT_LE(most(led_load(toy)), leaders_before + 500 * groups) << "seed " << seed;
      }
    }
  }
}

TEST(PlacementLoadTest, LoadsThatAreSteadyButForAFifthMoveNothingOnceItIsSettled) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Dice dice(seed);
    Toy toy = settled_toy(3 + dice.below(4), 2 + dice.below(30));
    std::vector<std::uint64_t> steady;
    for (std::size_t g = 0; g < toy.groups.size(); ++g) steady.push_back(dice.load());
    LoadLevels levels(std::chrono::milliseconds(10'000));
    MonotonicMs now = 1000;
    const auto measure = [&] {
      now += 1000;
      for (PlacementGroup& group : toy.groups) {
        const std::uint64_t requests = steady[group.id.value] * (80 + dice.below(41)) / 100;
        levels.follow(group.id, model::GroupLoad{requests, requests / 4}, 3, now);
        group.leading = levels.of(group.id).leading;
        group.replica = levels.of(group.id).replica;
      }
    };
    measure();
    ASSERT_TRUE(toy.settle());
    for (int round = 0; round < 100; ++round) {
      measure();
      ASSERT_TRUE(plan_placement(toy.nodes, toy.groups, toy.options).is_settled()) << "seed " << seed << " " << round;
    }
  }
}

}  // namespace
}  // namespace coffer::cluster::testing

// Placement's words, from reports and silences.

#include "actors/placer.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coffer::actors {
namespace {

using cluster::PlacementPlan;
using cluster::ServerRole;
using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr milliseconds kInterval{100};

/// Four nodes, and one group on the first three of them beside the directory's.
class PlacerTest : public ::testing::Test {
 protected:
  PlacerTest() {
    for (std::uint64_t id = 1; id <= 4; ++id) {
      model::NodeInfo node;
      node.id = model::NodeId(id);
      node.state = model::NodeState::up;
      nodes.push_back(node);
    }
    view.begin(now);
  }

  static model::GroupInfo group(std::uint64_t id, std::uint64_t leader, const std::vector<std::uint64_t>& voters) {
    model::GroupInfo info{model::GroupId(id), model::NodeId(leader), model::Term(3), {}, {}, {}};
    for (const std::uint64_t voter : voters)
      info.replicas.push_back({model::NodeId(voter), model::ReplicaRole::voter, {}});
    return info;
  }

  /// All but the silent ones report in every interval; what is said at the end of them.
  std::optional<Placer::Plan> after(int intervals, const std::vector<std::uint64_t>& silent = {}) {
    std::optional<Placer::Plan> plan;
    for (int i = 0; i < intervals; ++i) {
      now += kInterval;
      for (const model::NodeInfo& node : nodes) {
        if (std::find(silent.begin(), silent.end(), node.id.value) != silent.end()) continue;
        std::vector<model::GroupInfo> led;
        for (const model::GroupInfo& info : groups) {
          if (info.leader == node.id) led.push_back(info);
        }
        view.heard(node.id, led, now, false);
      }
      plan = placer.place(view, nodes, now);
    }
    return plan;
  }

  static std::vector<std::string> words_of(const std::optional<Placer::Plan>& plan) {
    return plan ? plan->words : std::vector<std::string>{"nothing yet"};
  }
  using Words = std::vector<std::string>;

  Placer::Clock::time_point now{std::chrono::hours(1)};
  ClusterView view;
  std::vector<model::NodeInfo> nodes;
  std::vector<model::GroupInfo> groups{group(0, 1, {1, 2, 3}), group(1, 2, {1, 2, 3})};
  Placer placer{{kInterval, milliseconds(2000), milliseconds(1000), 3}};

  void let_all_follow() { groups[0].replicas.push_back({model::NodeId(4), model::ReplicaRole::standby, {}}); }
};

TEST_F(PlacerTest, SaysNothingBeforeANewLeaderHasListened) {
  let_all_follow();
  EXPECT_EQ(words_of(after(1)), Words{"nothing yet"});
  EXPECT_EQ(words_of(after(1)), Words{});
}

TEST_F(PlacerTest, TellsTheLeaderOfAGroupWhatItsServersShouldBe) {
  const auto plan = after(3);
  EXPECT_EQ(words_of(plan), Words{"group 0 on nodes 1 2 3 4 (follows)"});
  ASSERT_EQ(plan->orders.size(), 1U);
  EXPECT_EQ(plan->orders[0].first, model::NodeId(1));
  EXPECT_EQ(std::get<PlacementPlan::Target>(plan->orders[0].second).servers.back(),
            server_of(model::NodeId(4), ServerRole::standby));
}

TEST_F(PlacerTest, ASilentNodeIsReplacedAfterTheTimeThatTheOperatorWants) {
  let_all_follow();
  after(10);
  EXPECT_EQ(words_of(after(18, {3})), Words{});
  EXPECT_EQ(words_of(after(3, {3})).back(), "group 1 on nodes 1 2 4");
}

TEST_F(PlacerTest, ASilentNodeIsNotReplacedWhereNobodyWantsThat) {
  let_all_follow();
  Placer patient{{kInterval, milliseconds(0), milliseconds(1000), 3}};
  after(10);
  after(100, {3});
  EXPECT_EQ(words_of(patient.place(view, nodes, now)), Words{});
}

TEST_F(PlacerTest, ANewLeaderTakesNobodysSilenceForALossBeforeItHasLedForSoLong) {
  let_all_follow();
  after(30);
  view.begin(now);
  EXPECT_EQ(words_of(after(20, {3})), Words{});
  EXPECT_EQ(words_of(after(1, {3})).back(), "group 1 on nodes 1 2 4");
}

TEST_F(PlacerTest, WhoWasNeverHeardIsGivenNothing) {
  EXPECT_EQ(words_of(after(3, {4})), Words{}) << "node 4 should follow the directory, once it is there";
  EXPECT_EQ(words_of(after(1)), Words{"group 0 on nodes 1 2 3 4 (follows)"});
}

TEST_F(PlacerTest, ANodeThatIsDrainedHandsEverythingOver) {
  let_all_follow();
  after(3);
  nodes[2].state = model::NodeState::draining;
  EXPECT_THAT(words_of(after(1)), Contains("group 1 on nodes 1 2 4"));
}

TEST_F(PlacerTest, ANodeThatIsAboutToComeFollowsTheDirectoryOnly) {
  nodes[3].state = model::NodeState::joining;
  EXPECT_EQ(words_of(after(5)), Words{"group 0 on nodes 1 2 3 4 (follows)"});
  nodes[2].state = model::NodeState::draining;
  EXPECT_THAT(words_of(after(1)), Contains("group 1 on nodes 1 2"));
}

TEST_F(PlacerTest, WhoIsSilentForFourIntervalsIsGivenNothing) {
  let_all_follow();
  after(10);
  after(4, {4});
  nodes[2].state = model::NodeState::draining;
  EXPECT_THAT(words_of(after(1, {4})), Contains("group 1 on nodes 1 2"));
  EXPECT_THAT(words_of(after(1)), Contains("group 1 on nodes 1 2 4"));
}

TEST_F(PlacerTest, ALeaderOfLessThanEightIntervalsReplacesNobodyHoweverImpatientTheOperatorIs) {
  let_all_follow();
  placer = Placer({kInterval, milliseconds(300), milliseconds(1000), 3});
  EXPECT_EQ(words_of(after(8, {3})), Words{});
  EXPECT_THAT(words_of(after(1, {3})), Contains("group 1 on nodes 1 2 4"));
}

TEST_F(PlacerTest, WhatARemovedNodeHeldGoesElsewhere) {
  let_all_follow();
  after(3);
  nodes[2].state = model::NodeState::removed;
  EXPECT_THAT(words_of(after(1)), Contains("group 1 on nodes 1 2 4"));
}

TEST_F(PlacerTest, LeadersStayWhileSomebodysLoadIsNotKnownYet) {
  let_all_follow();
  groups = {groups[0], group(1, 2, {1, 2, 3}), group(2, 2, {1, 2, 3}), group(3, 2, {1, 2, 3})};
  groups[0].load = groups[1].load = groups[2].load = model::GroupLoad{9'000, 0};
  EXPECT_EQ(words_of(after(5)), Words{}) << "what group 3 does nobody has said";
  groups[3].load = model::GroupLoad{9'000, 0};
  EXPECT_THAT(words_of(after(1)), Contains(HasSubstr("led by node 3")));
}

TEST_F(PlacerTest, LoadsThatANewLeaderHasNotHeardOfAreForgotten) {
  let_all_follow();
  groups = {groups[0], group(1, 2, {1, 2, 3}), group(2, 2, {1, 2, 3}), group(3, 2, {1, 2, 3})};
  for (model::GroupInfo& info : groups) info.load = model::GroupLoad{9'000, 0};
  EXPECT_THAT(words_of(after(5)), Contains(HasSubstr("led by node 3")));
  view.begin(now);
  for (std::size_t i = 1; i < groups.size(); ++i) groups[i].load.reset();
  EXPECT_EQ(words_of(after(5)), Words{}) << "group 0 is busy, and of the others nobody has said anything yet";
}

TEST_F(PlacerTest, ANodeWithoutRoomOnItsDiskLeadsNothing) {
  let_all_follow();
  after(3);
  view.heard(model::NodeId(2), {groups[1]}, now, true);
  const auto plan = placer.place(view, nodes, now);
  ASSERT_EQ(plan->orders.size(), 1U);
  EXPECT_EQ(plan->orders[0].first, model::NodeId(2));
  EXPECT_EQ(words_of(plan), Words{"group 1 led by node 3"});
}

TEST_F(PlacerTest, ANodeThatOnlyJoinsFollowsTheDirectoryAndMakesNobodyAVoter) {
  nodes.pop_back();
  nodes[2].state = model::NodeState::joining;
  groups = {group(0, 1, {1}), group(1, 1, {1})};
  for (model::GroupInfo& info : groups) info.replicas.push_back({model::NodeId(2), model::ReplicaRole::standby, {}});
  EXPECT_EQ(words_of(after(30, {3})), Words{"group 0 on nodes 1 2 (follows) 3 (follows)"});
  groups[0].replicas.push_back({model::NodeId(3), model::ReplicaRole::standby, {}});
  EXPECT_EQ(words_of(after(30, {3})), Words{});
}

}  // namespace
}  // namespace coffer::actors

// New groups begin on the nodes that have least to do, with as many voters as survive the loss of one.

#include "cluster/founders.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace coffer::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::vector<std::uint64_t>> plan(std::vector<std::uint64_t> replicas, std::size_t groups,
                                             std::size_t wanted = 3) {
  std::vector<FounderCandidate> nodes;
  for (std::size_t i = 0; i < replicas.size(); ++i) nodes.push_back({model::NodeId{i + 1}, replicas[i]});
  std::vector<std::vector<std::uint64_t>> out;
  for (const auto& group : plan_founders(nodes, groups, wanted)) {
    auto& ids = out.emplace_back();
    for (const model::NodeId id : group) ids.push_back(id.value);
  }
  return out;
}

TEST(Founders, AreAnOddNumberAndNoMoreThanReplicasAreWanted) {
  EXPECT_THAT(plan({4}, 1), ElementsAre(ElementsAre(1)));
  EXPECT_THAT(plan({4, 4}, 1), ElementsAre(ElementsAre(1))) << "two voters stop when either is away";
  EXPECT_THAT(plan({4, 4, 4}, 1), ElementsAre(ElementsAre(1, 2, 3)));
  EXPECT_THAT(plan({4, 4, 4, 4, 4}, 1, 5), ElementsAre(ElementsAre(1, 2, 3, 4, 5)));
  EXPECT_THAT(plan({4, 4, 4, 4}, 1, 5), ElementsAre(ElementsAre(1, 2, 3)));
}

TEST(Founders, AreThoseWithTheFewestReplicas) {
  EXPECT_THAT(plan({9, 2, 9, 1, 3}, 1), ElementsAre(ElementsAre(2, 4, 5)));
}

TEST(Founders, SpreadWhenManyGroupsBeginAtOnce) {
  std::map<std::uint64_t, int> held;
  for (const auto& group : plan({0, 0, 0, 0, 0}, 10)) {
    for (const std::uint64_t id : group) ++held[id];
  }
  EXPECT_THAT(held, ElementsAre(Pair(1, 6), Pair(2, 6), Pair(3, 6), Pair(4, 6), Pair(5, 6)));
}

}  // namespace
}  // namespace coffer::cluster

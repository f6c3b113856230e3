// Groups of several voters by seed; long runs: sim_group --seed N --seeds N --steps N --nodes 3|5.

#include "tests/sim/group_sim.hpp"

#include <iostream>

#include <gtest/gtest.h>

#include "tests/sim/sim.hpp"

namespace coffer::sim {
namespace {

constexpr std::uint64_t kSteps = 20000;

class GroupSimTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(GroupSimTest, AgreesLosesNothingAndGoesOnAfterHealing) {
  GroupReport sum;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    try {
      const GroupReport report = simulate_group({seed, kSteps, GetParam(), GroupMutant::none});
      sum.acknowledged += report.acknowledged;
      sum.crashes += report.crashes;
      sum.elections += report.elections;
      sum.installs += report.installs;
      sum.changes += report.changes;
      sum.transfers += report.transfers;
      sum.leased_reads += report.leased_reads;
      sum.asked_reads += report.asked_reads;
      sum.departures += report.departures;
    } catch (const Violation& violation) {
      ADD_FAILURE() << "--seed " << seed << " --steps " << kSteps << " --nodes " << GetParam() << ": "
                    << violation.what();
    }
  }
  // The run must have met what it is about.
  EXPECT_GT(sum.acknowledged, 1000U);
  EXPECT_GT(sum.crashes, 30U);
  EXPECT_GT(sum.elections, 30U);
  EXPECT_GT(sum.installs, 5U);
  EXPECT_GT(sum.changes, 2U);
  EXPECT_GT(sum.transfers, 2U);
  EXPECT_GT(sum.leased_reads, 500U);
  EXPECT_GT(sum.asked_reads, 500U);
  EXPECT_GT(sum.departures, 10U);
}
INSTANTIATE_TEST_SUITE_P(Voters, GroupSimTest, testing::Values(3, 5));

TEST(GroupSimCheckTest, TheSameSeedIsTheSameRun) {
  EXPECT_EQ(simulate_group({7, kSteps, 3, GroupMutant::none}).trace,
            simulate_group({7, kSteps, 3, GroupMutant::none}).trace);
  EXPECT_NE(simulate_group({7, kSteps, 3, GroupMutant::none}).trace,
            simulate_group({8, kSteps, 3, GroupMutant::none}).trace);
}

/// The first seed whose run breaks a promise, and how; 0 when none does. `moving`: only those in which members come and go.
std::pair<std::uint64_t, std::string> find_mistake(GroupMutant mutant, std::uint64_t seeds, std::uint64_t nodes = 3,
                                                   bool moving = false) {
  const std::uint64_t step = moving ? 2 : 1;
  for (std::uint64_t seed = step; seed <= seeds; seed += step) {
    try {
      simulate_group({seed, kSteps, nodes, mutant});
    } catch (const Violation& violation) {
      return {seed, violation.what()};
    }
  }
  return {0, ""};
}

TEST(GroupSimCheckTest, TheChecksFindAnAcknowledgementBeforeTheFsync) {
  EXPECT_NE(find_mistake(GroupMutant::ack_before_fsync, 30).first, 0U);
}
TEST(GroupSimCheckTest, TheChecksFindReadsThatAskNobody) {
  const auto [seed, what] = find_mistake(GroupMutant::skip_read_index, 60);
  EXPECT_NE(seed, 0U);
  EXPECT_NE(what.find("misses what was acknowledged"), std::string::npos) << what;
}
TEST(GroupSimCheckTest, TheChecksFindALeaseThatIsTooLong) {
  const auto [seed, what] = find_mistake(GroupMutant::long_lease, 60);
  EXPECT_NE(seed, 0U);
  EXPECT_NE(what.find("misses what was acknowledged"), std::string::npos) << what;
}
TEST(GroupSimCheckTest, TheChecksFindALeaseThatSurvivesATransfer) {
  const auto [seed, what] = find_mistake(GroupMutant::lease_in_transfer, 60);
  EXPECT_NE(seed, 0U);
  EXPECT_NE(what.find("misses what was acknowledged"), std::string::npos) << what;
}
TEST(GroupSimCheckTest, TheChecksFindForgottenVotes) {
  EXPECT_NE(find_mistake(GroupMutant::forgets_votes, 30).first, 0U);
}

TEST(GroupSimCheckTest, TheChecksFindANodeThatForgetsWhereALogEndedThatItLetGoOf) {
  EXPECT_NE(find_mistake(GroupMutant::forgets_floor, 200, 5, true).first, 0U);
}
TEST(GroupSimCheckTest, TheChecksFindANodeThatLetsGoBeforeThatIsProved) {
  const auto [seed, what] = find_mistake(GroupMutant::leaves_unproved, 60, 3, true);
  EXPECT_NE(seed, 0U);
  EXPECT_NE(what.find("before that was committed without it"), std::string::npos) << what;
}

}  // namespace
}  // namespace coffer::sim

int main(int argc, char** argv) {
  try {
    const auto line = coffer::sim::parse(argc, argv);
    if (line.given) {
      return coffer::sim::run_seeds(line, [&](std::uint64_t seed) {
               return coffer::sim::simulate_group(
                          {seed, line.steps, line.nodes == 0 ? 3 : line.nodes, coffer::sim::GroupMutant::none})
                   .text();
             }) != 0;
    }
  } catch (const std::invalid_argument& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

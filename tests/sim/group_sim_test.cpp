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
}
INSTANTIATE_TEST_SUITE_P(Voters, GroupSimTest, testing::Values(3, 5));

TEST(GroupSimCheckTest, TheSameSeedIsTheSameRun) {
  EXPECT_EQ(simulate_group({7, kSteps, 3, GroupMutant::none}).trace,
            simulate_group({7, kSteps, 3, GroupMutant::none}).trace);
  EXPECT_NE(simulate_group({7, kSteps, 3, GroupMutant::none}).trace,
            simulate_group({8, kSteps, 3, GroupMutant::none}).trace);
}

TEST(GroupSimCheckTest, TheChecksFindAnAcknowledgementBeforeTheFsync) {
  std::uint64_t found = 0;
  for (std::uint64_t seed = 1; seed <= 30 && found == 0; ++seed) {
    try {
      simulate_group({seed, kSteps, 3, GroupMutant::ack_before_fsync});
    } catch (const Violation&) {
      found = seed;
    }
  }
  EXPECT_NE(found, 0U);
}

}  // namespace
}  // namespace coffer::sim

int main(int argc, char** argv) {
  try {
    const auto line = coffer::sim::parse(argc, argv);
    if (line.given) {
      return coffer::sim::run_seeds(line, [&](std::uint64_t seed) {
               return coffer::sim::simulate_group({seed, line.steps, line.nodes, coffer::sim::GroupMutant::none})
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

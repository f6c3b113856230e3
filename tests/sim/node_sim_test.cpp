// The node by seed; long runs: sim_node --seed N --seeds N --steps N.

#include "tests/sim/node_sim.hpp"

#include <iostream>

#include <gtest/gtest.h>

#include "tests/sim/sim.hpp"

namespace coffer::sim {
namespace {

constexpr std::uint64_t kSteps = 4000;

TEST(NodeSimTest, NothingAcknowledgedIsLostAndTheStateIsWhatTheLogMakesOfIt) {
  std::uint64_t acknowledged = 0, crashes = 0, failures = 0, checkpoints = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    try {
      const NodeReport report = simulate_node({seed, kSteps, NodeMutant::none});
      acknowledged += report.acknowledged;
      crashes += report.crashes;
      failures += report.disk_failures;
      checkpoints += report.checkpoints;
    } catch (const Violation& violation) {
      ADD_FAILURE() << "--seed " << seed << " --steps " << kSteps << ": " << violation.what();
    }
  }
  // The run must have met what it is about.
  EXPECT_GT(acknowledged, 1000U);
  EXPECT_GT(crashes, 12U);
  EXPECT_GT(failures, 5U);
  EXPECT_GT(checkpoints, 100U);
}

TEST(NodeSimTest, TheSameSeedIsTheSameRun) {
  EXPECT_EQ(simulate_node({7, kSteps, NodeMutant::none}).trace, simulate_node({7, kSteps, NodeMutant::none}).trace);
  EXPECT_NE(simulate_node({7, kSteps, NodeMutant::none}).trace, simulate_node({8, kSteps, NodeMutant::none}).trace);
}

/// Seeds until the checks find the mistake; 0 when they do not.
std::uint64_t seeds_until_found(NodeMutant mutant, std::uint64_t bound) {
  for (std::uint64_t seed = 1; seed <= bound; ++seed) {
    try {
      simulate_node({seed, kSteps, mutant});
    } catch (const Violation&) {
      return seed;
    }
  }
  return 0;
}

TEST(NodeSimTest, TheChecksFindAnAcknowledgementBeforeTheFsync) {
  EXPECT_NE(seeds_until_found(NodeMutant::ack_before_fsync, 10), 0U);
}
TEST(NodeSimTest, TheChecksFindADurableIndexThatRunsAheadOfTheState) {
  EXPECT_NE(seeds_until_found(NodeMutant::d_before_flush, 10), 0U);
}
TEST(NodeSimTest, TheChecksFindASyncedWriteTakenForAFlush) {
  EXPECT_NE(seeds_until_found(NodeMutant::synced_write_for_flush, 40), 0U);
}
TEST(NodeSimTest, TheChecksFindAnIgnoredDiskError) {
  EXPECT_NE(seeds_until_found(NodeMutant::ignore_disk_errors, 10), 0U);
}

}  // namespace
}  // namespace coffer::sim

int main(int argc, char** argv) {
  try {
    const auto line = coffer::sim::parse(argc, argv);
    if (line.given) {
      return coffer::sim::run_seeds(line, [&](std::uint64_t seed) {
               return coffer::sim::simulate_node({seed, line.steps, coffer::sim::NodeMutant::none}).text();
             }) != 0;
    }
  } catch (const std::invalid_argument& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

// Clusters of whole nodes by seed; long runs: sim_cluster --seed N --seeds N --steps N --nodes 3..5.

#include "tests/sim/cluster_sim.hpp"

#include <iostream>

#include <gtest/gtest.h>

#include "tests/sim/sim.hpp"

namespace coffer::sim {
namespace {

constexpr std::uint64_t kSteps = 25000;
// In each half. Sanitizers and -O0 take ten times as long for each.
#ifdef COFFER_OPTIMIZED
constexpr std::uint64_t kSeeds = 1000;
#else
constexpr std::uint64_t kSeeds = 20;
#endif

ClusterReport run(std::uint64_t first, std::uint64_t seeds) {
  ClusterReport sum;
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    try {
      sum += simulate_cluster({seed, kSteps, 0, ClusterMutant::none});
    } catch (const Violation& violation) {
      ADD_FAILURE() << "--seed " << seed << " --steps " << kSteps << ": " << violation.what();
    }
  }
  std::cout << seeds << " seeds from " << first << ": " << sum.text() << std::endl;
  return sum;
}

void expect_that_it_met_what_it_is_about(const ClusterReport& sum, std::uint64_t seeds) {
  EXPECT_GT(sum.acknowledged, 50 * seeds);
  EXPECT_GT(sum.reads, 50 * seeds);
  EXPECT_GT(sum.failed_conditions, seeds);
  EXPECT_GT(sum.crashes, 2 * seeds);
  EXPECT_GT(sum.elections, 3 * seeds);
  EXPECT_GT(sum.installs, seeds / 4);
  EXPECT_GT(sum.changes, seeds / 4);
  EXPECT_GT(sum.transfers, seeds / 4);
  EXPECT_GT(sum.moves, seeds);
  EXPECT_GT(sum.placed, 5 * seeds);
  EXPECT_GT(sum.groups, seeds / 2);
  EXPECT_GT(sum.looks, 5 * seeds);
  EXPECT_GT(sum.disk_failures, seeds / 10);
  EXPECT_GT(sum.leased, 10 * seeds);
  EXPECT_GT(sum.asked, seeds);
  EXPECT_GT(sum.watched, 50 * seeds);
  EXPECT_GT(sum.compared, seeds);
}

TEST(ClusterSimTest, HistoriesAreLinearizableAndNothingIsLostFirstHalf) {
  expect_that_it_met_what_it_is_about(run(1, kSeeds), kSeeds);
}
TEST(ClusterSimTest, HistoriesAreLinearizableAndNothingIsLostSecondHalf) {
  expect_that_it_met_what_it_is_about(run(1 + kSeeds, kSeeds), kSeeds);
}

TEST(ClusterSimTest, TheSameSeedIsTheSameRun) {
  const auto trace = [](std::uint64_t seed) { return simulate_cluster({seed, kSteps, 0, ClusterMutant::none}).trace; };
  EXPECT_EQ(trace(7), trace(7));
  EXPECT_EQ(trace(9), trace(9));
  EXPECT_NE(trace(7), trace(8));
}

/// Seeds until the checks find the mistake; 0 when they do not.
std::uint64_t seeds_until_found(ClusterMutant mutant, std::uint64_t bound) {
  for (std::uint64_t seed = 1; seed <= bound; ++seed) {
    try {
      simulate_cluster({seed, kSteps, 3, mutant});
    } catch (const Violation& violation) {
      std::cout << "found at seed " << seed << ": " << violation.what() << std::endl;
      return seed;
    }
  }
  return 0;
}

TEST(ClusterSimCheckTest, AnswersBeforeTheCommitAreFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::answers_before_commit, 20), 0U);
}
TEST(ClusterSimCheckTest, ReadsThatSkipTheReadIndexAreFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::skips_read_index, 60), 0U);
}
TEST(ClusterSimCheckTest, RetriesThatApplyTwiceAreFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::retries_apply_twice, 20), 0U);
}
TEST(ClusterSimCheckTest, AForgottenFsyncIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::forgets_fsync, 20), 0U);
}
TEST(ClusterSimCheckTest, DoubleVotesAreFound) { EXPECT_NE(seeds_until_found(ClusterMutant::votes_twice, 60), 0U); }
TEST(ClusterSimCheckTest, ALogThatIsTruncatedBeforeTheStateIsFlushedIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::truncates_too_early, 40), 0U);
}
TEST(ClusterSimCheckTest, RowsThatAnInterruptedSnapshotLeftAreFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::keeps_old_rows, 100), 0U);
}
TEST(ClusterSimCheckTest, AShardThatOutlivesItsLeadershipIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::ends_no_shard, 40), 0U);
}

TEST(ClusterSimCheckTest, AMoveThatLeavesTwoOwnersIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::moves_unfenced, 20), 0U);
}
TEST(ClusterSimCheckTest, AMoveThatDropsTheTailOfWritesIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::moves_without_tail, 40), 0U);
}
TEST(ClusterSimCheckTest, AMoveThatLeavesBehindWhatChangedMeanwhileIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::moves_without_changes, 40), 0U);
}
TEST(ClusterSimCheckTest, AMoveThatForgetsRequestIdsIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::forgets_moved_ids, 60), 0U);
}

TEST(ClusterSimCheckTest, AMoveThatLeavesChangesBehindIsFoundByAWatcher) {
  EXPECT_NE(seeds_until_found(ClusterMutant::leaves_changes_behind, 60), 0U);
}

TEST(ClusterSimCheckTest, AGroupThatBeginsBeforeItsCreationIsCommittedIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::begins_decided_groups, 20), 0U);
}
TEST(ClusterSimCheckTest, AGroupWhoseFoundersBeginFromNothingIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::founds_from_nothing, 20), 0U);
}
TEST(ClusterSimCheckTest, ADirectoryThatOutlivesItsLeadershipIsFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::keeps_directory, 40), 0U);
}

TEST(ClusterSimCheckTest, LeadersThatDoNotHeedPlacementAreFound) {
  EXPECT_NE(seeds_until_found(ClusterMutant::heeds_no_placement, 20), 0U);
}

}  // namespace
}  // namespace coffer::sim

int main(int argc, char** argv) {
  try {
    const auto line = coffer::sim::parse(argc, argv);
    if (line.given) {
      return coffer::sim::run_seeds(line, [&](std::uint64_t seed) {
               return coffer::sim::simulate_cluster({seed, line.steps, line.nodes, coffer::sim::ClusterMutant::none})
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

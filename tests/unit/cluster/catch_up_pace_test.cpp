// A peer that lacks much of the log: what it acknowledges counts at a pace, unless somebody waits for it.

#include <gtest/gtest.h>

#include "cluster/catch_up_pace.hpp"

namespace coffer::cluster {
namespace {

constexpr model::NodeId kPeer{2}, kOther{3};

class CatchUpPaceTest : public ::testing::Test {
 protected:
  /// The leader's log is committed to its end.
  void leader_has(std::uint64_t last, MonotonicMs now) { pace.observe(last, last, now); }

  CatchUpPace pace{1000};
};

TEST_F(CatchUpPaceTest, WhoLacksLittleCountsAsWhatItHas) {
  leader_has(50'000, 0);
  EXPECT_EQ(pace.counted(kPeer, 49'000, 0, 0), 49'000U);
  EXPECT_EQ(pace.counted(kPeer, 49'500, 49'000, 1), 49'500U);
  EXPECT_FALSE(pace.is_pacing());
}

TEST_F(CatchUpPaceTest, WhoLacksMuchGetsItInAQuarterOfAMinute) {
  leader_has(50'000, 0);
  EXPECT_EQ(pace.counted(kPeer, 20'000, 0, 0), 20'000U) << "where it stands counts";
  EXPECT_TRUE(pace.is_pacing());
  leader_has(50'000, 5'000);
  EXPECT_EQ(pace.counted(kPeer, 40'000, 20'000, 5'000), 30'000U) << "a third of what was missing";
  EXPECT_EQ(pace.counted(kPeer, 25'000, 20'000, 5'000), 25'000U) << "never more than it has";
  leader_has(50'000, 14'999);
  EXPECT_EQ(pace.counted(kPeer, 49'900, 30'000, 14'999), 49'900U) << "the rest comes at once";
  EXPECT_FALSE(pace.is_pacing());
}

TEST_F(CatchUpPaceTest, WhatHasCountedStillCounts) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 20'000, 0, 0);
  EXPECT_EQ(pace.counted(kPeer, 26'000, 24'000, 1), 24'000U);
}

TEST_F(CatchUpPaceTest, OthersAreNotHeldBack) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 20'000, 0, 0);
  EXPECT_EQ(pace.counted(kOther, 49'990, 0, 0), 49'990U);
}

TEST_F(CatchUpPaceTest, NobodyIsPacedOnWhomACommitWaits) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 20'000, 0, 0);
  leader_has(50'000, 1'000);
  pace.observe(50'000, 50'001, 1'050);
  EXPECT_LT(pace.counted(kPeer, 40'000, 20'000, 1'050), 40'000U) << "a write that is under way is no standstill";
  pace.observe(50'000, 50'001, 1'200);
  EXPECT_EQ(pace.counted(kPeer, 40'000, 20'000, 1'200), 40'000U);
  pace.observe(50'010, 50'020, 1'300);
  EXPECT_EQ(pace.counted(kPeer, 41'000, 40'000, 1'300), 41'000U) << "nor is it paced again before it has everything";
  EXPECT_EQ(pace.counted(kPeer, 50'000, 41'000, 1'301), 50'000U);
  leader_has(90'000, 2'000);
  pace.counted(kPeer, 50'100, 50'000, 2'000);
  EXPECT_TRUE(pace.is_pacing());
}

TEST_F(CatchUpPaceTest, WhoDoesNotGetThereInTimeIsPacedNoLonger) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 20'000, 0, 0);
  leader_has(500'000, 39'999);
  EXPECT_LT(pace.counted(kPeer, 490'000, 90'000, 39'999), 490'000U);
  leader_has(500'000, 40'000);
  EXPECT_EQ(pace.counted(kPeer, 490'000, 90'000, 40'000), 490'000U);
  EXPECT_FALSE(pace.is_pacing());
}

TEST_F(CatchUpPaceTest, ASnapshotThatArrivesCountsAtOnceAndWhatComesBehindItIsPacedAnew) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 10'000, 0, 0);
  pace.sent_snapshot(kPeer, 30'000);
  EXPECT_FALSE(pace.is_pacing());
  leader_has(50'000, 200);
  EXPECT_EQ(pace.counted(kPeer, 12'000, 10'000, 200), 12'000U) << "said before it had the snapshot";
  EXPECT_FALSE(pace.is_pacing());
  EXPECT_EQ(pace.counted(kPeer, 30'000, 12'000, 200), 30'000U);
  EXPECT_EQ(pace.counted(kPeer, 40'000, 30'000, 200), 30'000U);
}

TEST_F(CatchUpPaceTest, ANewLeadershipPacesNobodyYet) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 20'000, 0, 0);
  pace.clear();
  EXPECT_FALSE(pace.is_pacing());
  EXPECT_EQ(pace.counted(kPeer, 40'000, 20'000, 1), 40'000U);
}

}  // namespace
}  // namespace coffer::cluster

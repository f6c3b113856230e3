// A peer that lacks much of the log: what it acknowledges counts at a pace, unless somebody waits for it.

#include "cluster/catch_up_pace.hpp"
#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

constexpr model::NodeId kPeer{2}, kOther{3};

class CatchUpPaceTest : public ::testing::Test {
 protected:
  /// The leader's log is committed to its end.
  void leader_has(std::uint64_t last, MonotonicMs now) { pace.observe(last, last, now); }
  /// The peer answers heartbeats.
  void says(std::uint64_t has, MonotonicMs from, MonotonicMs to) {
    for (MonotonicMs now = from; now < to; now += 1000) {
      leader_has(50'000, now);
      pace.counted(kPeer, has, has, now);
    }
  }

  CatchUpPace pace{1000};
};

TEST_F(CatchUpPaceTest, WhoLacksLittleCountsAsWhatItHas) {
  leader_has(50'000, 0);
  EXPECT_EQ(pace.counted(kPeer, 49'000, 0, 0), 49'000U);
  EXPECT_EQ(pace.counted(kPeer, 49'500, 49'000, 1), 49'500U);
}

TEST_F(CatchUpPaceTest, WhoLacksMuchGetsItInAQuarterOfAMinute) {
  leader_has(50'000, 0);
  EXPECT_EQ(pace.counted(kPeer, 20'000, 0, 0), 20'000U) << "where it stands counts";
  says(20'000, 1'000, 5'000);
  leader_has(50'000, 5'000);
  EXPECT_EQ(pace.counted(kPeer, 40'000, 20'000, 5'000), 30'000U) << "a third of what was missing";
  EXPECT_EQ(pace.counted(kPeer, 25'000, 20'000, 5'000), 25'000U) << "never more than it has";
  EXPECT_EQ(pace.counted(kPeer, 49'900, 30'000, 5'001), 49'900U) << "the rest comes at once";
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
}

TEST_F(CatchUpPaceTest, WhoDoesNotGetThereInTimeIsPacedNoLonger) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 20'000, 0, 0);
  says(20'000, 1'000, 39'999);
  leader_has(500'000, 39'999);
  EXPECT_LT(pace.counted(kPeer, 490'000, 90'000, 39'999), 490'000U);
  leader_has(500'000, 40'000);
  EXPECT_EQ(pace.counted(kPeer, 490'000, 90'000, 40'000), 490'000U);
}

TEST_F(CatchUpPaceTest, WhoWasAwayIsPacedAnew) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 20'000, 0, 0);
  leader_has(90'000, 60'000);
  EXPECT_EQ(pace.counted(kPeer, 21'000, 20'000, 60'000), 21'000U);
  EXPECT_LT(pace.counted(kPeer, 89'000, 21'000, 60'100), 22'000U);
}

TEST_F(CatchUpPaceTest, ASnapshotThatArrivesCountsAtOnceAndWhatComesBehindItIsPacedAnew) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 10'000, 0, 0);
  pace.sent_snapshot(kPeer, 30'000);
  leader_has(50'000, 200);
  EXPECT_EQ(pace.counted(kPeer, 12'000, 10'000, 200), 12'000U) << "said before it had the snapshot";
  EXPECT_EQ(pace.counted(kPeer, 30'000, 12'000, 200), 30'000U);
  EXPECT_EQ(pace.counted(kPeer, 40'000, 30'000, 200), 30'000U);
}

TEST_F(CatchUpPaceTest, ANewLeadershipPacesNobodyYet) {
  leader_has(50'000, 0);
  pace.counted(kPeer, 20'000, 0, 0);
  pace.clear();
  EXPECT_EQ(pace.counted(kPeer, 40'000, 20'000, 1), 40'000U);
}

/// A follower that is 3,000 entries behind and hears its leader again.
class CatchUpTest : public RaftMemoryTest {
 protected:
  void SetUp() override {
    RaftMemoryTest::SetUp();
    for (std::uint64_t id = 1; id <= 3; ++id) {
      net[id].config.catch_up_lag = 300;
      net[id].config.trailing_entries = 10'000;
    }
    net.start();
    leader = net.await_leader();
    ASSERT_NE(leader, nullptr);
    behind = &net[leader->config.self.value % 3 + 1];
    other = &net[behind->config.self.value % 3 + 1];
    net.isolate(behind->config.self.value);
    for (int i = 0; i < 30; ++i) {
      leader->propose(std::vector<std::string>(100, "x"), 1, net.now);
      net.advance(5);
    }
    net.advance(100);
    ASSERT_EQ(other->commands().size(), 3'000U);
    net.drop = nullptr;
  }
  Net net{3};
  Host* leader = nullptr;
  Host* behind = nullptr;
  Host* other = nullptr;
};

TEST_F(CatchUpTest, WhatIsMissingComesInSmallPiecesAndAllOfIt) {
  std::size_t most = 0;
  for (int second = 0; second < 5; ++second) {
    const std::size_t before = behind->commands().size();
    net.advance(1'000);
    most = std::max(most, behind->commands().size() - before);
  }
  EXPECT_GT(behind->commands().size(), 500U);
  EXPECT_LT(behind->commands().size(), 2'000U);
  EXPECT_LT(most, 800U) << "two windows and a second's part";
  net.advance(15'000);
  EXPECT_EQ(behind->commands().size(), 3'000U);
}

TEST_F(CatchUpTest, AWriteThatWaitsForItBringsEverythingAtOnce) {
  net.advance(1'000);
  ASSERT_LT(behind->commands().size(), 1'000U);
  other->stop();
  leader->propose({"now"}, 1, net.now);
  net.advance(500);
  EXPECT_EQ(leader->commands().back(), "now");
  EXPECT_EQ(behind->commands().size(), 3'001U);
}

}  // namespace
}  // namespace coffer::cluster::testing

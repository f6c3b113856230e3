// A peer that lacks much of the log: what it acknowledges counts at a pace, unless somebody waits for it.

#include "cluster/catch_up_pace.hpp"
#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

constexpr model::NodeId kPeer{2}, kOther{3};

/// One peer comes back after a minute in which nothing was heard of it; the other one is there.
class CatchUpPaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    pace.begin(0);
    leader_has(50'000);
    says(kOther, 49'900, 0);
  }
  /// The leader's log is committed to its end.
  void leader_has(std::uint64_t last) { pace.observe(last, last, now); }
  std::uint64_t says(model::NodeId peer, std::uint64_t has, std::uint64_t match) {
    return pace.counted(peer, has, match, now);
  }
  /// Both answer heartbeats, and count as what they counted as.
  void pass(MonotonicMs ms, std::uint64_t last) {
    for (const MonotonicMs end = now + ms; now < end;) {
      now = std::min(end, now + 1'000);
      leader_has(last);
      says(kPeer, 0, 20'000);
      says(kOther, 0, 20'000);
    }
  }

  CatchUpPace pace{1000};
  MonotonicMs now = 60'000;
};

TEST_F(CatchUpPaceTest, WhoLacksLittleCountsAsWhatItHas) {
  EXPECT_EQ(says(kPeer, 49'000, 0), 49'000U);
  EXPECT_EQ(says(kPeer, 49'500, 49'000), 49'500U);
  EXPECT_FALSE(pace.is_pacing(now));
}

TEST_F(CatchUpPaceTest, WhoWasAwayGetsWhatItLacksInAQuarterOfAMinute) {
  EXPECT_TRUE(pace.is_away(kPeer, now));
  EXPECT_EQ(says(kPeer, 20'000, 0), 20'000U) << "where it stands counts";
  EXPECT_FALSE(pace.is_away(kPeer, now));
  EXPECT_TRUE(pace.is_pacing(now));
  pass(5'000, 50'000);
  EXPECT_EQ(says(kPeer, 40'000, 20'000), 30'000U) << "a third of what was missing";
  EXPECT_EQ(says(kPeer, 25'000, 20'000), 25'000U) << "never more than it has";
  EXPECT_EQ(says(kPeer, 26'000, 31'000), 31'000U) << "nor less than counts already";
  EXPECT_EQ(says(kPeer, 49'900, 31'000), 49'900U) << "the rest comes at once";
  EXPECT_FALSE(pace.is_pacing(now));
}

TEST_F(CatchUpPaceTest, WhatItLacksShrinksHoweverMuchIsWritten) {
  says(kPeer, 20'000, 0);
  pass(7'500, 500'000);
  EXPECT_EQ(says(kPeer, 498'000, 20'000), 485'000U) << "half of what it lacked in the beginning";
  pass(7'500, 900'000);
  EXPECT_EQ(says(kPeer, 700'000, 485'000), 700'000U) << "nobody is paced for longer";
  EXPECT_EQ(says(kPeer, 800'000, 700'000), 800'000U);
  EXPECT_FALSE(pace.is_pacing(now));
}

TEST_F(CatchUpPaceTest, EachHasItsOwnPace) {
  says(kPeer, 20'000, 0);
  pass(7'500, 50'000);
  EXPECT_EQ(says(kOther, 48'000, 20'000), 48'000U) << "it has answered all the time";
  pass(3'000, 50'000);
  EXPECT_EQ(says(kPeer, 48'000, 20'000), 41'000U);
}

TEST_F(CatchUpPaceTest, WhoFallsBehindUnderLoadIsNotPaced) {
  says(kPeer, 49'900, 49'800);
  now += 1'000;
  leader_has(90'000);
  EXPECT_EQ(says(kPeer, 50'000, 49'900), 50'000U);
  EXPECT_EQ(says(kPeer, 70'000, 50'000), 70'000U);
  EXPECT_FALSE(pace.is_pacing(now));
}

TEST_F(CatchUpPaceTest, NobodyIsPacedWhileACommitWaits) {
  says(kPeer, 20'000, 0);
  now += 1'000;
  leader_has(50'000);
  now += 50;
  pace.observe(50'000, 50'001, now);
  EXPECT_LT(says(kPeer, 30'000, 20'000), 30'000U) << "a write that is under way is no standstill";
  now += 60;
  pace.observe(50'000, 50'001, now);
  EXPECT_EQ(says(kPeer, 30'000, 20'000), 30'000U);
  EXPECT_FALSE(pace.is_pacing(now));
  pace.observe(50'001, 50'002, now);
  EXPECT_EQ(says(kPeer, 45'000, 30'000), 30'000U) << "nor is it forgotten";
  EXPECT_TRUE(pace.is_pacing(now));
}

TEST_F(CatchUpPaceTest, WhoIsSilentDoesNotKeepTheWindowSmallAndBeginsAnew) {
  says(kPeer, 20'000, 0);
  now += 60'000;
  leader_has(90'000);
  EXPECT_FALSE(pace.is_pacing(now));
  EXPECT_TRUE(pace.is_away(kPeer, now));
  EXPECT_EQ(says(kPeer, 21'000, 20'000), 21'000U);
  EXPECT_TRUE(pace.is_pacing(now));
  now += 100;
  leader_has(90'000);
  EXPECT_LT(says(kPeer, 88'000, 21'000), 22'000U);
}

TEST_F(CatchUpPaceTest, ASnapshotThatArrivesCountsAtOnceAndWhatComesBehindItIsPaced) {
  says(kPeer, 49'900, 49'900);
  now += 100;
  leader_has(90'000);
  pace.sent_snapshot(kPeer, 70'000, now);
  EXPECT_EQ(says(kPeer, 49'950, 49'900), 49'950U) << "said before it had the snapshot";
  EXPECT_FALSE(pace.is_pacing(now));
  EXPECT_EQ(says(kPeer, 70'000, 49'950), 70'000U);
  EXPECT_TRUE(pace.is_pacing(now));
  EXPECT_EQ(says(kPeer, 80'000, 49'950), 70'000U);
}

TEST_F(CatchUpPaceTest, ANewLeadershipKnowsOfNobodyThatHeWasAway) {
  says(kPeer, 20'000, 0);
  pace.begin(now);
  leader_has(50'000);
  EXPECT_FALSE(pace.is_pacing(now));
  EXPECT_FALSE(pace.is_away(kPeer, now));
  EXPECT_EQ(says(kPeer, 30'000, 0), 30'000U);
  EXPECT_EQ(says(kPeer, 40'000, 30'000), 40'000U);
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
    net.advance(2'500);
    net.drop = nullptr;
  }
  explicit CatchUpTest(model::GroupId group = kGroup) : net(3, std::nullopt, group) {}
  Net net;
  Host* leader = nullptr;
  Host* behind = nullptr;
  Host* other = nullptr;
};

TEST_F(CatchUpTest, WhatIsMissingComesInSmallPiecesAndAllOfItWhileOthersWrite) {
  std::size_t most = 0;
  for (int second = 0; second < 5; ++second) {
    const std::size_t before = behind->commands().size();
    leader->propose(std::vector<std::string>(100, "y"), 1, net.now);
    net.advance(1'000);
    most = std::max(most, behind->commands().size() - before);
  }
  EXPECT_GT(behind->commands().size(), 1'000U);
  EXPECT_LT(behind->commands().size(), 2'500U);
  EXPECT_LT(most, 900U) << "two windows, a second's part and what is written";
  for (int second = 0; second < 12; ++second) {
    leader->propose(std::vector<std::string>(100, "y"), 1, net.now);
    net.advance(1'000);
  }
  EXPECT_EQ(behind->commands().size(), 4'700U);
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

class DirectoryCatchUpTest : public CatchUpTest {
 protected:
  DirectoryCatchUpTest() : CatchUpTest(model::kMetaGroup) {}
};

TEST_F(DirectoryCatchUpTest, WhatIsMissingOfTheDirectoryComesAtOnce) {
  net.advance(500);
  EXPECT_EQ(behind->commands().size(), 3'000U);
}

}  // namespace
}  // namespace coffer::cluster::testing

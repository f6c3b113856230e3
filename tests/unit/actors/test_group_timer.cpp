// GroupTimer: few timers, on a grid, and never a deadline that is forgotten.

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include <gtest/gtest.h>

#include "actors/group_timer.hpp"

namespace coffer::actors {
namespace {

constexpr cluster::MonotonicMs kHeartbeat = 60;

TEST(GroupTimerTest, ManyGroupsOfANodeFireTogether) {
  std::set<cluster::MonotonicMs> times;
  for (cluster::MonotonicMs due = 10'000; due < 10'240; ++due) {
    GroupTimer timer(kHeartbeat, model::NodeId(2));
    const auto alarm = timer.want(due, 9'900, false);
    ASSERT_TRUE(alarm);
    EXPECT_GE(9'900 + alarm->wait, due) << "never early";
    EXPECT_LT(9'900 + alarm->wait, due + 24);
    EXPECT_EQ(alarm->line, 9'900 + alarm->wait) << "shared with whoever fires then";
    times.insert(alarm->line);
  }
  EXPECT_LE(times.size(), 11U);
}

TEST(GroupTimerTest, NodesHaveLinesOfTheirOwn) {
  std::set<cluster::MonotonicMs> times;
  for (std::uint64_t node = 1; node <= 7; ++node) {
    times.insert(GroupTimer(kHeartbeat, model::NodeId(node)).want(10'000, 9'000, false)->wait);
  }
  EXPECT_EQ(times.size(), 7U);
}

TEST(GroupTimerTest, WhatIsNearIsNotPutOff) {
  GroupTimer timer(kHeartbeat, model::NodeId(1));
  const auto near = timer.want(1'005, 1'000, true);
  EXPECT_EQ(near->wait, 5U);
  EXPECT_EQ(near->line, 0U) << "no line of the grid, so it has a timer of its own";
  EXPECT_TRUE(timer.fired(1));
  EXPECT_EQ(timer.want(900, 1'000, true)->wait, 0U);
}

TEST(GroupTimerTest, ADeadlineThatMovesAwayNeedsNoNewTimer) {
  GroupTimer timer(kHeartbeat, model::NodeId(1));
  const auto first = timer.want(1'300, 1'000, false);
  ASSERT_TRUE(first);
  EXPECT_FALSE(timer.want(1'360, 1'060, false));
  EXPECT_FALSE(timer.want(1'420, 1'120, false));
  EXPECT_TRUE(timer.fired(first->number)) << "early, for the group to say again what it wants";
  EXPECT_TRUE(timer.want(1'420, 1'310, false));
}

TEST(GroupTimerTest, ADeadlineThatComesNearerTakesTheTimersPlace) {
  GroupTimer timer(kHeartbeat, model::NodeId(1));
  const auto far = timer.want(5'000, 1'000, false);
  const auto near = timer.want(1'100, 1'000, false);
  ASSERT_TRUE(far && near);
  EXPECT_FALSE(timer.fired(far->number));
  EXPECT_TRUE(timer.fired(near->number));
  EXPECT_FALSE(timer.fired(near->number)) << "once";
}

/// Leaders that come up at any time, each due a heartbeat after it fired.
TEST(GroupTimerTest, LeadersOfANodeGatherAtOneLine) {
  std::set<cluster::MonotonicMs> times;
  cluster::MonotonicMs latest = 0;
  for (cluster::MonotonicMs elected = 10'000; elected < 10'240; ++elected) {
    GroupTimer timer(kHeartbeat, model::NodeId(2));
    cluster::MonotonicMs now = elected;
    while (now < 11'000) {
      const auto alarm = timer.want(now + kHeartbeat, now, true);
      ASSERT_TRUE(alarm && timer.fired(alarm->number));
      EXPECT_GE(alarm->wait, kHeartbeat) << "never early";
      latest = std::max(latest, alarm->wait);
      now += alarm->wait;
    }
    times.insert(now);
  }
  EXPECT_EQ(times.size(), 1U);
  EXPECT_LT(latest, kHeartbeat + 48);
}

TEST(GroupTimerTest, LeadersWithShortHeartbeatsDoNotWaitForEachOther) {
  for (cluster::MonotonicMs now = 10'000; now < 10'100; ++now) {
    GroupTimer timer(10, model::NodeId(2));
    EXPECT_LT(timer.want(now + 10, now, true)->wait, 14U);
  }
}

/// Whatever is wanted, in whatever order: when the wish of the moment is due, a timer that counts fires within a line, or
/// two while the group leads.
TEST(GroupTimerTest, NoDeadlineIsEverForgotten) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    const bool leads = seed % 2 == 1;
    GroupTimer timer(kHeartbeat, model::NodeId(1 + seed % 5));
    std::multimap<cluster::MonotonicMs, std::uint64_t> set;  // timers that will fire
    cluster::MonotonicMs due = 0;
    for (cluster::MonotonicMs now = 1'000; now < 6'000; ++now) {
      const auto wish = [&](cluster::MonotonicMs wanted) {
        due = wanted;
        if (const auto alarm = timer.want(due, now, leads)) set.emplace(now + alarm->wait, alarm->number);
      };
      if (now == 1'000 || random() % 40 == 0) wish(now + random() % 600);
      while (!set.empty() && set.begin()->first <= now) {
        const std::uint64_t number = set.begin()->second;
        set.erase(set.begin());
        if (timer.fired(number)) wish(due > now ? due : now + 60);
      }
      ASSERT_LT(now, due + (leads ? 49 : 25)) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace coffer::actors

// How busy a group is: rates without a clock, and levels that noise does not move.

#include "cluster/group_load.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace coffer::cluster::testing {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWindow{60'000};
constexpr MonotonicMs kBegin = 1'000'000;

/// So much per second, sampled every second.
class Traffic {
 public:
  void run(LoadMeter& meter, std::uint64_t requests, std::uint64_t writes, int seconds) {
    for (; seconds > 0; --seconds) {
      served_.requests += requests;
      served_.writes += writes;
      meter.sample(served_, now_ += 1000);
    }
  }
  Served served_;
  MonotonicMs now_ = kBegin;
};

TEST(LoadMeterTest, SaysNothingBeforeAThirdOfTheWindow) {
  LoadMeter meter(kWindow);
  Traffic traffic;
  traffic.run(meter, 500, 20, 20);  // the first sample only begins
  EXPECT_FALSE(meter.load());
  traffic.run(meter, 500, 20, 2);
  EXPECT_EQ(meter.load(), (model::GroupLoad{500, 20})) << "and is right from then on, not on its way up from nothing";
}

TEST(LoadMeterTest, FollowsAChangeByItsWindow) {
  LoadMeter meter(kWindow);
  Traffic traffic;
  traffic.run(meter, 1000, 0, 600);
  traffic.run(meter, 3000, 0, 60);
  EXPECT_NEAR(static_cast<double>(meter.load()->requests), 3000 - 2000 * std::exp(-1.0), 5) << "after one window";
  traffic.run(meter, 3000, 0, 540);
  EXPECT_NEAR(static_cast<double>(meter.load()->requests), 3000, 5);
}

TEST(LoadMeterTest, ABurstOfASecondIsASixtiethOfARate) {
  LoadMeter meter(kWindow);
  Traffic traffic;
  traffic.run(meter, 0, 0, 600);
  traffic.run(meter, 6000, 0, 1);
  EXPECT_NEAR(static_cast<double>(meter.load()->requests), 100, 2);
}

TEST(LoadMeterTest, IrregularSamplesGiveTheSameRate) {
  LoadMeter meter(kWindow);
  Served served;
  MonotonicMs now = kBegin;
  for (const MonotonicMs pause : {0U, 20U, 980U, 5000U, 1U, 1000U, 30'000U, 500U, 10'000U}) {
    served.requests += pause * 2;
    meter.sample(served, now += pause);
  }
  EXPECT_EQ(meter.load()->requests, 2000U);
}

TEST(LoadMeterTest, TwoSamplesOfOneMomentCountOnce) {
  LoadMeter meter(kWindow);
  Traffic traffic;
  traffic.run(meter, 100, 0, 100);
  meter.sample({traffic.served_.requests + 50, 0}, traffic.now_);
  traffic.run(meter, 100, 0, 1);
  EXPECT_EQ(meter.load()->requests, 100U);
}

TEST(LoadMeterTest, CountersThatWentBackBeginAnew) {
  LoadMeter meter(kWindow);
  Traffic traffic;
  traffic.run(meter, 100, 100, 100);
  traffic.served_ = {};
  traffic.run(meter, 100, 100, 5);
  EXPECT_FALSE(meter.load());
  traffic.run(meter, 100, 100, 60);
  EXPECT_EQ(meter.load(), (model::GroupLoad{100, 100}));
}

TEST(GroupLoadTest, ALeaderDoesMoreThanAReplica) {
  EXPECT_EQ(work_of_leading({1000, 300}), 1300U);
  EXPECT_EQ(work_of_a_replica({1000, 0}, 3), 333U) << "each may come to lead it";
  EXPECT_EQ(work_of_a_replica({1000, 1000}, 3), 1666U);
  EXPECT_EQ(work_of_a_replica({1000, 0}, 1), 1000U) << "the only one leads";
}

const model::GroupId kMeasuredGroup{3};

/// The level after each of the values, one a second.
LoadLevels::Level after(LoadLevels& levels, const std::vector<std::uint64_t>& requests, MonotonicMs& now) {
  for (const std::uint64_t value : requests) {
    levels.follow(kMeasuredGroup, model::GroupLoad{value, 0}, 1, now);
    now += 1000;
  }
  return levels.of(kMeasuredGroup);
}

TEST(LoadLevelsTest, WhatIsSteadyButForAFifthNeverMovesALevel) {
  for (const std::uint64_t load : {130U, 500U, 1000U, 40'000U}) {
    for (const double first : {0.8, 1.0, 1.2}) {
      LoadLevels levels(milliseconds(10'000));
      MonotonicMs now = kBegin;
      const auto begun = after(levels, {static_cast<std::uint64_t>(first * static_cast<double>(load))}, now);
      for (int round = 0; round < 100; ++round) {
        const double noise = 0.8 + 0.4 * (round * 37 % 101) / 100;
        const auto level = after(levels, {static_cast<std::uint64_t>(noise * static_cast<double>(load))}, now);
        ASSERT_EQ(level.leading, begun.leading) << load << " " << noise;
        ASSERT_EQ(level.replica, begun.replica) << load << " " << noise;
      }
    }
  }
}

TEST(LoadLevelsTest, HardlyAnyTrafficIsNone) {
  LoadLevels levels(milliseconds(10'000));
  MonotonicMs now = kBegin;
  EXPECT_EQ(after(levels, {99, 0, 30, 80}, now).leading, 0U);
  EXPECT_EQ(after(levels, {100}, now).leading, 100U);
  EXPECT_EQ(after(levels, {70}, now).leading, 100U);
  EXPECT_EQ(after(levels, {59}, now).leading, 0U);
}

TEST(LoadLevelsTest, LeadersFollowAChangeAtOnceAndReplicasWhenItLasts) {
  LoadLevels levels(milliseconds(10'000));
  MonotonicMs now = kBegin;
  after(levels, {1000}, now);
  auto level = after(levels, {3000}, now);
  EXPECT_EQ(level.leading, 3000U);
  EXPECT_EQ(level.replica, 1000U);
  level = after(levels, std::vector<std::uint64_t>(9, 3000), now);
  EXPECT_EQ(level.replica, 1000U) << "nine seconds";
  level = after(levels, {3000, 3000}, now);
  EXPECT_EQ(level.replica, 3000U);
}

TEST(LoadLevelsTest, AChangeThatComesAndGoesDoesNotLast) {
  LoadLevels levels(milliseconds(10'000));
  MonotonicMs now = kBegin;
  after(levels, {1000}, now);
  for (int round = 0; round < 10; ++round) {
    ASSERT_EQ(after(levels, std::vector<std::uint64_t>(8, 9000), now).replica, 1000U);
    ASSERT_EQ(after(levels, {1000}, now).replica, 1000U);
  }
}

TEST(LoadLevelsTest, AGroupOfWhichNobodyTellsKeepsItsLevelAndOneThatWasNeverMeasuredMakesThemPartial) {
  LoadLevels levels(milliseconds(10'000));
  MonotonicMs now = kBegin;
  levels.follow(model::GroupId(1), std::nullopt, 3, now);
  EXPECT_FALSE(levels.is_partial()) << "nothing is busy as far as anybody knows";
  after(levels, {5000}, now);
  EXPECT_TRUE(levels.is_partial());
  levels.follow(model::GroupId(1), model::GroupLoad{}, 3, now);
  EXPECT_FALSE(levels.is_partial());
  levels.follow(kMeasuredGroup, std::nullopt, 3, now);
  EXPECT_EQ(levels.of(kMeasuredGroup).leading, 5000U);
  EXPECT_FALSE(levels.is_partial());
}

}  // namespace
}  // namespace coffer::cluster::testing

// GroupBell: one timer for each line, and nobody at a line is forgotten.

#include <gtest/gtest.h>

#include "actors/group_bell.hpp"

namespace coffer::actors {
namespace {

TEST(GroupBell, OnlyTheFirstAtALineSetsItsTimer) {
  GroupBell bell;
  EXPECT_TRUE(bell.add(24, {model::GroupId{1}, 1}));
  EXPECT_FALSE(bell.add(24, {model::GroupId{2}, 7}));
  EXPECT_TRUE(bell.add(48, {model::GroupId{1}, 2}));
}

TEST(GroupBell, RingsForEveryOneOfTheLineOnceAndForNobodyElse) {
  GroupBell bell;
  ASSERT_TRUE(bell.add(24, {model::GroupId{1}, 1}));
  ASSERT_FALSE(bell.add(24, {model::GroupId{2}, 7}));
  ASSERT_TRUE(bell.add(48, {model::GroupId{3}, 9}));
  const auto woken = bell.take(24);
  ASSERT_EQ(woken.size(), 2U);
  EXPECT_EQ(woken[0].group, model::GroupId{1});
  EXPECT_EQ(woken[1].number, 7U);
  EXPECT_TRUE(bell.take(24).empty());
  EXPECT_EQ(bell.take(48).size(), 1U);
}

TEST(GroupBell, WhoComesToALineThatHasRungSetsItsTimerAnew) {
  GroupBell bell;
  ASSERT_TRUE(bell.add(24, {model::GroupId{1}, 1}));
  bell.take(24);
  EXPECT_TRUE(bell.add(24, {model::GroupId{2}, 1}));
  EXPECT_EQ(bell.take(24).size(), 1U);
}

}  // namespace
}  // namespace coffer::actors

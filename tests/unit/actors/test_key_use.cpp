// When a cluster key may be retired: not while anybody uses it, not before everybody has said so twice, not too early.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/key_use.hpp"

namespace coffer::actors {
namespace {

using ::testing::HasSubstr;

constexpr model::TimeMs kDelay = 1000;

class KeyUseTest : public ::testing::Test {
 protected:
  void node(std::uint64_t id, std::uint32_t newest, std::vector<model::KeyUse> groups = {}) {
    model::TendKeys told;
    told.node = model::NodeId{id};
    told.newest_key = newest;
    told.groups = std::move(groups);
    table.told(told, now);
  }
  static model::KeyUse use(std::uint64_t group, std::uint32_t oldest, std::uint64_t left = 0, bool looked = true) {
    return {model::GroupId{group}, oldest, left, looked};
  }
  /// Everybody uses version 2 only.
  void all_clear() {
    table.told_directory(2, now);
    node(1, 2, {use(1, 2)});
    node(2, 2, {use(2, 2)});
  }
  KeyUseTable::Verdict judge() const { return table.judge(2, {model::NodeId{1}, model::NodeId{2}}, 2, now, kDelay); }

  KeyUseTable table;
  model::TimeMs now = 1'000'000;
};

TEST_F(KeyUseTest, AKeyThatNobodyHasUsedForTheDelayMayBeRetired) {
  all_clear();
  EXPECT_EQ(judge().retirable, 0U);
  EXPECT_THAT(judge().waits_for, HasSubstr("nothing has used it"));
  now += kDelay;
  EXPECT_EQ(judge().retirable, 1U);
  all_clear();
  EXPECT_EQ(judge().retirable, 1U);
}

TEST_F(KeyUseTest, OneTenantOneRowOrOneNodeThatUsesItKeepsIt) {
  all_clear();
  node(1, 2, {use(1, 1, 3)});
  now += kDelay;
  EXPECT_EQ(judge().retirable, 0U);
  EXPECT_THAT(judge().waits_for, HasSubstr("group 1 still uses version 1"));
  EXPECT_EQ(table.tenants_left(), 3U);
  all_clear();
  table.told_directory(0, now);
  now += kDelay;
  EXPECT_THAT(judge().waits_for, HasSubstr("the directory"));
  all_clear();
  node(2, 1);
  now += kDelay;
  EXPECT_EQ(judge().retirable, 0U);
  EXPECT_THAT(judge().waits_for, HasSubstr("node 2"));
  all_clear();
  EXPECT_EQ(judge().retirable, 0U) << "the waiting began anew with the node";
  now += kDelay;
  all_clear();
  EXPECT_EQ(judge().retirable, 1U);
}

TEST_F(KeyUseTest, WhoHasNotSpokenYetKeepsIt) {
  table.told_directory(2, now);
  node(1, 2, {use(1, 2)});
  now += kDelay;
  EXPECT_THAT(judge().waits_for, HasSubstr("node 2"));
  node(2, 2, {use(2, 2, 0, false)});
  EXPECT_THAT(judge().waits_for, HasSubstr("group 2 has not been looked through")) << "that was no look";
}

TEST_F(KeyUseTest, ATenantThatMovesBetweenTwoLooksIsNotOverlooked) {
  table.told_directory(2, now);
  node(1, 2, {use(1, 1, 1)});  // the tenant is here
  node(2, 2, {use(2, 2)});
  now += 10;
  node(1, 2, {use(1, 2)});  // and here no more: it has moved to group 2
  now += kDelay;
  table.told_directory(2, now);
  EXPECT_EQ(judge().retirable, 0U);
  EXPECT_THAT(judge().waits_for, HasSubstr("group 2 is to be looked through once more"));
  node(2, 2, {use(2, 1, 1)});
  EXPECT_THAT(judge().waits_for, HasSubstr("group 2 still uses version 1"));
}

TEST_F(KeyUseTest, WhatIsLeftIsNewsAlsoBetweenTwoLooks) {
  node(1, 2, {use(1, 1, 5)});
  node(1, 2, {use(1, 2, 2, false)});
  EXPECT_EQ(table.tenants_left(), 2U);
  EXPECT_EQ(judge().retirable, 0U);
}

}  // namespace
}  // namespace coffer::actors

// Groups that are added to several whole nodes while they are used; and nodes of two programs side by side, the older of
// which is played by one that announces an older format.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/actors/cluster_fixture.hpp"

namespace coffer::actors {
namespace {

using testing::ClusterFixture;

class ClusterGrowthTest : public ClusterFixture {
 protected:
  std::string add_groups(std::uint64_t at, std::uint32_t count, std::uint32_t expected) {
    auto reply = run(at, operate(model::AddGroups{count, expected}));
    return reply.ok() ? "ok" : std::string(reply.error().message());
  }
  std::uint64_t group_of(std::uint64_t at, const std::string& tenant) {
    auto shown = run(at, operate(model::GetTenant{tenant}));
    return shown.ok() ? std::get<model::TenantReply>(shown->body).tenant.group.value : 0;
  }
  bool is_in(std::uint64_t at, const std::string& tenant, std::uint64_t group) {
    auto moved = run(at, operate(model::MoveTenant{tenant, model::GroupId{group}}));
    if (!moved.ok()) return false;
    const model::TenantInfo& info = std::get<model::TenantReply>(moved->body).tenant;
    return info.group.value == group && info.moving_to.value == 0 && info.moved_from.value == 0;
  }
  std::uint32_t format(std::uint64_t at) {
    auto now = status(at);
    return now.ok() ? now->active_format : 0;
  }
};

TEST_F(ClusterGrowthTest, AddedGroupsServeTenantsOnEveryNodeAndAfterARestart) {
  start_three();
  for (int t = 0; t < 4; ++t) ASSERT_EQ(write(1, "t" + std::to_string(t), "k", "old"), "ok");
  ASSERT_EQ(add_groups(2, 3, 2), "ok");
  EXPECT_EQ(add_groups(3, 3, 2), "ok") << "the same, asked again";
  EXPECT_THAT(add_groups(1, 1, 2), ::testing::HasSubstr("there are 5 data groups"));
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  EXPECT_EQ(status(3)->data_groups, 5U);
  EXPECT_EQ(status(3)->groups.size(), 6U);
  std::vector<std::uint64_t> used;
  for (int t = 0; t < 3; ++t) {
    const std::string tenant = "new" + std::to_string(t);
    ASSERT_EQ(write(1 + t, tenant, "k", "v"), "ok");
    used.push_back(group_of(1, tenant));
  }
  std::sort(used.begin(), used.end());
  EXPECT_THAT(used, ::testing::ElementsAre(3, 4, 5)) << "the empty ones";
  ASSERT_TRUE(eventually([&] { return is_in(1, "t0", 4); })) << "tenants move there";
  for (std::uint64_t id = 1; id <= 3; ++id) kill(id);
  std::vector<std::thread> starts;
  for (std::uint64_t id = 1; id <= 3; ++id) starts.emplace_back([this, id] { start(id); });
  for (auto& thread : starts) thread.join();
  for (std::uint64_t at = 1; at <= 3; ++at) {
    for (int t = 0; t < 3; ++t) EXPECT_EQ(read(at, "new" + std::to_string(t), "k"), "v");
    EXPECT_EQ(read(at, "t0", "k"), "old");
  }
}

TEST_F(ClusterGrowthTest, ANodeThatWasAwayBeginsThemWhenItComesBackAndOneThatJoinsLaterHasThem) {
  start_three();
  ASSERT_EQ(write(1, "t", "k", "v"), "ok");
  kill(3);
  ASSERT_EQ(add_groups(1, 2, 2), "ok");
  ASSERT_EQ(write(2, "made-meanwhile", "k", "v"), "ok") << "two of three founders are a majority";
  start(3);
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  join(4);
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  for (std::uint64_t at = 1; at <= 4; ++at) EXPECT_EQ(read(at, "made-meanwhile", "k"), "v") << at;
  EXPECT_EQ(members[4].node->status().groups.size(), 5U);
}

TEST_F(ClusterGrowthTest, GroupsOfALonelyNodeGetReplicasWhenOthersJoin) {
  start(1);
  ASSERT_EQ(add_groups(1, 1, 2), "ok");
  ASSERT_EQ(write(1, "a", "k", "v"), "ok");
  ASSERT_EQ(write(1, "b", "k", "v"), "ok");
  ASSERT_EQ(write(1, "c", "k", "v"), "ok");
  join(2);
  join(3);
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  EXPECT_EQ(status(2)->groups.size(), 4U);
  kill(1);
  for (const char* tenant : {"a", "b", "c"}) EXPECT_EQ(read(2, tenant, "k"), "v");
}

TEST_F(ClusterGrowthTest, WhatANewerProgramBringsWaitsForTheLastOlderNode) {
  std::map<std::uint64_t, std::uint32_t> knows{{1, 1}, {2, 1}, {3, 1}};
  std::uint64_t starting = 0;
  announced = 1;
  change = [&](NodeOptions& options) { options.newest_format = knows[starting]; };
  const auto begin = [&](std::uint64_t id) {
    starting = id;
    id == 1 ? start(id) : join(id);
  };
  for (std::uint64_t id = 1; id <= 3; ++id) begin(id);
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  ASSERT_EQ(write(1, "t", "k", "v"), "ok");
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EXPECT_EQ(format(1), 1U);
    EXPECT_THAT(add_groups(2, 1, 2), ::testing::HasSubstr("still older"));
    const std::uint64_t to = 3 - group_of(1, "t");
    EXPECT_FALSE(is_in(3, "t", to));
    EXPECT_EQ(write(id, "t", "k", "by " + std::to_string(id)), "ok") << "they serve side by side";
    knows[id] = 2;
    starting = id;
    stop(id);
    start(id);
    ASSERT_TRUE(eventually([&] { return read(id, "t", "k") == "by " + std::to_string(id); }));
  }
  EXPECT_TRUE(eventually([&] { return format(1) == 2; })) << "all know it now";
  const std::uint64_t to = 3 - group_of(1, "t");
  EXPECT_TRUE(eventually([&] { return is_in(3, "t", to); }));
  EXPECT_EQ(add_groups(2, 1, 2), "ok");
}

}  // namespace
}  // namespace coffer::actors

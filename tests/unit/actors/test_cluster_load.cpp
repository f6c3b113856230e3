// Who leads what follows what is asked for: a node that leads the busy groups hands over, and equal traffic moves nothing.

#include <atomic>

#include "cluster_fixture.hpp"

namespace coffer::actors {
namespace {

class ClusterLoadTest : public testing::ClusterFixture {
 protected:
  ClusterLoadTest() {
    change = [this](NodeOptions& options) {
      options.data_groups = 5;  // and the meta group: two for each of three nodes
      options.election_timeout_ms = 3000;
      options.load_window = std::chrono::milliseconds(900);
      options.newest_format = announced;
    };
  }
  ~ClusterLoadTest() override { end_traffic(); }

  /// A tenant with one secret in every data group.
  void fill_groups() {
    for (int number = 0; tenants.size() < 5; ++number) {
      ASSERT_LT(number, 50);
      const std::string name = "t" + std::to_string(number);
      ASSERT_EQ(write(1, name, "k", "v"), "ok");
      auto found = run(1, operate(model::GetTenant{name}));
      ASSERT_TRUE(found.ok());
      tenants.emplace(std::get<model::TenantReply>(found->body).tenant.group.value, name);
    }
  }
  /// The data groups that each node leads, once all lead equally many.
  std::map<std::uint64_t, std::vector<std::uint64_t>> led() {
    std::map<std::uint64_t, std::vector<std::uint64_t>> by_node;
    EXPECT_TRUE(eventually([&] {
      by_node.clear();
      const auto now = status(1);
      if (!now || !now->plan.empty()) return false;
      for (const auto& node : now->nodes) {
        if (node.leads != 2) return false;
      }
      for (const model::GroupInfo& group : now->groups) {
        if (group.id != model::kMetaGroup) by_node[group.leader.value].push_back(group.id.value);
      }
      return true;
    })) << text_of_status(1);
    return by_node;
  }
  /// Gets of the groups' tenants in turn, at each one's leader; `pause` after each round.
  void begin_traffic(std::vector<std::uint64_t> groups, std::chrono::microseconds pause) {
    traffic = std::thread([this, groups = std::move(groups), pause] {
      while (!over) {
        for (const std::uint64_t group : groups) {
          const std::uint64_t leader = leader_of(group, 1);
          if (read(leader == 0 ? 1 : leader, tenants.at(group), "k") != "v") ++failures;
        }
        if (pause.count() > 0) std::this_thread::sleep_for(pause);
      }
    });
  }
  void end_traffic() {
    over = true;
    if (traffic.joinable()) traffic.join();
  }
  std::uint64_t requests_of(std::uint64_t group) {
    const auto now = status(1);
    if (!now || now->groups.size() <= group || !now->groups[group].load) return 0;
    return now->groups[group].load->requests;
  }

  std::map<std::uint64_t, std::string> tenants;  // by group
  std::thread traffic;
  std::atomic<bool> over{false};
  std::atomic<int> failures{0};
};

TEST_F(ClusterLoadTest, ANodeThatLeadsBothBusyGroupsHandsOneOver) {
  start_three();
  fill_groups();
  std::vector<std::uint64_t> busy;
  for (const auto& [node, groups] : led()) {
    if (groups.size() == 2) busy = groups;
  }
  ASSERT_EQ(busy.size(), 2U);
  ASSERT_EQ(leader_of(busy[0], 1), leader_of(busy[1], 1));
  begin_traffic(busy, std::chrono::microseconds(0));
  EXPECT_TRUE(eventually([&] { return leader_of(busy[0], 1) != leader_of(busy[1], 1); })) << text_of_status(1);
  EXPECT_TRUE(eventually([&] { return requests_of(busy[0]) > 0 && requests_of(busy[1]) > 0; })) << text_of_status(1);
  end_traffic();
  EXPECT_EQ(failures, 0);
}

TEST_F(ClusterLoadTest, EqualTrafficAtEveryNodeMovesNothing) {
  start_three();
  fill_groups();
  const auto before = led();
  ASSERT_EQ(before.size(), 3U);
  std::vector<std::uint64_t> busy;
  for (const auto& [node, groups] : before) busy.push_back(groups.front());
  begin_traffic(busy, std::chrono::microseconds(500));
  ASSERT_TRUE(eventually([&] {
    return std::all_of(busy.begin(), busy.end(), [&](std::uint64_t group) { return requests_of(group) > 100; });
  })) << "it was never measured";
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (std::chrono::steady_clock::now() < until) {
    const auto now = status(1);
    ASSERT_TRUE(now.ok());
    EXPECT_TRUE(now->plan.empty()) << text_of_status(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  end_traffic();
  EXPECT_EQ(failures, 0);
  EXPECT_EQ(led(), before);
}

TEST_F(ClusterLoadTest, BesideAnOlderNodeNobodyMeasuresAndNothingMoves) {
  announced = cluster::kLoadFormat - 1;
  start_three();
  fill_groups();
  const auto before = led();
  std::vector<std::uint64_t> busy;
  for (const auto& [node, groups] : before) {
    if (groups.size() == 2) busy = groups;
  }
  begin_traffic(busy, std::chrono::microseconds(0));
  std::this_thread::sleep_for(std::chrono::seconds(2));
  end_traffic();
  const auto now = status(1);
  ASSERT_TRUE(now.ok());
  for (const model::GroupInfo& group : now->groups) EXPECT_FALSE(group.load) << group.id.value;
  EXPECT_EQ(led(), before);
}

}  // namespace
}  // namespace coffer::actors

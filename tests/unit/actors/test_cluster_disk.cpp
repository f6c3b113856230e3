// What a disk without room on one node costs the clients of a cluster: they go on, the others lead.

#include <atomic>

#include "cluster_fixture.hpp"

namespace coffer::actors {
namespace {

class ClusterDiskTest : public testing::ClusterFixture {
 protected:
  ClusterDiskTest() {
    change = [this](NodeOptions& options) {
      const std::string at = options.peer_address;
      options.free_bytes = [this, at] {
        return std::optional<std::uint64_t>(at == address(full) ? 1ULL << 20 : 1ULL << 40);
      };
    };
  }
  /// How many groups the node leads, as another one says.
  std::uint64_t led_by(std::uint64_t id) {
    std::uint64_t count = 0;
    const auto now = status(id % 3 + 1);
    for (const model::GroupInfo& group : now.ok() ? now->groups : std::vector<model::GroupInfo>()) {
      count += group.leader.value == id ? 1U : 0U;
    }
    return now.ok() ? count : UINT64_MAX;
  }

  std::atomic<std::uint64_t> full{0};
};

TEST_F(ClusterDiskTest, ANodeWithoutRoomHandsOverWhatItLeadsAndItsClientsWriteOn) {
  start_three();
  for (int tenant = 0; tenant < 6; ++tenant) ASSERT_EQ(write(1, "t" + std::to_string(tenant), "k", "before"), "ok");
  const std::uint64_t meta_leader = leader_of(0, 1);
  ASSERT_NE(meta_leader, 0U);
  full = meta_leader;
  ASSERT_TRUE(eventually([&] { return members[meta_leader].node->status().read_only; }));
  ASSERT_TRUE(eventually([&] { return led_by(meta_leader) == 0; })) << text_of_status(1);
  for (int tenant = 0; tenant < 6; ++tenant) {
    EXPECT_EQ(write(meta_leader, "t" + std::to_string(tenant), "k", "after"), "ok");
  }
  EXPECT_EQ(write(meta_leader, "new", "k", "v"), "ok") << "the directory changes, too";
  full = 0;
  ASSERT_TRUE(eventually([&] { return !members[meta_leader].node->status().read_only; }));
}

}  // namespace
}  // namespace coffer::actors

// A purge on several nodes: when a tenant is called purged its wrapped keys go from the disk of every server of its group,
// whoever leads what, and whoever was away meanwhile.

#include <filesystem>
#include <fstream>

#include "actors/records.hpp"
#include "storage/keys.hpp"
#include "storage/state_store.hpp"
#include "tests/unit/actors/cluster_fixture.hpp"

namespace coffer::actors {
namespace {

class ClusterPurgesTest : public testing::ClusterFixture {
 protected:
  ClusterPurgesTest() {
    change = [this](NodeOptions& options) {
      states[options.peer_address] = options.state_engine.get();
      options.keeper.round = std::chrono::milliseconds(200);
      options.checkpoint_interval = std::chrono::hours(1);  // nothing leaves a file by itself
      options.leave_after = std::chrono::milliseconds(300);
      options.log = [this, at = options.peer_address](std::string_view line) {
        const std::lock_guard lock(mutex);
        if (line.find("is no server of it any more") != std::string_view::npos) ++departures[at];
      };
    };
  }
  model::TenantInfo info_of(const std::string& tenant) {
    auto shown = run(1, operate(model::GetTenant{tenant}));
    EXPECT_TRUE(shown.ok());
    return shown.ok() ? std::get<model::TenantReply>(shown->body).tenant : model::TenantInfo{};
  }
  /// As the node's state has it; empty: it has not come that far.
  std::string wrapped_key(std::uint64_t at, const model::TenantInfo& tenant) {
    const storage::TenantRows rows(*states.at(address(at)), tenant.group, model::Generation{1}, tenant.id);
    const auto row = rows.get(storage::kKeysRow);
    if (!row.ok() || !row->has_value()) return {};
    const auto record = decode_keys(**row);
    return record.ok() ? record->data_keys(0).wrapped() : std::string();
  }
  bool disk_holds(std::uint64_t at, const std::string& bytes) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(members[at].path)) {
      std::error_code gone;
      if (!entry.is_regular_file(gone)) continue;
      std::ifstream in(entry.path(), std::ios::binary);  // a file that has just gone is empty
      const std::string content{std::istreambuf_iterator<char>(in), {}};
      if (content.find(bytes) != std::string::npos) return true;
    }
    return false;
  }
  /// The tenant's wrapped key, once the node has it on its disk; empty: that did not come.
  std::string key_on_disk(std::uint64_t at, const model::TenantInfo& tenant) {
    std::string key;
    const bool holds = eventually([&] { return !(key = wrapped_key(at, tenant)).empty() && disk_holds(at, key); });
    return holds ? key : std::string();
  }
  bool is_purged(std::uint64_t at, const model::TenantInfo& tenant) {
    model::ListTenants list;
    list.show_deleted = true;
    const auto all = run(at, operate(list));
    if (!all.ok()) return false;
    for (const auto& one : std::get<model::TenantsReply>(all->body).tenants) {
      if (one.id == tenant.id) return one.purged_at != 0;
    }
    return false;
  }
  /// Another node than the one that leads the tenant's group.
  bool lead_the_directory_elsewhere(const model::TenantInfo& tenant) {
    return eventually([&] {
      const std::uint64_t leads = leader_of(tenant.group.value, 1), directory = leader_of(0, 1);
      if (leads != 0 && directory != 0 && leads != directory) return true;
      if (leads != 0) (void)run(1, operate(model::TransferLeadership{model::kMetaGroup, model::NodeId{leads % 3 + 1}}));
      return false;
    });
  }

  int departures_of(std::uint64_t at) {
    const std::lock_guard lock(mutex);
    return departures[address(at)];
  }
  /// Of the data groups; the directory's own stay everywhere.
  std::size_t rows_of(std::uint64_t at, std::uint64_t group) {
    std::string prefix = "g";
    storage::append_be64(prefix, group);
    std::size_t rows = 0;
    const auto scan = states.at(address(at))->scan(prefix, storage::prefix_end(prefix));
    for (; scan->valid(); scan->next()) ++rows;
    return rows;
  }
  bool serves(std::uint64_t node, std::uint64_t group) {
    const auto now = status(1);
    if (!now) return true;
    for (const auto& info : now->groups) {
      for (const auto& replica : info.replicas) {
        if (info.id.value == group && replica.node.value == node) return true;
      }
    }
    return false;
  }
  /// Three nodes, and a fourth that gets what node 3 had.
  std::string move_away_from_the_third(const model::TenantInfo& tenant) {
    join(4);
    if (!run(1, operate(model::DrainNode{model::NodeId{3}, false})).ok()) return "it cannot be drained";
    return eventually([&] { return !serves(3, tenant.group.value); }) ? "" : text_of_status(1);
  }

  std::map<std::string, storage::Engine*> states;  // by the node's address
  std::mutex mutex;
  std::map<std::string, int> departures;  // replicas that were let go of, by the node's address
};

TEST_F(ClusterPurgesTest, APurgedTenantsKeysAreOnNoNodesDiskAlsoWhereTheDirectoryIsLed) {
  start_three();
  ASSERT_EQ(write(1, "t", "a", "value"), "ok");
  const model::TenantInfo tenant = info_of("t");
  std::string key;
  ASSERT_TRUE(eventually([&] { return !(key = wrapped_key(1, tenant)).empty(); }));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    ASSERT_TRUE(eventually([&] { return disk_holds(id, key); })) << "the search must be able to find it at " << id;
  }
  ASSERT_TRUE(lead_the_directory_elsewhere(tenant)) << text_of_status(1);
  ASSERT_TRUE(run(1, operate(model::DeleteTenant{"t", {}, true, 0})).ok());
  ASSERT_TRUE(eventually([&] { return is_purged(1, tenant); }));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EXPECT_TRUE(eventually([&] { return !disk_holds(id, key); }))
        << "node " << id << ", and " << leader_of(0, 1) << " leads the directory";
  }
}

TEST_F(ClusterPurgesTest, ANodeThatWasAwayForgetsThemWhenItIsBackHoweverFarBehindItsReplicaIs) {
  start_three();
  ASSERT_EQ(write(1, "t", "a", "value"), "ok");
  const model::TenantInfo tenant = info_of("t");
  const std::string key = key_on_disk(3, tenant);
  ASSERT_NE(key, "");
  kill(3);
  ASSERT_TRUE(eventually([&] { return write(1, "t", "b", "value") == "ok"; }));
  std::string other;  // of the same group: what node 3 has to catch up with
  for (int n = 0; n < 8 && other.empty(); ++n) {
    const std::string name = "o" + std::to_string(n);
    ASSERT_TRUE(eventually([&] { return write(1, name, "a", "value") == "ok"; }));
    if (info_of(name).group == tenant.group) other = name;
  }
  ASSERT_FALSE(other.empty());
  for (int n = 0; n < 100; ++n) ASSERT_EQ(write(1, other, "e" + std::to_string(n), std::string(10'000, 'x')), "ok");
  ASSERT_TRUE(run(1, operate(model::DeleteTenant{"t", {}, true, 0})).ok());
  ASSERT_TRUE(eventually([&] { return is_purged(1, tenant); })) << "nobody waits for a node that is away";
  start(3);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EXPECT_TRUE(eventually([&] { return !disk_holds(id, key); })) << id;
  }
}

TEST_F(ClusterPurgesTest, ANodeWhoseReplicaWasMovedAwayKeepsNeitherItsRowsNorItsLogAndServesAgainWhenItIsToldTo) {
  start_three();
  ASSERT_EQ(write(1, "t", "a", "value"), "ok");
  const model::TenantInfo tenant = info_of("t");
  const std::string key = key_on_disk(3, tenant);
  ASSERT_NE(key, "");
  ASSERT_EQ(move_away_from_the_third(tenant), "");
  ASSERT_TRUE(eventually([&] { return rows_of(3, tenant.group.value) == 0; }));
  ASSERT_TRUE(run(1, operate(model::DeleteTenant{"t", {}, true, 0})).ok());
  ASSERT_TRUE(eventually([&] { return is_purged(1, tenant); }));
  for (std::uint64_t id = 1; id <= 4; ++id) EXPECT_TRUE(eventually([&] { return !disk_holds(id, key); })) << id;
  ASSERT_EQ(write(1, "u", "b", "before"), "ok");
  ASSERT_TRUE(run(1, operate(model::DrainNode{model::NodeId{3}, true})).ok());
  ASSERT_TRUE(run(1, operate(model::DrainNode{model::NodeId{4}, false})).ok());
  ASSERT_TRUE(eventually([&] { return serves(3, tenant.group.value) && !serves(4, tenant.group.value); }));
  ASSERT_TRUE(settled(3)) << text_of_status(1);
  kill(1);
  EXPECT_TRUE(eventually([&] { return read(3, "u", "b") == "before"; }))
      << "two voters are left, and it is one of them";
  EXPECT_TRUE(eventually([&] { return write(3, "u", "b", "behind") == "ok"; }));
}

TEST_F(ClusterPurgesTest, ANodeThatDiesWhileItLetsGoOfAReplicaGoesOnWithThatWhenItIsBack) {
  start_three();
  ASSERT_EQ(write(1, "t", "a", "value"), "ok");
  const model::TenantInfo tenant = info_of("t");
  for (int n = 0; n < 300; ++n) ASSERT_EQ(write(1, "t", "e" + std::to_string(n), std::string(2'000, 'x')), "ok");
  ASSERT_TRUE(eventually([&] { return !wrapped_key(3, tenant).empty(); }));
  ASSERT_EQ(move_away_from_the_third(tenant), "");
  ASSERT_TRUE(eventually([&] { return departures_of(3) > 0; }));
  for (int times = 0; times < 3; ++times) {
    kill(3);
    start(3);
  }
  EXPECT_TRUE(eventually([&] { return rows_of(3, tenant.group.value) == 0; }));
  EXPECT_EQ(read(3, "t", "e7"), std::string(2'000, 'x')) << "the others have it";
}

}  // namespace
}  // namespace coffer::actors

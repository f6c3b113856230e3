// Backups and exports of a cluster with more nodes than replicas: four whole nodes, of which none has every group.

#include <gmock/gmock.h>

#include <algorithm>

#include "keeper_fixture.hpp"
#include "tests/unit/actors/cluster_fixture.hpp"

namespace coffer::actors {
namespace {

using ::testing::HasSubstr;

class WideBackupTest : public testing::ClusterFixture {
 protected:
  static constexpr std::uint64_t kNodes = 4, kGroups = 4;

  WideBackupTest() {
    change = [this](NodeOptions& options) {
      options.data_groups = kGroups;
      options.newest_format = announced;
    };
  }
  void start_four() {
    start(1);
    for (std::uint64_t id = 2; id <= kNodes; ++id) join(id);
    ASSERT_TRUE(eventually([&] {
      auto now = status(1);
      if (!now || !now->plan.empty() || now->groups.size() != kGroups + 1) return false;
      return std::ranges::all_of(now->groups, [](const model::GroupInfo& group) {
        const auto voters = std::ranges::count(group.replicas, model::ReplicaRole::voter, &model::ReplicaInfo::role);
        return group.id == model::kMetaGroup || (voters == 3 && group.replicas.size() == 3);
      });
    })) << text_of_status(1);
  }
  /// The node that has no replica of the group.
  std::uint64_t without(std::uint64_t group) {
    const auto now = status(1);
    for (const model::GroupInfo& info : now->groups) {
      for (std::uint64_t at = 1; info.id.value == group && at <= kNodes; ++at) {
        if (std::ranges::count(info.replicas, model::NodeId{at}, &model::ReplicaInfo::node) == 0) return at;
      }
    }
    return 0;
  }
  std::uint64_t leader(std::uint64_t group) {
    const auto now = status(1);
    for (const model::GroupInfo& info : now->groups) {
      if (info.id.value == group) return info.leader.value;
    }
    return 0;
  }
  std::uint64_t group_of(const std::string& tenant) {
    auto shown = run(1, operate(model::GetTenant{tenant}));
    return shown.ok() ? std::get<model::TenantReply>(shown->body).tenant.group.value : 0;
  }
  model::Result<model::StreamReply> keep(std::uint64_t at, model::KeeperOperation operation) {
    model::Request made;
    made.credential.kind = model::CredentialKind::dev_root;
    made.info.deadline = now() + 40'000;
    made.operation = std::move(operation);
    auto reply = run(at, std::move(made));
    if (!reply) return reply.error();
    return std::get<model::StreamReply>(std::move(reply->body));
  }
  model::Result<std::string> rest_of(std::uint64_t at, const std::string& id, std::uint64_t sequence = 0) {
    std::string file;
    for (;; ++sequence) {
      auto piece = keep(at, model::ReadBackup{id, sequence});
      if (!piece) return piece.error();
      file += piece->data;
      if (piece->last) return file;
    }
  }
  model::Result<std::string> backup(std::uint64_t at) {
    auto begun = keep(at, model::StartBackup{});
    if (!begun) return begun.error();
    return rest_of(at, begun->id);
  }
  /// Makes a node of the file.
  void restore(const std::string& file, Cluster& other) {
    fs::copy_file(path_ + "/key", other.path + "/key", fs::copy_options::overwrite_existing);
    fs::permissions(other.path + "/key", fs::perms::owner_read | fs::perms::owner_write);
    {
      auto log = std::move(*storage::open_leveldb(Cluster::at(other.path + "/log")));
      auto state = std::move(*storage::open_leveldb(Cluster::at(other.path + "/state")));
      std::size_t read = 0;
      const auto input = [&]() -> model::Result<std::string> {
        std::string piece = file.substr(read, 100'000);
        read += piece.size();
        return piece;
      };
      const auto root = [&](const store::v1::BackupManifest& manifest) -> model::Result<crypto::Key> {
        auto seal = crypto::open_key_file_seal(path_ + "/key");
        return (*seal)->unwrap(manifest.seals(0), manifest.cluster_id());
      };
      const auto done = restore_backup({input, {}}, *log, *state, std::nullopt, root, crypto::system_random());
      ASSERT_TRUE(done.ok()) << done.error().message();
    }
    ASSERT_TRUE(other.start([](NodeOptions& options) { options.data_groups = kGroups; }).ok());
  }
};

TEST_F(WideBackupTest, AnyNodeTakesOneWhileWritesGoOnThoughNoneHasEveryGroup) {
  ASSERT_NO_FATAL_FAILURE(start_four());
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(write(1 + i % kNodes, "t" + std::to_string(i % 8), "a" + std::to_string(i), "value-" + std::to_string(i)),
              "ok");
  }
  for (std::uint64_t group = 1; group <= kGroups; ++group) ASSERT_NE(without(group), 0U) << text_of_status(1);
  std::atomic<bool> stop{false};
  std::atomic<int> acknowledged{0};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) {
      if (write(1 + i % kNodes, "busy" + std::to_string(i % 5), "n" + std::to_string(i), "x") != "ok") break;
      acknowledged = i + 1;
    }
  });
  for (std::uint64_t at = 1; at <= kNodes; ++at) {
    const int known = acknowledged;
    const auto file = backup(at);
    EXPECT_TRUE(file.ok()) << "node " << at << ": " << file.error().message();
    if (!file.ok()) break;
    EXPECT_EQ(file->find("value-17"), std::string::npos);
    Cluster other;
    ASSERT_NO_FATAL_FAILURE(restore(*file, other));
    for (int i = 0; i < 40; ++i) {
      EXPECT_EQ(other.get("t" + std::to_string(i % 8), "a" + std::to_string(i)), "value-" + std::to_string(i));
    }
    for (int i = 0; i < known; ++i) {
      EXPECT_EQ(other.get("busy" + std::to_string(i % 5), "n" + std::to_string(i)), "x") << "was acknowledged before";
    }
  }
  stop = true;
  writer.join();
}

TEST_F(WideBackupTest, ATenantIsExportedOnANodeThatHasNoReplicaOfIt) {
  ASSERT_NO_FATAL_FAILURE(start_four());
  const std::string tenant = "t";
  for (int e = 0; e < 5; ++e) ASSERT_EQ(write(1, tenant, "a" + std::to_string(e), "v" + std::to_string(e)), "ok");
  const std::uint64_t at = without(group_of(tenant));
  ASSERT_NE(at, 0U);
  model::ExportTenant wanted;
  wanted.tenant = tenant;
  wanted.passphrase = model::Secret("correct horse battery");
  auto begun = keep(at, wanted);
  ASSERT_TRUE(begun.ok()) << begun.error().message();
  const auto file = rest_of(at, begun->id);
  ASSERT_TRUE(file.ok()) << file.error().message();
  Cluster to;
  ASSERT_TRUE(to.start().ok());
  auto import = to.keep(model::ImportTenant{"moved", wanted.passphrase, {}});
  ASSERT_TRUE(import.ok());
  const std::string id = std::get<model::StreamReply>(import->body).id;
  ASSERT_TRUE(to.keep(model::WriteImport{id, 0, *file}).ok());
  auto done = to.keep(model::FinishImport{id});
  ASSERT_TRUE(done.ok()) << done.error().message();
  for (int e = 0; e < 5; ++e) EXPECT_EQ(to.get("moved", "a" + std::to_string(e)), "v" + std::to_string(e));
}

TEST_F(WideBackupTest, WhenANodeDiesFromWhichRowsComeAnotherGoesOn) {
  ASSERT_NO_FATAL_FAILURE(start_four());
  std::map<std::uint64_t, std::vector<std::string>> tenants;
  for (int t = 0; t < 16; ++t) {
    const std::string name = "t" + std::to_string(t);
    ASSERT_EQ(write(1, name, "a", "small"), "ok");
    tenants[group_of(name)].push_back(name);
  }
  const auto& [group, large] = *tenants.begin();
  const std::uint64_t at = without(group), source = leader(group);
  ASSERT_NE(at, 0U);
  ASSERT_NE(source, 0U);
  const std::string value(200'000, 'x');
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(write(source, large[i % large.size()], "n" + std::to_string(i), value + std::to_string(i)), "ok");
  }
  auto begun = keep(at, model::StartBackup{});
  ASSERT_TRUE(begun.ok()) << begun.error().message();
  auto first = keep(at, model::ReadBackup{begun->id, 0});
  ASSERT_TRUE(first.ok());
  kill(source);
  const auto rest = rest_of(at, begun->id, 1);
  ASSERT_TRUE(rest.ok()) << rest.error().message();
  Cluster other;
  ASSERT_NO_FATAL_FAILURE(restore(first->data + *rest, other));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(other.get(large[i % large.size()], "n" + std::to_string(i)), value + std::to_string(i));
  }
  for (int t = 0; t < 16; ++t) EXPECT_EQ(other.get("t" + std::to_string(t), "a"), "small");
}

TEST_F(WideBackupTest, NodesOfAnOlderProgramAreNamedWhereOnlyTheyHaveAGroup) {
  announced = cluster::kViewsFormat - 1;
  ASSERT_NO_FATAL_FAILURE(start_four());
  // What the node has of a replica that it gave up is current until the group goes on.
  for (int i = 0; i < 12; ++i) ASSERT_EQ(write(1, "t" + std::to_string(i), "a", "v"), "ok");
  const auto file = backup(without(2));
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(std::string(file.error().message()), HasSubstr(" has no current copy on this node; node "));
  EXPECT_THAT(std::string(file.error().message()), HasSubstr("takes part by format 3, which cannot send it"));
}

}  // namespace
}  // namespace coffer::actors

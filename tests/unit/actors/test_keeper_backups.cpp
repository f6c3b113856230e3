// The keeper's backups in a whole node: taken while writes go on, restored entry by entry, by schedule; tenants on their way
// between clusters.

#include <future>

#include "keeper_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

/// A backup of a node, by its operators' calls.
std::string backup_of(Cluster& cluster, std::vector<std::string> tenants = {}) {
  auto begun = cluster.keep(model::StartBackup{tenants});
  // A group that was just added has its leader in a moment.
  eventually([&] {
    if (begun || begun.error().code != model::Code::unavailable) return true;
    begun = cluster.keep(model::StartBackup{tenants});
    return begun.ok();
  });
  if (!begun) {
    ADD_FAILURE() << begun.error().message();
    return {};
  }
  const std::string id = std::get<model::StreamReply>(begun->body).id;
  std::string file;
  for (std::uint64_t sequence = 0;; ++sequence) {
    auto piece = cluster.keep(model::ReadBackup{id, sequence});
    if (!piece) {
      ADD_FAILURE() << piece.error().message();
      return {};
    }
    auto again = cluster.keep(model::ReadBackup{id, sequence});  // as after a lost answer
    EXPECT_EQ(std::get<model::StreamReply>(again->body).data, std::get<model::StreamReply>(piece->body).data);
    file += std::get<model::StreamReply>(piece->body).data;
    if (std::get<model::StreamReply>(piece->body).last) return file;
  }
}

BackupInput input_of(const std::string& file) {
  auto at = std::make_shared<std::size_t>(0);
  return {[file, at]() -> model::Result<std::string> {
            std::string piece = file.substr(*at, 10'000);
            *at += piece.size();
            return piece;
          },
          {}};
}

RootSource root_by_file(const std::string& path) {
  return [path](const store::v1::BackupManifest& manifest) -> model::Result<crypto::Key> {
    auto seal = crypto::open_key_file_seal(path);
    if (!seal) return seal.error();
    return (*seal)->unwrap(manifest.seals(0), manifest.cluster_id());
  };
}

TEST(Keeper, ABackupIsRestoredEntryByEntryWhileWritesWentOn) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(cluster.put("t" + std::to_string(i % 3), "a" + std::to_string(i), "value-" + std::to_string(i)).ok());
  }
  ASSERT_TRUE(cluster.direct(model::AddGroups{1, 2}).ok()) << "a row of the directory that no new cluster has";
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) (void)cluster.put("busy", "n" + std::to_string(i), "x");
  });
  const std::string file = backup_of(cluster);
  stop = true;
  writer.join();
  const auto checked = verify_backup(input_of(file));
  ASSERT_TRUE(checked.ok()) << checked.error().message();
  EXPECT_FALSE(checked->opened);
  EXPECT_EQ(file.find("value-17"), std::string::npos);

  Cluster other;
  fs::copy_file(cluster.path + "/key", other.path + "/key", fs::copy_options::overwrite_existing);
  fs::permissions(other.path + "/key", fs::perms::owner_read | fs::perms::owner_write);
  {
    auto log = std::move(*storage::open_leveldb(Cluster::at(other.path + "/log")));
    auto state = std::move(*storage::open_leveldb(Cluster::at(other.path + "/state")));
    const auto restored = restore_backup(input_of(file), *log, *state, std::nullopt, root_by_file(other.path + "/key"),
                                         crypto::system_random());
    ASSERT_TRUE(restored.ok()) << restored.error().message();
    EXPECT_GE(restored->tenants, 3U);
    EXPECT_EQ(restore_backup(input_of(file), *log, *state, std::nullopt, root_by_file(other.path + "/key"),
                             crypto::system_random())
                  .error()
                  .code,
              Code::invalid_argument);
  }
  ASSERT_TRUE(other.start().ok());
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(other.get("t" + std::to_string(i % 3), "a" + std::to_string(i)), "value-" + std::to_string(i));
  }
  ASSERT_TRUE(other.put("t0", "later", "x").ok());
  ASSERT_TRUE(other.start().ok());
  EXPECT_EQ(other.get("t0", "later"), "x");
}

/// The restored logs count from one; a trail that stays where it was has had those indexes.
TEST(Keeper, ARestoredNodesChangesAreInTheTrailOfTheNodeThatWas) {
  Cluster cluster, other;
  const auto with_trail = [&](NodeOptions& options) { options.audit.directory = cluster.path + "/audit"; };
  const auto changes = [](Cluster& of) {
    std::promise<std::size_t> found;
    model::AuditQuery query;
    query.action = "put";
    query.limit = 1000;
    of.node->audit()->query(query, [&](auto page) { found.set_value(page->lines.size()); });
    return found.get_future().get();
  };
  ASSERT_TRUE(cluster.start(with_trail).ok());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(cluster.put("t", "a" + std::to_string(i), "x").ok());
  EXPECT_TRUE(eventually([&] { return changes(cluster) == 30; }));
  const std::string file = backup_of(cluster);
  cluster.node.reset();
  fs::copy_file(cluster.path + "/key", other.path + "/key", fs::copy_options::overwrite_existing);
  fs::permissions(other.path + "/key", fs::perms::owner_read | fs::perms::owner_write);
  {
    auto log = std::move(*storage::open_leveldb(Cluster::at(other.path + "/log")));
    auto state = std::move(*storage::open_leveldb(Cluster::at(other.path + "/state")));
    ASSERT_TRUE(restore_backup(input_of(file), *log, *state, std::nullopt, root_by_file(other.path + "/key"),
                               crypto::system_random())
                    .ok());
  }
  ASSERT_TRUE(other.start(with_trail).ok());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(other.put("t", "b" + std::to_string(i), "x").ok());
  EXPECT_TRUE(eventually([&] { return changes(other) == 35; }));
  ASSERT_TRUE(other.start(with_trail).ok());
  ASSERT_TRUE(other.put("t", "c", "x").ok());
  EXPECT_TRUE(eventually([&] { return changes(other) == 36; })) << "and none twice";
}

TEST(Keeper, OneTenantIsRestoredAlone) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  ASSERT_TRUE(cluster.put("one", "a", "1").ok());
  ASSERT_TRUE(cluster.put("two", "a", "2").ok());
  const std::string file = backup_of(cluster);
  Cluster other;
  {
    auto log = std::move(*storage::open_leveldb(Cluster::at(other.path + "/log")));
    auto state = std::move(*storage::open_leveldb(Cluster::at(other.path + "/state")));
    EXPECT_EQ(restore_backup(input_of(file), *log, *state, "none", root_by_file(cluster.path + "/key"),
                             crypto::system_random())
                  .error()
                  .code,
              Code::tenant_not_found);
  }
  fs::remove_all(other.path + "/log");
  fs::remove_all(other.path + "/state");
  {
    auto log = std::move(*storage::open_leveldb(Cluster::at(other.path + "/log")));
    auto state = std::move(*storage::open_leveldb(Cluster::at(other.path + "/state")));
    ASSERT_TRUE(restore_backup(input_of(file), *log, *state, "two", root_by_file(cluster.path + "/key"),
                               crypto::system_random())
                    .ok());
  }
  fs::copy_file(cluster.path + "/key", other.path + "/key", fs::copy_options::overwrite_existing);
  fs::permissions(other.path + "/key", fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_TRUE(other.start([](NodeOptions& options) { options.dev = false; }).ok());
  EXPECT_EQ(other.get("two", "a"), "2");
  EXPECT_EQ(other.node->status().tenants, 1U);
}

TEST(Keeper, ATenantMovesToAnotherClusterByAPassphrase) {
  Cluster from, to;
  ASSERT_TRUE(from.start().ok());
  ASSERT_TRUE(to.start().ok());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(from.put("t", "a" + std::to_string(i), "value-" + std::to_string(i)).ok());
  model::ExportTenant wanted;
  wanted.tenant = "t";
  wanted.passphrase = model::Secret("correct horse battery");
  auto begun = from.keep(std::move(wanted));
  ASSERT_TRUE(begun.ok()) << begun.error().message();
  std::string file;
  for (std::uint64_t sequence = 0;; ++sequence) {
    auto piece = from.keep(model::ReadBackup{std::get<model::StreamReply>(begun->body).id, sequence});
    ASSERT_TRUE(piece.ok());
    file += std::get<model::StreamReply>(piece->body).data;
    if (std::get<model::StreamReply>(piece->body).last) break;
  }
  const auto take = [&](const std::string& passphrase, const std::string& bytes) -> model::Result<model::Reply> {
    auto import = to.keep(model::ImportTenant{"moved", model::Secret(passphrase), {}});
    if (!import) return import;
    const std::string id = std::get<model::StreamReply>(import->body).id;
    std::uint64_t sequence = 0;
    for (std::size_t at = 0; at < bytes.size(); at += 3000) {
      auto taken = to.keep(model::WriteImport{id, sequence++, bytes.substr(at, 3000)});
      if (!taken) return taken;
    }
    return to.keep(model::FinishImport{id});
  };
  EXPECT_EQ(take("correct horse buttery", file).error().code, Code::key_mismatch);
  auto done = take("correct horse battery", file);
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(std::get<model::StreamReply>(done->body).entries, 30U);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(to.get("moved", "a" + std::to_string(i)), "value-" + std::to_string(i));
  EXPECT_EQ(take("correct horse battery", file).error().code, Code::tenant_exists);
  ASSERT_TRUE(to.start().ok());
  EXPECT_EQ(to.get("moved", "a7"), "value-7");
  EXPECT_EQ(from.get("t", "a7"), "value-7");
}

TEST(Keeper, ScheduledBackupsAreWrittenAndTheOldestRemoved) {
  Cluster cluster;
  fs::create_directory(cluster.path + "/backups");
  ASSERT_TRUE(cluster
                  .start([&](NodeOptions& options) {
                    options.keeper.backups.directory = cluster.path + "/backups";
                    options.keeper.backups.every = std::chrono::seconds(1);
                    options.keeper.backups.keep = 2;
                  })
                  .ok());
  ASSERT_TRUE(cluster.put("t", "a", "value").ok());
  std::set<std::string> seen;
  EXPECT_TRUE(eventually([&] {
    for (const auto& entry : fs::directory_iterator(cluster.path + "/backups")) {
      if (entry.path().extension() == ".backup") seen.insert(entry.path().filename().string());
    }
    return seen.size() >= 4;
  }));
  cluster.node.reset();
  int left = 0;
  for (const auto& entry : fs::directory_iterator(cluster.path + "/backups")) {
    ++left;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(in), {}};
    EXPECT_TRUE(verify_backup(input_of(file)).ok());
  }
  EXPECT_EQ(left, 2);
}

/// Finished scheduled backups.
std::set<std::string> files_in(const std::string& directory) {
  std::set<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) files.insert(entry.path().filename().string());
  return files;
}

TEST(Keeper, ANodeLowOnDiskStillMakesItsScheduledBackupsOnAnotherDisk) {
  Cluster cluster;
  const std::string to = cluster.path + "/backups";
  fs::create_directory(to);
  std::atomic<std::uint64_t> free{1ULL << 40};
  ASSERT_TRUE(cluster
                  .start([&](NodeOptions& options) {
                    options.free_bytes = [&] { return std::optional<std::uint64_t>(free); };
                    options.keeper.backups.directory = to;
                    options.keeper.backups.every = std::chrono::seconds(1);
                    options.keeper.backups.keep = 1;
                  })
                  .ok());
  ASSERT_TRUE(cluster.put("t", "a", "value").ok());
  free = 1 << 20;
  ASSERT_TRUE(eventually([&] { return cluster.node->status().read_only; }));
  EXPECT_FALSE(cluster.put("t", "a", "no room").ok());
  fs::remove_all(to);
  fs::create_directory(to);
  EXPECT_TRUE(eventually([&] {
    const auto files = files_in(to);
    return !files.empty() && files.begin()->ends_with(".backup");
  })) << "the row that pauses moves is all that it needs of the data's disk";
  EXPECT_TRUE(verify_backup(input_of(backup_of(cluster))).ok()) << "an operator's, too";
  cluster.node.reset();
}

TEST(Keeper, AScheduledBackupWithoutRoomInItsDirectorySaysSoLeavesNothingAndComesWhenThereIsRoom) {
  Cluster cluster;
  const std::string to = cluster.path + "/backups";
  fs::create_directory(to);
  std::atomic<std::uint64_t> spare{(2 << 20) - 1};  // for the first piece, and not for the second
  std::mutex mutex;
  std::string said;
  ASSERT_TRUE(cluster
                  .start([&](NodeOptions& options) {
                    options.keeper.backups.directory = to;
                    options.keeper.backups.every = std::chrono::seconds(1);
                    options.keeper.backups.spare = [&] { return std::optional<std::uint64_t>(spare); };
                    options.log = [&](std::string_view line) {
                      const std::lock_guard lock(mutex);
                      said.append(line).append("\n");
                    };
                  })
                  .ok());
  const auto heard = [&](const std::string& words) {
    const std::lock_guard lock(mutex);
    return said.find(words) != std::string::npos;
  };
  spare = 0;
  ASSERT_TRUE(eventually([&] { return heard("the scheduled backup failed: no room for it in " + to); }));
  for (const std::string& file : files_in(to)) EXPECT_TRUE(file.ends_with(".backup")) << file;
  const auto before = files_in(to);
  spare = 1ULL << 40;
  EXPECT_TRUE(eventually([&] { return files_in(to) != before; }));
  cluster.node.reset();
}

}  // namespace
}  // namespace coffer::actors

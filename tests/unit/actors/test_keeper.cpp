// The keeper of keys in a whole node, on LevelDB in a temporary directory: sealed starts, quorums, rotations, purges that
// leave nothing on the disk, backups and tenants on their way between clusters.

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "actors/backup_restore.hpp"
#include "actors/node.hpp"
#include "crypto/file_key.hpp"
#include "crypto/seal.hpp"
#include "storage/keys.hpp"
#include "storage/open.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {
namespace {

using model::Code;
namespace fs = std::filesystem;

class Waiting final : public Call {
 public:
  void complete() noexcept override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  model::Result<model::Reply> wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [this] { return done_; })) std::abort();
    return std::move(reply);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

/// A node in a directory of its own.
class Cluster {
 public:
  Cluster() {
    std::string pattern = (fs::temp_directory_path() / "coffer-keeper-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
    EXPECT_TRUE(crypto::create_key_file(path + "/key", crypto::system_random()).ok());
  }
  ~Cluster() {
    node.reset();
    fs::remove_all(path);
  }

  static storage::LevelDbOptions at(const std::string& where) {
    storage::LevelDbOptions options;
    options.path = where;
    return options;
  }
  model::Status start(const std::function<void(NodeOptions&)>& change = {}) {
    node.reset();
    NodeOptions options;
    options.log_engine = std::move(*storage::open_leveldb(at(path + "/log")));
    options.state_engine = std::move(*storage::open_leveldb(at(path + "/state")));
    options.seal = std::move(*crypto::open_key_file_seal(path + "/key"));
    options.bootstrap = Bootstrap::allow;
    options.dev = true;
    options.data_groups = 2;
    options.keeper.round = std::chrono::milliseconds(200);
    options.log = [](std::string_view line) { std::fprintf(stderr, "node: %s\n", std::string(line).c_str()); };
    if (change) change(options);
    auto started = Node::start(std::move(options), std::chrono::seconds(30));
    if (!started) return started.error();
    node = std::move(*started);
    return {};
  }

  template <class Operation>
  model::Result<model::Reply> run(Operation operation, const std::string& tenant = {}) {
    Waiting call;
    call.request.tenant.name = tenant;
    call.request.tenant.create_at_first_use = true;
    call.request.credential.kind = model::CredentialKind::dev_root;
    call.request.operation = std::move(operation);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    call.request.info.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(now).count() + 30'000;
    node->submit(&call);
    return call.wait();
  }
  model::Result<model::Reply> keep(model::KeeperOperation operation) { return run(std::move(operation)); }
  model::Result<model::Reply> direct(model::DirectoryOperation operation) { return run(std::move(operation)); }

  model::Status put(const std::string& tenant, const std::string& name, std::string_view value) {
    model::Put put;
    put.space = "kv";
    put.name = name;
    put.payload = model::Payload::of_text(value);
    auto reply = run(model::TenantOperation(std::move(put)), tenant);
    return reply ? model::Status() : model::Status(reply.error());
  }
  std::string get(const std::string& tenant, const std::string& name) {
    auto reply = run(model::TenantOperation(model::Get{"kv", name, 0, true}), tenant);
    if (!reply) return std::string(model::info(reply.error().code).name);
    return std::string(std::get<model::EntryReply>(reply->body).payload->content.expose());
  }
  bool disk_holds(const std::string& bytes) const {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(in), {}};
      if (content.find(bytes) != std::string::npos) return true;
    }
    return false;
  }

  std::string path;
  std::unique_ptr<Node> node;
};

const model::SealReply& seal_of(const model::Result<model::Reply>& reply) {
  static const model::SealReply kNone;
  if (!reply) ADD_FAILURE() << reply.error().message();
  if (!reply) return kNone;
  return std::get<model::SealReply>(reply->body);
}

template <class Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

/// Makes a set of shares and gives enough of them back.
std::vector<model::Secret> add_shares(Cluster& cluster) {
  model::AddSeal add;
  add.name = "holders";
  add.kind = "shamir";
  add.threshold = 2;
  add.shares = 3;
  auto made = cluster.keep(std::move(add));
  if (!made) {
    ADD_FAILURE() << made.error().message();
    return {};
  }
  std::vector<model::Secret> shares = seal_of(made).share_texts;
  EXPECT_EQ(shares.size(), 3U);
  EXPECT_FALSE(seal_of(cluster.keep(model::VerifyShare{shares[0]})).seal.has_value());
  EXPECT_EQ(seal_of(cluster.keep(model::GetSeals{})).seals.size(), 1U) << "not verified, not a seal";
  EXPECT_TRUE(seal_of(cluster.keep(model::VerifyShare{shares[2]})).seal.has_value());
  EXPECT_EQ(seal_of(cluster.keep(model::GetSeals{})).seals.size(), 2U);
  return shares;
}

TEST(Keeper, ASealedNodeServesNothingUntilEnoughSharesCame) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  ASSERT_TRUE(cluster.put("t", "a", "value").ok());
  const auto shares = add_shares(cluster);
  ASSERT_EQ(shares.size(), 3U);
  ASSERT_TRUE(cluster.start([](NodeOptions& options) { options.start_sealed = true; }).ok());
  EXPECT_TRUE(cluster.node->status().sealed);
  EXPECT_FALSE(cluster.node->status().ready);
  EXPECT_EQ(cluster.put("t", "a", "other").error().code, Code::sealed);
  EXPECT_EQ(cluster.keep(model::GetKeys{}).error().code, Code::sealed);
  EXPECT_EQ(cluster.keep(model::RegenerateToken{shares[0], {}, false}).error().code, Code::sealed);

  EXPECT_EQ(cluster.keep(model::Unseal{model::Secret("cfs_nonsense"), {}}).error().code, Code::invalid_argument);
  crypto::SeededRandom random(1);
  auto foreign = crypto::make_shamir_seal("x", 2, 2, crypto::Key::generate(random), "0123456789abcdef", random);
  EXPECT_EQ(cluster.keep(model::Unseal{foreign->shares[0], {}}).error().code, Code::unauthenticated);
  auto first = cluster.keep(model::Unseal{shares[1], {}});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(seal_of(first).sealed);
  EXPECT_EQ(seal_of(first).given, 1U);
  EXPECT_EQ(cluster.keep(model::Unseal{foreign->shares[1], {}}).error().code, Code::unauthenticated);
  auto second = cluster.keep(model::Unseal{shares[2], {}});
  ASSERT_TRUE(second.ok()) << second.error().message();
  EXPECT_FALSE(seal_of(second).sealed);
  EXPECT_TRUE(cluster.node->status().ready);
  EXPECT_EQ(cluster.get("t", "a"), "value");
  ASSERT_TRUE(cluster.put("t", "a", "newer").ok());
}

TEST(Keeper, ANodeWhoseKeyFileIsGoneStartsSealedAndAPassphraseOpensIt) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  ASSERT_TRUE(cluster.put("t", "a", "value").ok());
  model::AddSeal add;
  add.name = "break-glass";
  add.kind = "passphrase";
  add.passphrase = model::Secret("correct horse battery");
  ASSERT_TRUE(cluster.keep(std::move(add)).ok());
  const auto lose_key = [&](NodeOptions& options) {
    fs::remove(cluster.path + "/other");
    EXPECT_TRUE(crypto::create_key_file(cluster.path + "/other", crypto::system_random()).ok());
    options.seal = std::move(*crypto::open_key_file_seal(cluster.path + "/other"));
  };
  ASSERT_TRUE(cluster.start(lose_key).ok());
  EXPECT_TRUE(cluster.node->status().sealed);
  EXPECT_NE(seal_of(cluster.keep(model::GetSeals{})).reason.find("does not open this cluster"), std::string::npos);
  EXPECT_EQ(cluster.keep(model::Unseal{{}, model::Secret("correct horse buttery")}).error().code,
            Code::unauthenticated);
  ASSERT_TRUE(cluster.keep(model::Unseal{{}, model::Secret("correct horse battery")}).ok());
  EXPECT_EQ(cluster.get("t", "a"), "value");
}

TEST(Keeper, TheLastSealStaysAndARemovedOneOpensNoMore) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  const auto file = seal_of(cluster.keep(model::GetSeals{})).seals.at(0).name;
  EXPECT_EQ(cluster.keep(model::RemoveSeal{file}).error().code, Code::invalid_argument);
  const auto shares = add_shares(cluster);
  ASSERT_TRUE(cluster.keep(model::RemoveSeal{file}).ok());
  ASSERT_TRUE(cluster.start().ok());
  EXPECT_TRUE(cluster.node->status().sealed);
  ASSERT_TRUE(cluster.keep(model::Unseal{shares.at(0), {}}).ok());
  ASSERT_TRUE(cluster.keep(model::Unseal{shares.at(1), {}}).ok());
  EXPECT_FALSE(cluster.node->status().sealed);
}

TEST(Keeper, AQuorumMakesAnOperatorsToken) {
  Cluster cluster;
  ASSERT_TRUE(
      cluster.start([&](NodeOptions& options) { options.operator_token_file = cluster.path + "/root.token"; }).ok());
  const auto shares = add_shares(cluster);
  auto first = cluster.keep(model::RegenerateToken{shares.at(0), {}, true});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(seal_of(first).token.empty());
  auto second = cluster.keep(model::RegenerateToken{shares.at(1), {}, true});
  ASSERT_TRUE(second.ok()) << second.error().message();
  const auto credential = cluster.node->authenticate(seal_of(second).token.expose(), model::Door::admin);
  ASSERT_TRUE(credential.ok());
  EXPECT_EQ(credential->kind, model::CredentialKind::operator_);
  std::ifstream in(cluster.path + "/root.token");
  std::string old;
  in >> old;
  EXPECT_EQ(cluster.node->authenticate(old, model::Door::admin).error().code, Code::unauthenticated);
}

TEST(Keeper, EveryLevelIsRotatedOnlineAndARestartOpensIt) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  ASSERT_TRUE(cluster.put("t", "a", "value").ok());
  const auto shares = add_shares(cluster);
  for (const auto level : {model::KeyLevel::root, model::KeyLevel::cluster, model::KeyLevel::data}) {
    auto done = cluster.keep(model::RotateKeys{level, level == model::KeyLevel::data ? "t" : ""});
    ASSERT_TRUE(done.ok()) << done.error().message();
    ASSERT_TRUE(cluster.put("t", "b" + std::to_string(static_cast<int>(level)), "x").ok());
    EXPECT_EQ(cluster.get("t", "a"), "value");
  }
  // In the background the tenant's rows are sealed by the new key, and its keys by the new cluster key.
  EXPECT_TRUE(eventually([&] {
    const auto status = cluster.keep(model::GetKeys{"t"});
    const auto& keys = std::get<model::KeysReply>(status->body);
    return keys.tenant_keys.data_keys.size() == 1 && keys.tenant_keys.cluster_key == 2;
  }));
  const auto status = cluster.keep(model::GetKeys{"t"});
  const auto& keys = std::get<model::KeysReply>(status->body);
  EXPECT_EQ(keys.root_version, 2U);
  EXPECT_EQ(keys.cluster_keys.size(), 2U);
  EXPECT_EQ(keys.tenant_keys.data_keys.at(0).version, 2U);
  ASSERT_TRUE(cluster.start().ok());
  EXPECT_FALSE(cluster.node->status().sealed);
  EXPECT_EQ(cluster.get("t", "a"), "value");
  ASSERT_TRUE(cluster.start([](NodeOptions& options) { options.start_sealed = true; }).ok());
  ASSERT_TRUE(cluster.keep(model::Unseal{shares.at(0), {}}).ok());
  ASSERT_TRUE(cluster.keep(model::Unseal{shares.at(2), {}}).ok());
  EXPECT_EQ(cluster.get("t", "b2"), "x");
}

TEST(Keeper, ADeletedTenantComesBackWithinItsWindowAndNotAfterAPurge) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  ASSERT_TRUE(cluster.put("t", "a", "value").ok());
  auto deleted = cluster.direct(model::DeleteTenant{"t", {}, false, 0});
  ASSERT_TRUE(deleted.ok());
  const model::TenantInfo info = std::get<model::TenantReply>(deleted->body).tenant;
  EXPECT_EQ(info.purge_at - info.deleted_at, model::kTenantRecoveryMs);
  EXPECT_EQ(cluster.run(model::TenantOperation(model::Get{"kv", "a", 0, true}), "t").error().code,
            Code::tenant_not_found);
  ASSERT_TRUE(cluster.direct(model::UndeleteTenant{info.id, "again"}).ok());
  EXPECT_EQ(cluster.get("again", "a"), "value");
  EXPECT_EQ(cluster.direct(model::PurgeTenant{info.id, false}).error().code, Code::tenant_not_found);
}

TEST(Keeper, APurgedTenantsKeysAreOnNoDiskAndACopyCannotBeOpened) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(cluster.put("t", "a" + std::to_string(i), std::string(500, 'x')).ok());
  ASSERT_TRUE(cluster.put("kept", "a", "stays").ok());
  model::TenantRef ref;
  ref.name = "t";
  const auto id = cluster.node->find_tenant(ref);
  cluster.node.reset();
  std::string wrapped, group_prefix;
  {
    const auto state = std::move(*storage::open_leveldb(Cluster::at(cluster.path + "/state")));
    for (std::uint64_t group = 1; group <= 2; ++group) {
      const storage::TenantRows rows(*state, model::GroupId{group}, model::Generation{1}, *id);
      if (auto row = rows.get(storage::kKeysRow); row.ok() && row->has_value()) wrapped = **row;
    }
  }
  ASSERT_FALSE(wrapped.empty());
  store::v1::TenantKeysRecord record;
  ASSERT_TRUE(record.ParseFromString(wrapped));
  const std::string key = record.data_keys(0).wrapped();
  ASSERT_TRUE(cluster.disk_holds(key)) << "the search must be able to find it";

  ASSERT_TRUE(cluster.start().ok());
  auto deleted = cluster.direct(model::DeleteTenant{"t", {}, true, 0});
  ASSERT_TRUE(deleted.ok());
  EXPECT_TRUE(eventually([&] {
    model::ListTenants list;
    list.show_deleted = true;
    const auto all = cluster.direct(list);
    for (const auto& tenant : std::get<model::TenantsReply>(all->body).tenants) {
      if (tenant.id == *id) return tenant.state == model::TenantState::purged && tenant.purged_at != 0;
    }
    return false;
  }));
  EXPECT_FALSE(cluster.disk_holds(key));
  EXPECT_FALSE(cluster.disk_holds(record.wrapped_name_key()));
  EXPECT_EQ(cluster.direct(model::UndeleteTenant{*id, ""}).error().code, Code::not_active);
  EXPECT_EQ(cluster.get("kept", "a"), "stays");
  ASSERT_TRUE(cluster.start().ok());
  EXPECT_EQ(cluster.get("kept", "a"), "stays");
}

/// A backup of a node, by its operators' calls.
std::string backup_of(Cluster& cluster, std::vector<std::string> tenants = {}) {
  auto begun = cluster.keep(model::StartBackup{std::move(tenants)});
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
    ASSERT_TRUE(cluster.put("t" + std::to_string(i % 3), "a" + std::to_string(i), "v" + std::to_string(i)).ok());
  }
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
  EXPECT_EQ(file.find("v17"), std::string::npos);

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
    ASSERT_EQ(other.get("t" + std::to_string(i % 3), "a" + std::to_string(i)), "v" + std::to_string(i));
  }
  ASSERT_TRUE(other.put("t0", "later", "x").ok());
  ASSERT_TRUE(other.start().ok());
  EXPECT_EQ(other.get("t0", "later"), "x");
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
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(from.put("t", "a" + std::to_string(i), "v" + std::to_string(i)).ok());
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
  for (int i = 0; i < 30; ++i) EXPECT_EQ(to.get("moved", "a" + std::to_string(i)), "v" + std::to_string(i));
  EXPECT_EQ(take("correct horse battery", file).error().code, Code::tenant_exists);
  ASSERT_TRUE(to.start().ok());
  EXPECT_EQ(to.get("moved", "a7"), "v7");
  EXPECT_EQ(from.get("t", "a7"), "v7");
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

}  // namespace
}  // namespace coffer::actors

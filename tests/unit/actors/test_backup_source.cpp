// A backup whose parts come from other nodes, of which any may die at any row: the file holds each tenant whole, as some
// replica had it, or there is none and the error says why. The nodes are played by copies of one node's state.

#include <gmock/gmock.h>

#include <thread>

#include "actors/backup_source.hpp"
#include "keeper_fixture.hpp"
#include "storage/log_store.hpp"
#include "storage/state_copy.hpp"
#include "stub_host.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using ::testing::HasSubstr;

/// What a node had on its disk when it stopped.
struct Copy {
  explicit Copy(const Cluster& cluster) : path(cluster.path + "-" + std::to_string(++number)) {
    fs::copy(cluster.path, path, fs::copy_options::recursive);
    log = std::move(*storage::open_leveldb(Cluster::at(path + "/log")));
    state = std::move(*storage::open_leveldb(Cluster::at(path + "/state")));
    node = **storage::LogStore(*log).node();
    auto seal = crypto::open_key_file_seal(path + "/key");
    ring.emplace(std::move(**open_replicated_keys(*state, **seal, node, model::Generation{1})));
  }
  ~Copy() {
    log.reset();
    state.reset();
    fs::remove_all(path);
  }
  static inline int number = 0;
  std::string path;
  std::unique_ptr<storage::Engine> log, state;
  storage::Node node;
  std::optional<crypto::KeyRing> ring;
};

/// Of another node, which dies after some rows.
class DyingView final : public GroupView {
 public:
  DyingView(std::unique_ptr<GroupView> rows, model::NodeId node, std::size_t lives)
      : rows_(std::move(rows)), node_(node), lives_(lives) {}
  model::Result<std::optional<Row>> next() override {
    if (lives_-- == 0) return model::Error(Code::unavailable, "cannot be heard any more");
    return rows_->next();
  }
  model::Index index() const override { return model::Index{5}; }
  model::NodeId node() const override { return node_; }

 private:
  std::unique_ptr<GroupView> rows_;
  const model::NodeId node_;
  std::size_t lives_;
};

/// Has the directory and no other group.
class WideHost final : public StubHost {
 public:
  explicit WideHost(Copy& copy) : now(&copy) {}
  std::string cluster_id() const override { return now->node.cluster_id; }
  std::uint32_t data_groups() const override { return groups != 0 ? groups : now->node.data_groups; }
  crypto::KeyRing* ring() override { return ring_of != nullptr ? &*ring_of->ring : &*now->ring; }
  const storage::Engine& state() const override { return *now->state; }
  model::Result<std::unique_ptr<GroupView>> open_view(RowWish wish) override {
    ++opened;
    wishes.push_back(wish);
    if (own_stays_behind) std::this_thread::sleep_for(wish.own_patience);
    if (opened > data_groups() && refuses) return model::Error(Code::unavailable, "group 1 has no current copy");
    auto scan = storage::scan_rows(*now->state, wish.group, model::Generation{1}, wish.within, wish.after);
    // The first ones die, one after the other; who goes on for them lives.
    const std::size_t lives = opened <= data_groups() ? dies_after : SIZE_MAX;
    if (opened == data_groups() && behind_views != nullptr) now = behind_views;
    return std::unique_ptr<GroupView>(
        std::make_unique<DyingView>(local_view(std::move(scan), {}), model::NodeId{opened + 1}, lives));
  }

  Copy* now;
  std::size_t opened = 0, dies_after = SIZE_MAX;
  bool refuses = false, own_stays_behind = false;
  std::uint32_t groups = 0;      // zero: as many as there are
  Copy* ring_of = nullptr;       // the node's ring follows what is committed later; null: at once
  Copy* behind_views = nullptr;  // what is committed by others when every view is open
  std::vector<RowWish> wishes;
};

class BackupSourceTest : public ::testing::Test {
 protected:
  void fill(int tenants, int entries, const std::string& value) {
    for (int t = 0; t < tenants; ++t) {
      for (int e = 0; e < entries; ++e) {
        ASSERT_TRUE(cluster.put("t" + std::to_string(t), "e" + std::to_string(e), value + std::to_string(e)).ok());
      }
    }
  }
  std::unique_ptr<Copy> copy() {
    cluster.node.reset();
    return std::make_unique<Copy>(cluster);
  }
  static model::Result<std::unique_ptr<BackupSource>> open(WideHost& host) {
    store::v1::BackupManifest manifest;
    manifest.set_format(kBackupFormat);
    manifest.set_kind("backup");
    manifest.set_id(std::string(16, 'i'));
    manifest.set_cluster_id(host.cluster_id());
    manifest.set_data_groups(host.data_groups());
    const crypto::Key key = crypto::Key::generate(crypto::system_random());
    return BackupSource::open(host, {}, std::move(manifest), key, crypto::system_random());
  }
  /// Then the nodes have `later`.
  static model::Result<std::string> file_of(WideHost& host, Copy* later = nullptr) {
    auto source = open(host);
    if (!source) return source.error();
    if (later != nullptr) host.now = later;
    std::string file;
    for (;;) {
      auto piece = (*source)->read(4096);
      if (!piece) return piece.error();
      if (piece->empty()) return file;
      file += *piece;
    }
  }
  /// Restores the file and gives (tenant, entry) -> value.
  std::map<std::string, std::string> restored(const std::string& file, int tenants, int entries) {
    Cluster other;
    fs::copy_file(cluster.path + "/key", other.path + "/key", fs::copy_options::overwrite_existing);
    fs::permissions(other.path + "/key", fs::perms::owner_read | fs::perms::owner_write);
    {
      auto log = std::move(*storage::open_leveldb(Cluster::at(other.path + "/log")));
      auto state = std::move(*storage::open_leveldb(Cluster::at(other.path + "/state")));
      auto at = std::make_shared<std::size_t>(0);
      const auto root = [&](const store::v1::BackupManifest& manifest) -> model::Result<crypto::Key> {
        auto seal = crypto::open_key_file_seal(cluster.path + "/key");
        return (*seal)->unwrap(manifest.seals(0), manifest.cluster_id());
      };
      const auto done = restore_backup({[&]() -> model::Result<std::string> {
                                          std::string piece = file.substr(*at, 10'000);
                                          *at += piece.size();
                                          return piece;
                                        },
                                        {}},
                                       *log, *state, std::nullopt, root, crypto::system_random());
      EXPECT_TRUE(done.ok()) << done.error().message();
      if (!done.ok()) return {};
      EXPECT_EQ(done->tenants, static_cast<std::uint64_t>(tenants)) << "each is counted once";
    }
    EXPECT_TRUE(other.start().ok());
    std::map<std::string, std::string> found;
    for (int t = 0; t < tenants; ++t) {
      for (int e = 0; e < entries; ++e) {
        found["t" + std::to_string(t) + "/" + std::to_string(e)] =
            other.get("t" + std::to_string(t), "e" + std::to_string(e));
      }
    }
    return found;
  }

  Cluster cluster;
};

TEST_F(BackupSourceTest, WhereverANodeDiesAnotherGoesOnBehindTheLastWholeTenant) {
  ASSERT_TRUE(cluster.start().ok());
  fill(4, 2, "value");
  const auto state = copy();
  std::size_t dead = 0;
  for (std::size_t n = 0; n < 60; ++n) {
    WideHost host(*state);
    host.dies_after = n;
    const auto file = file_of(host);
    ASSERT_TRUE(file.ok()) << n << ": " << file.error().message();
    if (host.opened == 2) break;  // everybody has lived long enough
    dead = n;
    EXPECT_EQ(host.wishes.back().index, model::Index{5}) << "nothing older than what was promised first";
    EXPECT_NE(host.wishes.back().not_at, model::NodeId{});
    if (n % 5 != 0) continue;
    for (const auto& [entry, value] : restored(*file, 4, 2)) {
      EXPECT_EQ(value, "value" + entry.substr(entry.find('/') + 1)) << entry << " when it died after " << n;
    }
  }
  EXPECT_GT(dead, 10U);
}

TEST_F(BackupSourceTest, ATenantIsAsOneOfTheNodesHadItWhenTheOtherOneWasAhead) {
  ASSERT_TRUE(cluster.start().ok());
  fill(4, 3, "old");
  const auto before = copy();
  ASSERT_TRUE(cluster.start().ok());
  fill(4, 3, "new");
  ASSERT_TRUE(cluster.put("later", "e0", "of nobody").ok());
  const auto later = copy();
  int mixed = 0;
  for (std::size_t n = 0; n < 60; n += 3) {
    WideHost host(*before);
    host.dies_after = n;
    const auto file = file_of(host, later.get());
    ASSERT_TRUE(file.ok()) << n << ": " << file.error().message();
    const auto found = restored(*file, 4, 3);
    int olds = 0;
    for (int t = 0; t < 4; ++t) {
      const std::string tenant = "t" + std::to_string(t) + "/";
      const std::string word = found.at(tenant + "0").substr(0, 3);
      olds += word == "old" ? 1 : 0;
      for (int e = 0; e < 3; ++e) {
        EXPECT_EQ(found.at(tenant + std::to_string(e)), word + std::to_string(e)) << "died after " << n;
      }
    }
    mixed += olds > 0 && olds < 4 ? 1 : 0;
    if (host.opened == 2) break;
  }
  EXPECT_GT(mixed, 0);
}

TEST_F(BackupSourceTest, WhatTheDirectoryOfTheFileDoesNotFitAnyMoreFailsIt) {
  ASSERT_TRUE(cluster.start().ok());
  fill(4, 2, "value");
  const auto before = copy();
  const auto failure_with = [&](const std::function<void()>& change) {
    EXPECT_TRUE(cluster.start().ok());
    change();
    const auto later = copy();
    WideHost host(*before);
    host.dies_after = 3;
    const auto file = file_of(host, later.get());
    return file.ok() ? "it did not fail" : std::string(file.error().message());
  };
  const std::string rotated = failure_with([&] {
    EXPECT_TRUE(cluster.keep(model::RotateKeys{model::KeyLevel::cluster, ""}).ok());
  });
  EXPECT_THAT(rotated,
              HasSubstr("group 1 came from node 2, which cannot be heard any more, and the cluster's key was rotated"));
}

TEST_F(BackupSourceTest, ANewClusterKeyFailsItThoughTheRingHereFollowsLater) {
  ASSERT_TRUE(cluster.start().ok());
  fill(4, 2, "value");
  const auto before = copy();
  ASSERT_TRUE(cluster.start().ok());
  ASSERT_TRUE(cluster.keep(model::RotateKeys{model::KeyLevel::cluster, ""}).ok());
  const auto later = copy();
  WideHost host(*before);
  host.ring_of = before.get();
  host.dies_after = 3;
  const auto file = file_of(host, later.get());
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(std::string(file.error().message()), HasSubstr("the cluster's key was rotated meanwhile: begin again"));
}

TEST_F(BackupSourceTest, ARootKeyThatIsRotatedWhileTheViewsAreOpenedOpensIt) {
  ASSERT_TRUE(cluster.start().ok());
  fill(4, 2, "value");
  const auto before = copy();
  ASSERT_TRUE(cluster.start().ok());
  ASSERT_TRUE(cluster.keep(model::RotateKeys{model::KeyLevel::root, ""}).ok());
  const auto later = copy();
  WideHost host(*before);
  host.behind_views = later.get();
  const auto file = file_of(host);
  ASSERT_TRUE(file.ok()) << file.error().message();
  const auto found = restored(*file, 4, 2);
  EXPECT_EQ(found.size(), 8U) << "the seals in it open it";
  for (const auto& [entry, value] : found) EXPECT_EQ(value, "value" + entry.substr(entry.find('/') + 1)) << entry;

  WideHost early(*before);
  early.behind_views = later.get();
  early.ring_of = before.get();
  const auto refused = file_of(early);
  ASSERT_FALSE(refused.ok()) << "no seal in it would open it";
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("the root key is being rotated; try again"));
}

TEST_F(BackupSourceTest, ReplicasThatWereGivenUpAreNotWaitedForOneAfterTheOther) {
  ASSERT_TRUE(cluster.start().ok());
  fill(1, 1, "value");
  const auto state = copy();
  WideHost host(*state);
  host.groups = 40;
  host.own_stays_behind = true;
  ASSERT_TRUE(open(host).ok());
  std::chrono::milliseconds waited{0};
  for (const RowWish& wish : host.wishes) waited += wish.own_patience;
  EXPECT_EQ(host.wishes.size(), 40U);
  EXPECT_GT(host.wishes.front().own_patience.count(), 0) << "one that is only a moment behind is waited for";
  EXPECT_LE(waited, std::chrono::seconds(2)) << "moves are paused for ten";
}

TEST_F(BackupSourceTest, ATenantThatIsDeletedMeanwhileFailsIt) {
  ASSERT_TRUE(cluster.start().ok());
  fill(4, 2, "value");
  const auto before = copy();
  ASSERT_TRUE(cluster.start().ok());
  for (int t = 0; t < 4; ++t) {
    model::DeleteTenant gone;
    gone.name = "t" + std::to_string(t);
    ASSERT_TRUE(cluster.direct(gone).ok());
  }
  const auto later = copy();
  WideHost host(*before);
  host.dies_after = 0;
  const auto file = file_of(host, later.get());
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(std::string(file.error().message()), HasSubstr("was moved or deleted meanwhile: begin again"));
  EXPECT_EQ(file.error().code, Code::unavailable);
}

TEST_F(BackupSourceTest, WhenNobodyGoesOnTheErrorNamesGroupAndNode) {
  ASSERT_TRUE(cluster.start().ok());
  fill(4, 2, "value");
  const auto state = copy();
  WideHost host(*state);
  host.dies_after = 4;
  host.refuses = true;
  const auto file = file_of(host);
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(std::string(file.error().message()),
              HasSubstr("group 1 came from node 2, which cannot be heard any more, and nobody goes on for it"));
}

TEST_F(BackupSourceTest, ATenantOfWhichTooMuchIsInTheFileAlreadyFailsIt) {
  ASSERT_TRUE(cluster.start().ok());
  for (int e = 0; e < 20; ++e)
    ASSERT_TRUE(cluster.put("t0", "e" + std::to_string(e), std::string(1'000'000, 'x')).ok());
  const auto state = copy();
  std::string failure;
  for (std::size_t n = 0; n < 100 && failure.empty(); ++n) {
    WideHost host(*state);
    host.dies_after = 40 + n;
    const auto file = file_of(host);
    if (!file.ok()) failure = file.error().message();
  }
  EXPECT_THAT(failure, HasSubstr("only a part of a tenant is in the file: begin again"));
}

}  // namespace
}  // namespace coffer::actors

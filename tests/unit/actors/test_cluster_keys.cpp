// Keys of several nodes: an old cluster key is retired when every node says that it does not use it, pause and rate hold
// everywhere, and a node that replays what the retired key had sealed comes up all the same.

#include <algorithm>
#include <filesystem>
#include <future>
#include <thread>

#include "tests/unit/actors/cluster_fixture.hpp"

namespace coffer::actors {
namespace {

class ClusterKeysTest : public testing::ClusterFixture {
 protected:
  ClusterKeysTest() {
    change = [](NodeOptions& options) {
      options.keeper.round = std::chrono::milliseconds(200);
      options.keeper.retire_after = std::chrono::seconds(1);
      options.checkpoint_interval = std::chrono::hours(1);  // a restart replays everything
      options.log = [](std::string_view) {};
    };
  }
  model::KeysReply keep(std::uint64_t at, model::KeeperOperation operation) {
    model::Request made;
    made.credential.kind = model::CredentialKind::dev_root;
    made.info.deadline = now() + 30'000;
    made.operation = std::move(operation);
    auto reply = run(at, std::move(made));
    return reply ? std::get<model::KeysReply>(reply->body) : model::KeysReply{};
  }
  /// The node ends as by a crash: what its databases hold now is what it finds again, nothing is flushed.
  void crash(std::uint64_t id) {
    namespace fs = std::filesystem;
    const std::string path = members[id].path;
    members[id].link->stop();
    fs::copy(path, path + ".crashed", fs::copy_options::recursive);
    stop(id);
    fs::remove_all(path);
    fs::rename(path + ".crashed", path);
  }
  /// Until one succeeds: what was tried while the directory had no leader may have added a key, and the next adds another.
  bool rotate(std::uint64_t at) {
    return eventually([&] {
      const auto keys = keep(at, model::RotateKeys{model::KeyLevel::cluster, ""}).cluster_keys;
      return std::ranges::any_of(keys, [](const auto& key) { return key.current && key.version > 1; });
    });
  }
  bool is_retired(std::uint64_t at) {
    const auto keys = keep(at, model::GetKeys{});
    return !keys.cluster_keys.empty() && keys.cluster_keys.front().retired_at != 0;
  }
};

TEST_F(ClusterKeysTest, AnOldKeyIsRetiredWhenEveryNodeSaysSoAndAReplayShowsNoHarm) {
  start_three();
  for (int n = 0; n < 6; ++n) ASSERT_EQ(write(1, "t" + std::to_string(n), "a", "value"), "ok");
  kill(3);
  ASSERT_TRUE(rotate(1));
  EXPECT_TRUE(eventually([&] { return keep(2, model::GetKeys{}).tenants_done >= 6; }))
      << "whoever leads them has done it";
  EXPECT_TRUE(eventually([&] { return keep(1, model::GetKeys{}).waits_for.find("node 3") != std::string::npos; }));
  std::this_thread::sleep_for(std::chrono::seconds(2));
  EXPECT_FALSE(is_retired(1)) << "node 3 would still wrap a new tenant's keys under it";

  start(3);
  EXPECT_TRUE(eventually([&] { return is_retired(1); })) << keep(1, model::GetKeys{}).waits_for;
  for (std::uint64_t id = 1; id <= 3; ++id) {
    EXPECT_TRUE(eventually([&] { return is_retired(id); })) << id;
    crash(id);
    start(id);
    for (int n = 0; n < 6; ++n) EXPECT_EQ(read(id, "t" + std::to_string(n), "a"), "value") << id;
    EXPECT_EQ(write(id, "new" + std::to_string(id), "a", "x"), "ok");
  }
}

TEST_F(ClusterKeysTest, APauseHoldsOnEveryNodeWhicheverOneWasAsked) {
  start_three();
  for (int n = 0; n < 6; ++n) ASSERT_EQ(write(1, "t" + std::to_string(n), "a", "value"), "ok");
  ASSERT_TRUE(eventually([&] { return keep(2, model::SetReseal{true, 700}).paused; }));
  ASSERT_TRUE(rotate(1));
  EXPECT_TRUE(eventually([&] { return keep(3, model::GetKeys{}).tenants_left >= 6; }));
  std::this_thread::sleep_for(std::chrono::seconds(1));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    const auto keys = keep(id, model::GetKeys{});
    EXPECT_TRUE(keys.paused) << id;
    EXPECT_EQ(keys.rows_per_second, 700U) << id;
    EXPECT_EQ(keys.tenants_done, 0U) << id;
  }
  ASSERT_TRUE(eventually([&] { return keep(3, model::SetReseal{false, {}}).rows_per_second == 700; }));
  EXPECT_TRUE(eventually([&] { return keep(1, model::GetKeys{}).tenants_done >= 6; }));
}

TEST_F(ClusterKeysTest, ASealThatIsAddedWhileAnotherNodeRotatesTheRootKeyOpensTheCluster) {
  const std::filesystem::path keys = std::filesystem::temp_directory_path() / ("coffer-seals-" + std::to_string(now()));
  std::filesystem::create_directory(keys);
  std::string key_file;
  const auto before = change;
  change = [&](NodeOptions& options) {
    before(options);
    options.keeper.key_directory = keys;
    if (!key_file.empty()) options.seal = std::move(*crypto::open_key_file_seal(key_file));
  };
  start_three();
  ASSERT_EQ(write(1, "t", "a", "value"), "ok");
  const auto ask = [&](std::uint64_t at, model::KeeperOperation operation) {
    model::Request made;
    made.credential.kind = model::CredentialKind::dev_root;
    made.info.deadline = now() + 30'000;
    made.operation = std::move(operation);
    return run(at, std::move(made));
  };
  std::vector<std::string> added;
  for (int round = 0; round < 3; ++round) {
    // At once, so that each looks at the seals and the ring before the other has changed them.
    auto rotated = std::async(std::launch::async, [&] { return ask(1, model::RotateKeys{model::KeyLevel::root, ""}); });
    for (int n = 0; n < 2; ++n) {
      model::AddSeal add;
      add.kind = "key-file";
      add.key_file = keys / ("k" + std::to_string(added.size()));
      const auto done = ask(2, add);
      ASSERT_TRUE(done.ok()) << done.error().message();
      added.push_back(add.key_file);
    }
    const auto done = rotated.get();
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
  for (const std::string& file : added) {
    key_file = file;
    kill(3);
    start(3);
    EXPECT_EQ(read(3, "t", "a"), "value") << file;
    EXPECT_FALSE(members[3].node->status().sealed) << file;
  }
  std::filesystem::remove_all(keys);
}

TEST_F(ClusterKeysTest, ASealThatWasRemovedWhileANodeWasAwayLeavesItsListWhenASnapshotComes) {
  const std::filesystem::path keys = std::filesystem::path(path_) / "seals";
  std::filesystem::create_directory(keys);
  change = [&](NodeOptions& options) {
    options.keeper.key_directory = keys;
    options.checkpoint_interval = std::chrono::milliseconds(100);
    options.log = [](std::string_view) {};
  };
  start_three();
  const auto ask = [&](std::uint64_t at, model::KeeperOperation operation) {
    model::Request made;
    made.credential.kind = model::CredentialKind::operator_;
    made.info.deadline = now() + 30'000;
    made.operation = std::move(operation);
    return run(at, std::move(made));
  };
  const auto seals = [&](std::uint64_t at) {
    auto reply = ask(at, model::GetSeals{});
    return reply ? std::get<model::SealReply>(reply->body).seals.size() : 0;
  };
  model::AddSeal add;
  add.kind = "key-file";
  add.key_file = keys / "second";
  const auto added = ask(1, add);
  ASSERT_TRUE(added.ok()) << added.error().message();
  ASSERT_TRUE(eventually([&] { return seals(3) == 2; }));
  kill(3);
  ASSERT_TRUE(ask(1, model::RemoveSeal{std::get<model::SealReply>(added->body).seal->name}).ok());
  // More entries than are kept for whoever comes back.
  const auto committed = [this] {
    const auto seen = status(1);
    return seen.ok() && !seen->groups.empty() ? seen->groups[0].commit.value : 0;
  };
  const auto enough = committed() + 1500;
  while (committed() < enough) {
    for (int i = 0; i < 100; ++i) (void)run(1, operate(model::PauseMoves{1}));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(500));  // the leader's log is cut
  start(3);
  EXPECT_TRUE(eventually([&] { return seals(3) == 1; }));
  double installed = 0;
  for (const Sample& sample : members[3].node->samples()) {
    if (sample.name == "coffer_snapshots_installed_total") installed = sample.value;
  }
  EXPECT_GE(installed, 1) << "the test is about snapshots";
}

}  // namespace
}  // namespace coffer::actors

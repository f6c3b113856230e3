// A sealed node can sign nothing, so it keeps what happens in memory: the trail that begins with the unsealing has it.

#include <future>

#include "keeper_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

class SealedAuditTest : public ::testing::Test {
 protected:
  static void with_trail(NodeOptions& options, const std::string& path) {
    options.audit.directory = path + "/audit";
    options.audit.refusals_interval = std::chrono::milliseconds(50);
  }
  std::vector<std::string> trail(const std::string& outcome = {}) {
    std::promise<model::Result<model::AuditPage>> done;
    model::AuditQuery query;
    query.limit = 1000;
    query.outcome = outcome;
    cluster.node->audit()->query(query, [&](auto page) { done.set_value(std::move(page)); });
    auto page = done.get_future().get();
    return page ? page->lines : std::vector<std::string>();
  }
  std::size_t lines_with(const std::string& one, const std::string& other) {
    std::size_t found = 0;
    for (const std::string& line : trail()) {
      if (line.find(one) != std::string::npos && line.find(other) != std::string::npos) ++found;
    }
    return found;
  }

  Cluster cluster;
};

TEST_F(SealedAuditTest, WhatASealedNodeWasGivenAndRefusedIsInItsTrailAfterTheUnsealing) {
  ASSERT_TRUE(cluster.start([&](NodeOptions& options) { with_trail(options, cluster.path); }).ok());
  model::AddSeal add;
  add.name = "break-glass";
  add.kind = "passphrase";
  add.passphrase = model::Secret("correct horse battery");
  ASSERT_TRUE(cluster.keep(std::move(add)).ok());
  ASSERT_TRUE(cluster
                  .start([&](NodeOptions& options) {
                    with_trail(options, cluster.path);
                    options.start_sealed = true;
                  })
                  .ok());
  ASSERT_NE(cluster.node->audit(), nullptr);
  EXPECT_TRUE(trail().empty()) << "nothing can be shown yet";
  model::AuditEvent stranger;
  stranger.address = "192.0.2.7:99";
  stranger.code = Code::sealed;
  for (int i = 0; i < 3; ++i) cluster.node->audit()->refused(stranger);
  EXPECT_EQ(cluster.keep(model::Unseal{{}, model::Secret("correct horse buttery")}).error().code,
            Code::unauthenticated);
  ASSERT_TRUE(cluster.keep(model::Unseal{{}, model::Secret("correct horse battery")}).ok());
  EXPECT_TRUE(eventually([&] { return lines_with("\"kind\":\"refusals\"", "192.0.2.7") == 1; }));
  EXPECT_EQ(lines_with("192.0.2.7", "\"count\":3"), 1U);
  EXPECT_TRUE(eventually([&] { return lines_with("\"action\":\"unseal\"", "") >= 1; }));
}

/// It does not go on without a trail.
TEST_F(SealedAuditTest, AnUnsealingThatFailsForTheTrailCanBeTriedAgainAndHasItThen) {
  ASSERT_TRUE(cluster.start([&](NodeOptions& options) { with_trail(options, cluster.path); }).ok());
  model::AddSeal add;
  add.name = "break-glass";
  add.kind = "passphrase";
  add.passphrase = model::Secret("correct horse battery");
  ASSERT_TRUE(cluster.keep(std::move(add)).ok());
  ASSERT_TRUE(cluster
                  .start([&](NodeOptions& options) {
                    with_trail(options, cluster.path);
                    options.start_sealed = true;
                  })
                  .ok());
  const auto folder = fs::path(cluster.path) / "audit";
  fs::permissions(folder, fs::perms::others_exec, fs::perm_options::add);
  const model::Unseal unseal{{}, model::Secret("correct horse battery")};
  EXPECT_EQ(cluster.keep(model::KeeperOperation(unseal)).error().code, Code::disk_error);
  EXPECT_EQ(cluster.get("acme", "one"), "SEALED");
  fs::permissions(folder, fs::perms::others_exec, fs::perm_options::remove);
  ASSERT_TRUE(cluster.keep(model::KeeperOperation(unseal)).ok());
  ASSERT_NE(cluster.node->audit(), nullptr);
  EXPECT_TRUE(eventually([&] { return cluster.put("acme", "one", "1").ok(); }));
  EXPECT_TRUE(eventually([&] { return lines_with("\"kind\":\"change\"", "\"action\":\"put\"") >= 1; }));
}

}  // namespace
}  // namespace coffer::actors

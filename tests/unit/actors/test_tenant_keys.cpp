// A tenant's keys over time: rotation, sealing anew in slices while writes go on, rotation by itself, and the sweep of
// what has expired and of deleted versions.

#include <gtest/gtest.h>

#include <set>

#include "actors/write_set.hpp"
#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Tending;

class TenantKeys : public ::testing::Test, protected CoreFixture {
 protected:
  model::TenantKeysReply tend(TenantCore& core, Tending what, std::uint32_t rows = 256) {
    auto reply = run(core, model::TendTenant{what, rows});
    if (!reply) ADD_FAILURE() << reply.error().message();
    return reply ? std::get<model::TenantKeysReply>(reply->body) : model::TenantKeysReply{};
  }
  store::v1::TenantHeader header() const {
    const storage::TenantRows rows(*engine, model::GroupId{1}, model::Generation{1}, tenant);
    return *decode_header(**rows.get(storage::kHeaderRow));
  }
  std::vector<model::ChangeType> changes_of(TenantCore& core, const std::string& name) {
    model::Watch watch;
    watch.from = {header().epoch(), 1};
    std::vector<model::ChangeType> types;
    const auto reply = run(core, watch);
    for (const auto& change : std::get<model::WatchReply>(reply->body).changes) {
      if (change.name == name) types.push_back(change.type);
    }
    return types;
  }
  /// Every slice of a pass; the rows that were written.
  std::uint64_t reseal(TenantCore& core, std::uint32_t rows = 256) {
    std::uint64_t written = 0;
    for (bool more = true; more;) {
      const auto slice = tend(core, Tending::reseal, rows);
      written += slice.rows;
      more = slice.more;
    }
    return written;
  }
  /// The key versions that the tenant's sealed rows name.
  std::set<std::uint32_t> versions_on_disk() {
    const storage::TenantRows rows(*engine, model::GroupId{1}, model::Generation{1}, tenant);
    std::set<std::uint32_t> found;
    for (auto scan = rows.scan("", ""); scan->valid(); scan->next()) {
      const auto row = rows.row_of(scan->key());
      if (row == storage::kHeaderRow || row == storage::kKeysRow || row[0] == 'q') continue;
      found.insert(*crypto::sealed_key_version(scan->value()));
    }
    return found;
  }
  std::string read(TenantCore& core, const std::string& name, std::uint64_t version = 0) {
    const auto reply = run(core, get(name, version));
    if (!reply) return "error: " + std::string(reply.error().message());
    return std::string(entry_of(reply).payload->content.expose());
  }
};

TEST_F(TenantKeys, ARotationSealsWhatComesAndKeepsWhatIsThereReadable) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("old", "before")).ok());
  const auto status = tend(*core, Tending::rotate);
  ASSERT_EQ(status.data_keys.size(), 2U);
  EXPECT_TRUE(status.data_keys[1].current);
  ASSERT_TRUE(run(*core, put("new", "after")).ok());
  EXPECT_EQ(versions_on_disk(), (std::set<std::uint32_t>{1, 2}));
  core = open();
  EXPECT_EQ(read(*core, "old"), "before");
  EXPECT_EQ(read(*core, "new"), "after");
}

TEST_F(TenantKeys, ResealingInSlicesLeavesOneKeyAndEveryValue) {
  auto core = open();
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(run(*core, put("s" + std::to_string(i), "v" + std::to_string(i)), "id" + std::to_string(i)).ok());
  tend(*core, Tending::rotate);
  EXPECT_GT(reseal(*core, 7), 60U);
  EXPECT_EQ(versions_on_disk(), (std::set<std::uint32_t>{2}));
  EXPECT_EQ(tend(*core, Tending::status).data_keys.size(), 1U);
  core = open();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(read(*core, "s" + std::to_string(i)), "v" + std::to_string(i));
  // A retry is still answered from its row.
  EXPECT_EQ(entry_of(run(*core, put("s3", "v3"), "id3")).version, 1U);
}

TEST_F(TenantKeys, AWriteThatIsUnderWayIsNotOverwrittenByAnOlderValue) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "first")).ok());
  tend(*core, Tending::rotate);
  auto second = call(put("a", "second"));
  send(*core, *second);  // decided, not committed
  auto slice = call(model::TendTenant{Tending::reseal});
  send(*core, *slice);
  commit_all(*core);
  ASSERT_TRUE(slice->reply.ok()) << slice->reply.error().message();
  EXPECT_EQ(read(*core, "a"), "second");
  core = open();
  EXPECT_EQ(read(*core, "a"), "second");
  EXPECT_EQ(read(*core, "a", 1), "first");
}

TEST_F(TenantKeys, ResealingWaitsUntilTheRotationIsApplied) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "first")).ok());
  auto rotate = call(model::TendTenant{Tending::rotate});
  send(*core, *rotate);
  commit(*core, false);
  auto slice = call(model::TendTenant{Tending::reseal});
  send(*core, *slice);
  ASSERT_EQ(slice->completed, 1);
  EXPECT_EQ(slice->reply.error().code, model::Code::unavailable);
}

TEST_F(TenantKeys, ADataKeyIsRotatedByItselfBeforeItSealedTooMuch) {
  deps.max_seals = 20;
  auto core = open();
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(run(*core, put("s", std::to_string(i))).ok());
  const auto status = tend(*core, Tending::status);
  EXPECT_GE(status.data_keys.size(), 4U);
  EXPECT_LE(status.seals, 23U);
  reseal(*core);
  core = open();
  EXPECT_EQ(read(*core, "s"), "29");
  EXPECT_EQ(read(*core, "s", 25), "24");
}

TEST_F(TenantKeys, AnOlderClusterKeyIsReplaced) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "value")).ok());
  ASSERT_TRUE(ring.adopt(ring.with_cluster_key(random, 1)).ok());
  ASSERT_TRUE(ring.adopt(ring.with_newest_current()).ok());
  EXPECT_EQ(tend(*core, Tending::status).cluster_key, 1U);
  reseal(*core);
  EXPECT_EQ(tend(*core, Tending::status).cluster_key, 2U);
  core = open();
  EXPECT_EQ(read(*core, "a"), "value");
}

TEST_F(TenantKeys, OnlyAdministratorsTend) {
  auto core = open();
  const auto token = create_token(
      *core,
      {"t", {{model::kAllCapabilities & ~static_cast<std::uint32_t>(model::Capability::admin), {"*"}, {"*"}}}, 0});
  EXPECT_EQ(run_as(*core, credential_of(token), model::TendTenant{Tending::rotate}).error().code,
            model::Code::permission_denied);
  EXPECT_EQ(run_as(*core, credential_of(token), model::TendTenant{}).error().code, model::Code::permission_denied);
}

TEST_F(TenantKeys, AShardThatOnlyReadForLongWritesUnderTheClusterKeyOfItsFirstWrite) {
  auto core = open();
  EXPECT_EQ(run(*core, get("a")).error().code, model::Code::entry_not_found);
  ASSERT_TRUE(ring.adopt(ring.with_cluster_key(random, 2)).ok());
  ASSERT_TRUE(ring.adopt(ring.with_newest_current()).ok());
  // No row uses the first one, so it is retired.
  auto retired = ring.without_cluster_key(1, random, 3);
  ASSERT_TRUE(retired.ok());
  ASSERT_TRUE(ring.adopt(*retired).ok());
  ASSERT_TRUE(run(*core, put("a", "value"), "id-1").ok());
  ASSERT_TRUE(run(*core, put("b", "other")).ok());
  EXPECT_EQ(read(*core, "a"), "value");
  core = open();
  ASSERT_NE(core, nullptr) << "or what was acknowledged is lost";
  EXPECT_EQ(read(*core, "a"), "value");
  EXPECT_EQ(read(*core, "b"), "other");
  EXPECT_TRUE(run(*core, put("a", "value"), "id-1").ok()) << "a retry";
  EXPECT_EQ(entry_of(run(*core, get("a"))).entry.last_version, 1U);
}

TEST_F(TenantKeys, TheSweepDestroysWhatCannotBeRestoredAnyMore) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("old", "gone")).ok());
  ASSERT_TRUE(run(*core, put("kept", "here")).ok());
  model::Delete del;
  del.space = "kv";
  del.name = "old";
  ASSERT_TRUE(run(*core, del).ok());
  EXPECT_EQ(header().sweep_at_ms(), now + deps.limits.recovery_window_ms);
  EXPECT_EQ(tend(*core, Tending::sweep).rows, 0U);
  EXPECT_EQ(header().sweep_at_ms(), now + deps.limits.recovery_window_ms);
  now += deps.limits.recovery_window_ms;
  EXPECT_EQ(tend(*core, Tending::sweep, 1).more, true);
  while (tend(*core, Tending::sweep, 1).more) continue;
  EXPECT_EQ(header().sweep_at_ms(), 0);
  EXPECT_EQ(header().bytes(), 4U);
  const storage::TenantRows rows(*engine, model::GroupId{1}, model::Generation{1}, tenant);
  int payloads = 0;
  for (auto scan = rows.scan("v", "w"); scan->valid(); scan->next()) ++payloads;
  EXPECT_EQ(payloads, 1);
  EXPECT_EQ(read(*core, "kept"), "here");
  model::Undelete undelete;
  undelete.space = "kv";
  undelete.name = "old";
  EXPECT_EQ(run(*core, undelete).error().code, model::Code::not_active);
}

TEST_F(TenantKeys, TheSweepDeletesWhatHasExpiredAndLaterDestroysIt) {
  auto core = open();
  model::Put expiring = put("short", "lived");
  expiring.expires_at = now + 60'000;
  ASSERT_TRUE(run(*core, expiring).ok());
  ASSERT_TRUE(run(*core, put("kept", "here")).ok());
  EXPECT_EQ(header().sweep_at_ms(), now + 60'000);
  now += 60'000;
  EXPECT_EQ(header().entries(), 2U) << "until the sweep";
  EXPECT_EQ(tend(*core, Tending::sweep).rows, 1U);
  EXPECT_EQ(header().entries(), 1U) << "it makes room";
  EXPECT_EQ(header().bytes(), 9U) << "it can come back";
  EXPECT_EQ(run(*core, get("short")).error().code, model::Code::entry_not_found);
  EXPECT_EQ(header().sweep_at_ms(), now + deps.limits.recovery_window_ms) << "since it expired";
  EXPECT_EQ(changes_of(*core, "short"), (std::vector{model::ChangeType::put, model::ChangeType::del}))
      << "watchers hear of it";

  now += deps.limits.recovery_window_ms;
  EXPECT_EQ(tend(*core, Tending::sweep).rows, 1U);
  EXPECT_EQ(header().bytes(), 4U);
  EXPECT_EQ(header().sweep_at_ms(), 0);
  EXPECT_EQ(changes_of(*core, "short").back(), model::ChangeType::destroy);
  EXPECT_EQ(read(*core, "kept"), "here");
}

TEST_F(TenantKeys, ATenantWhoseSecretsExpireAllTheTimeIsSweptNowAndThen) {
  auto core = open();
  for (int i = 0; i < 5; ++i) {
    model::Put expiring = put("s" + std::to_string(i), "v");
    expiring.expires_at = now + 10'000 + i;
    ASSERT_TRUE(run(*core, expiring).ok());
  }
  EXPECT_EQ(header().sweep_at_ms(), now + 10'000);
  now += 10'000;
  EXPECT_EQ(tend(*core, Tending::sweep).rows, 1U);
  EXPECT_EQ(header().sweep_at_ms(), now + 1000) << "not a millisecond later";
  model::Put expiring = put("brief", "v");
  expiring.expires_at = now + 10;
  ASSERT_TRUE(run(*core, expiring).ok());
  EXPECT_EQ(header().sweep_at_ms(), now + 1000);
  now += 1000;
  EXPECT_EQ(tend(*core, Tending::sweep).rows, 5U);
  EXPECT_EQ(header().entries(), 0U);
}

}  // namespace
}  // namespace coffer::actors

// What the directory promises of keys and of deleted tenants: a new root key is for the seals that there are, as they are;
// the last seal stays; an operator purges a deleted tenant before its window ends, and an import waits for that.

#include <gtest/gtest.h>

#include "actors/import_steps.hpp"
#include "actors/records.hpp"
#include "core_fixture.hpp"
#include "crypto/seal.hpp"

namespace coffer::actors {
namespace {

using model::Code;

class DirectoryKeysTest : public ::testing::Test, public CoreFixture {
 protected:
  using Rows = std::vector<std::pair<std::string, std::optional<std::string>>>;

  void SetUp() override {
    core = std::move(*DirectoryCore::open(directory_deps));
    directory_deps.keys_changed = [this](const KeyChanges& changes) {
      for (const auto& [row, value] : changes) {
        if (row == storage::kKeyRingRow) stored = *value;
      }
    };
    ASSERT_EQ(change("rotate-cluster-key", {{storage::kKeyRingRow, ring.record().SerializeAsString()}}), Code::ok);
  }
  std::shared_ptr<TestCall> made(model::DirectoryOperation operation, bool of_node) {
    auto call = std::make_shared<TestCall>();
    calls.push_back(call);
    call->request.credential.kind = model::CredentialKind::operator_;
    call->request.credential.principal = "ann";
    call->request.credential.of_node = of_node;
    call->request.operation = std::move(operation);
    return call;
  }
  void deliver(TestCall& call) {
    std::vector<Submission> out;
    core->handle(CallHandle(&call), out);
    for (Submission& submission : out) log.push_back(std::move(submission));
  }
  void commit_everything() {
    while (!log.empty()) {
      Submission next = std::move(log.front());
      log.pop_front();
      last_write_set = *next.write_set;
      apply_write_set(model::kMetaGroup, last_write_set);
      std::vector<Submission> out;
      core->committed(next.sequence, out);
      for (Submission& submission : out) log.push_back(std::move(submission));
    }
  }
  model::Result<model::Reply> run(model::DirectoryOperation operation, bool of_node = false) {
    auto call = made(std::move(operation), of_node);
    deliver(*call);
    commit_everything();
    EXPECT_EQ(call->completed, 1);
    return std::move(call->reply);
  }
  Code change(const std::string& action, Rows rows) {
    const auto reply = run(model::ChangeKeys{action, stored, std::move(rows)}, true);
    return reply ? Code::ok : reply.error().code;
  }

  store::v1::SealRecord seal(const std::string& name) {
    return crypto::make_shamir_seal(name, 2, 3, ring.root(), kCluster, random)->record;
  }
  static Rows rows_of(const store::v1::SealRecord& record) {
    return {{storage::seal_row(record.name()), record.SerializeAsString()}};
  }
  /// A new root key for these seals, as a node makes it that knows of no others.
  Rows rotation(const std::vector<store::v1::SealRecord>& known) {
    const auto next = ring.with_new_root(random, now);
    Rows rows{{storage::kKeyRingRow, next->record.SerializeAsString()}};
    for (const auto& record : known) {
      const auto again = crypto::reseal_root(record, ring.root(), next->root, kCluster, random);
      rows.emplace_back(storage::seal_row(record.name()), again->SerializeAsString());
    }
    return rows;
  }
  model::TenantInfo deleted(const std::string& name) {
    model::CreateTenant create;
    create.name = name;
    EXPECT_TRUE(run(create).ok());
    model::DeleteTenant gone;
    gone.name = name;
    return std::get<model::TenantReply>(run(gone)->body).tenant;
  }

  const std::string kCluster = std::string(16, 'c');
  std::string stored;
  std::unique_ptr<DirectoryCore> core;
};

TEST_F(DirectoryKeysTest, ANewRootKeyDoesNotPassOverASealThatCameMeanwhile) {
  const auto one = seal("one"), two = seal("two");
  ASSERT_EQ(change("add-seal", rows_of(one)), Code::ok);
  const Rows begun = rotation({one});
  ASSERT_EQ(change("add-seal", rows_of(two)), Code::ok);
  EXPECT_EQ(change("rotate-root-key", begun), Code::cas_mismatch) << "the seal two would open nothing";
  EXPECT_EQ(change("rotate-root-key", rotation({one, two})), Code::ok);
}

TEST_F(DirectoryKeysTest, ANewRootKeyBringsNoSealBackThatWentOrWasReplacedMeanwhile) {
  const auto one = seal("one"), two = seal("two");
  ASSERT_EQ(change("add-seal", rows_of(one)), Code::ok);
  ASSERT_EQ(change("add-seal", rows_of(two)), Code::ok);
  const Rows begun = rotation({one, two});
  const auto replaced = seal("two");
  ASSERT_EQ(change("replace-seal", rows_of(replaced)), Code::ok);
  EXPECT_EQ(change("rotate-root-key", begun), Code::cas_mismatch) << "the old holders of two would open again";
  ASSERT_EQ(change("remove-seal", {{storage::seal_row("two"), std::nullopt}}), Code::ok);
  EXPECT_EQ(change("rotate-root-key", rotation({one, replaced})), Code::cas_mismatch);
  // Another leader knows the same.
  core = std::move(*DirectoryCore::open(directory_deps));
  EXPECT_EQ(change("rotate-root-key", rotation({one, replaced})), Code::cas_mismatch);
  EXPECT_EQ(change("rotate-root-key", rotation({one})), Code::ok);
}

TEST_F(DirectoryKeysTest, OfTwoSealsThatAreRemovedAtOnceTheLastStays) {
  ASSERT_EQ(change("add-seal", rows_of(seal("one"))), Code::ok);
  ASSERT_EQ(change("add-seal", rows_of(seal("two"))), Code::ok);
  EXPECT_EQ(change("remove-seal", {{storage::seal_row("one"), std::nullopt}}), Code::ok);
  EXPECT_EQ(change("remove-seal", {{storage::seal_row("one"), std::nullopt}}), Code::cas_mismatch);
  EXPECT_EQ(change("remove-seal", {{storage::seal_row("two"), std::nullopt}}), Code::invalid_argument);
}

TEST_F(DirectoryKeysTest, ASealIsAddedOverNoOtherThatCameMeanwhileAndReplacesNoneThatWent) {
  ASSERT_EQ(change("add-seal", rows_of(seal("one"))), Code::ok);
  ASSERT_EQ(change("add-seal", rows_of(seal("two"))), Code::ok);
  EXPECT_EQ(change("add-seal", rows_of(seal("one"))), Code::entry_exists);
  ASSERT_EQ(change("remove-seal", {{storage::seal_row("two"), std::nullopt}}), Code::ok);
  EXPECT_EQ(change("replace-seal", rows_of(seal("two"))), Code::cas_mismatch);
}

TEST_F(DirectoryKeysTest, AnOperatorEndsADeletedTenantsRecoveryWindowAndTheNodeGoesOnFromThere) {
  const model::TenantInfo gone = deleted("t");
  int looks = 0;
  directory_deps.tenants_changed = [&] { ++looks; };
  EXPECT_EQ(run(model::PurgeTenant{gone.id, false}, true).error().code, Code::not_active) << "the node does not decide";
  EXPECT_EQ(run(model::PurgeTenant{gone.id, true}).error().code, Code::permission_denied);
  const auto ordered = run(model::PurgeTenant{gone.id, false});
  ASSERT_TRUE(ordered.ok()) << ordered.error().message();
  store::v1::WriteSet set;
  store::v1::AuditRecord record;
  ASSERT_TRUE(set.ParseFromString(last_write_set));
  ASSERT_TRUE(record.ParseFromString(set.audit()));
  EXPECT_EQ(record.action(), "purge-tenant");
  EXPECT_EQ(record.principal(), "ann");
  EXPECT_EQ(record.details(), "tenant=t");
  EXPECT_EQ(looks, 1) << "the keeper is told";
  EXPECT_EQ(run(model::UndeleteTenant{gone.id, ""}).error().code, Code::not_active);
  EXPECT_TRUE(run(model::PurgeTenant{gone.id, false}).ok()) << "asked again, it answers how it stands";
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}, true).ok());
  const auto done = run(model::PurgeTenant{gone.id, true}, true);
  ASSERT_TRUE(done.ok());
  EXPECT_NE(std::get<model::TenantReply>(done->body).tenant.purged_at, 0);
  EXPECT_EQ(run(model::PurgeTenant{tenant, false}).error().code, Code::tenant_not_found);
}

TEST_F(DirectoryKeysTest, ADeletedTenantComesBackUnderOneNameAndNotWhileItIsBeingPurged) {
  const model::TenantInfo gone = deleted("t");
  auto first = made(model::UndeleteTenant{gone.id, "a"}, false),
       second = made(model::UndeleteTenant{gone.id, "b"}, false);
  auto purge = made(model::PurgeTenant{gone.id, false}, false);
  for (const auto& call : {first, second, purge}) deliver(*call);
  commit_everything();
  EXPECT_TRUE(first->reply.ok());
  EXPECT_EQ(second->reply.error().code, Code::unavailable);
  EXPECT_EQ(purge->reply.error().code, Code::unavailable);
  EXPECT_TRUE(run(model::GetTenant{"a"}).ok());
  EXPECT_EQ(run(model::GetTenant{"b"}).error().code, Code::tenant_not_found);
}

TEST_F(DirectoryKeysTest, AnImportOfATenantThatIsBeingPurgedIsToBeAskedAgain) {
  const model::TenantInfo gone = deleted("t");
  store::v1::TenantRecord place;
  place.set_format(import_steps::kFormat);
  place.set_state(import_steps::kReserve);
  place.set_id(std::string(gone.id.view()));
  place.set_name("t");
  place.set_importing_node(1);
  const auto reserve = [&] { return run(model::AdoptTenant{place.SerializeAsString()}, true); };
  const auto recoverable = reserve();
  EXPECT_EQ(recoverable.error().code, Code::tenant_exists);
  EXPECT_NE(recoverable.error().message().find("undelete"), std::string::npos);
  for (const bool of_node : {false, true}) {
    ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}, of_node).ok());
    const auto early = reserve();
    EXPECT_EQ(early.error().code, Code::unavailable);
    EXPECT_EQ(early.error().retry_after_s, 1U);
    EXPECT_EQ(early.error().message().find("undelete"), std::string::npos) << "nobody can";
    EXPECT_TRUE(calls.back()->decided) << "the node does not go on asking by itself: its keeper purges";
  }
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, true}, true).ok());
  EXPECT_TRUE(reserve().ok());
}

TEST_F(DirectoryKeysTest, ThatATenantIsPurgedIsToldWhereTheDirectoryIsLedToo) {
  std::vector<model::GroupId> told;
  directory_deps.tenant_purged = [&](model::GroupId group, model::TimeMs) { told.push_back(group); };
  const model::TenantInfo gone = deleted("t");
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}).ok());
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}, true).ok());
  EXPECT_TRUE(told.empty()) << "its rows are there";
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, true}, true).ok());
  EXPECT_EQ(told, std::vector<model::GroupId>{gone.group});
}

TEST_F(DirectoryKeysTest, ANextLeaderIsToldOfThePurgesOfLateAndNotOfThoseOfOld) {
  const model::TenantInfo gone = deleted("t");
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}).ok());
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}, true).ok());
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, true}, true).ok());
  std::vector<model::GroupId> told;
  directory_deps.tenant_purged = [&](model::GroupId group, model::TimeMs) { told.push_back(group); };
  ASSERT_TRUE(DirectoryCore::open(directory_deps).ok());
  EXPECT_EQ(told, std::vector<model::GroupId>{gone.group});
  now += 2 * 3600 * 1000;
  told.clear();
  ASSERT_TRUE(DirectoryCore::open(directory_deps).ok());
  EXPECT_TRUE(told.empty()) << "each would have the whole group compacted at every failover";
}

TEST_F(DirectoryKeysTest, ANodeThatIsLateCallsNoLaterLifeOfATenantPurged) {
  const model::TenantInfo gone = deleted("t");
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}).ok());
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false, gone.deleted_at}, true).ok());
  EXPECT_EQ(run(model::PurgeTenant{gone.id, true, gone.deleted_at - 1}, true).error().code, Code::not_active);
  EXPECT_EQ(run(model::PurgeTenant{gone.id, false, gone.deleted_at + 1}, true).error().code, Code::not_active);
  EXPECT_TRUE(run(model::PurgeTenant{gone.id, true, gone.deleted_at}, true).ok());
}

TEST_F(DirectoryKeysTest, WhatTheNodeSaysOfAPurgeWaitsForWhatIsDecidedAlready) {
  const model::TenantInfo gone = deleted("t");
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}).ok());
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, false}, true).ok());
  store::v1::TenantRecord place;
  place.set_format(import_steps::kFormat);
  place.set_state(import_steps::kReserve);
  place.set_id(std::string(gone.id.view()));
  place.set_name("t");
  place.set_importing_node(1);
  ASSERT_TRUE(run(model::PurgeTenant{gone.id, true}, true).ok());
  auto reserve = made(model::AdoptTenant{place.SerializeAsString()}, true);
  auto late = made(model::PurgeTenant{gone.id, true}, true);
  for (const auto& call : {reserve, late}) deliver(*call);
  commit_everything();
  EXPECT_TRUE(reserve->reply.ok());
  EXPECT_EQ(late->reply.error().code, Code::unavailable) << "it would undo the reservation";
}

TEST_F(DirectoryKeysTest, ANextLeaderKnowsTheNewestKeysBeforeItReadsWhatIsSealedByThem) {
  crypto::KeyRing behind = std::move(*crypto::KeyRing::open(ring.root(), ring.record()));
  ASSERT_TRUE(ring.adopt(ring.with_cluster_key(random, now)).ok());
  ASSERT_TRUE(ring.adopt(ring.with_newest_current()).ok());
  ASSERT_EQ(change("rotate-cluster-key", {{storage::kKeyRingRow, ring.record().SerializeAsString()}}), Code::ok);
  ASSERT_EQ(change("add-seal", rows_of(seal("night"))), Code::ok);
  ASSERT_TRUE(run(model::CreateTenant{"made", {}, false}).ok());

  RoutingTable routes;
  OperatorTable table;
  DirectoryDeps late{*engine, behind, random, [this] { return now; }, routes, table, model::Generation{1}};
  bool has_seal = false;
  late.keys_read = [&](const KeyRows& rows) {
    store::v1::KeyRingRecord newest;
    EXPECT_TRUE(newest.ParseFromString(rows.at(storage::kKeyRingRow)));
    EXPECT_TRUE(behind.adopt(newest).ok());
    has_seal = rows.contains(storage::seal_row("night"));
  };
  const auto next = DirectoryCore::open(late);
  ASSERT_TRUE(next.ok()) << next.error().message();
  EXPECT_TRUE(has_seal);
}

// Its views are taken one after the other, and the keys last.
TEST_F(DirectoryKeysTest, NoClusterKeyIsRetiredWhileABackupIsOpenedAndForNoLongerThanItSaid) {
  const Rows same{{storage::kKeyRingRow, stored}};
  ASSERT_TRUE(run(model::PauseMoves{10'000}, true).ok());
  EXPECT_EQ(change(kRetireClusterKey, same), Code::unavailable);
  EXPECT_EQ(change("rotate-cluster-key", same), Code::ok) << "what the views need stays";
  core = std::move(*DirectoryCore::open(directory_deps));
  EXPECT_EQ(change(kRetireClusterKey, same), Code::unavailable) << "also by the next leader";
  now += 10'001;
  EXPECT_EQ(change(kRetireClusterKey, same), Code::ok) << "whoever took the backup may have died";
}

}  // namespace
}  // namespace coffer::actors

// The keeper of keys in a whole node: sealed starts, quorums, rotations, and purges that leave nothing on the disk.

#include <algorithm>
#include <set>

#include "crypto/shamir.hpp"
#include "keeper_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

/// Makes a set of shares and gives enough of them back.
std::vector<model::Secret> add_shares(Cluster& cluster, const char* name = "holders") {
  const std::size_t before = seal_of(cluster.keep(model::GetSeals{})).seals.size();
  model::AddSeal add;
  add.name = name;
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
  EXPECT_EQ(seal_of(cluster.keep(model::GetSeals{})).seals.size(), before) << "not verified, not a seal";
  EXPECT_TRUE(seal_of(cluster.keep(model::VerifyShare{shares[2]})).seal.has_value());
  EXPECT_EQ(seal_of(cluster.keep(model::GetSeals{})).seals.size(), before + 1);
  return shares;
}

TEST(Keeper, AForgedShareOfAnotherSetDisturbsNoAttempt) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  const auto shares = add_shares(cluster), others = add_shares(cluster, "others");
  ASSERT_EQ(others.size(), 3U);
  auto forged = crypto::read_share(others[0].expose());  // everybody may know the set's id
  ASSERT_TRUE(forged.ok());
  auto guess = crypto::read_share(shares[0].expose());
  ASSERT_TRUE(guess.ok());
  guess->set = forged->set;
  ASSERT_TRUE(cluster.start([](NodeOptions& options) { options.start_sealed = true; }).ok());
  ASSERT_EQ(seal_of(cluster.keep(model::Unseal{shares[0], {}})).given, 1U);
  EXPECT_FALSE(cluster.keep(model::Unseal{crypto::share_text(*guess), {}}).ok());
  EXPECT_FALSE(seal_of(cluster.keep(model::Unseal{shares[1], {}})).sealed) << "the second of two";
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

const model::KeysReply& keys_of(const model::Result<model::Reply>& reply) {
  static const model::KeysReply kNone;
  if (!reply) ADD_FAILURE() << reply.error().message();
  return reply ? std::get<model::KeysReply>(reply->body) : kNone;
}

TEST(Keeper, PauseRateAndProgressOfSealingAnewSurviveARestart) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  for (int n = 0; n < 8; ++n) ASSERT_TRUE(cluster.put("t" + std::to_string(n), "a", "value").ok());
  EXPECT_EQ(keys_of(cluster.keep(model::GetKeys{})).rows_per_second, 20'000U)
      << "the configuration's, till somebody says";
  ASSERT_TRUE(cluster.keep(model::SetReseal{true, 500}).ok());
  ASSERT_TRUE(cluster.keep(model::RotateKeys{model::KeyLevel::cluster, ""}).ok());
  EXPECT_TRUE(eventually([&] { return keys_of(cluster.keep(model::GetKeys{})).tenants_left == 8; }));

  ASSERT_TRUE(cluster.start().ok());
  EXPECT_TRUE(eventually([&] { return keys_of(cluster.keep(model::GetKeys{})).tenants_left == 8; }));
  auto keys = keys_of(cluster.keep(model::GetKeys{}));
  EXPECT_TRUE(keys.paused);
  EXPECT_EQ(keys.rows_per_second, 500U);
  EXPECT_EQ(keys.tenants_done, 0U);
  ASSERT_TRUE(cluster.keep(model::SetReseal{false, {}}).ok());
  EXPECT_TRUE(eventually([&] { return keys_of(cluster.keep(model::GetKeys{})).tenants_done == 8; }));

  ASSERT_TRUE(cluster.start().ok());
  keys = keys_of(cluster.keep(model::GetKeys{}));
  EXPECT_FALSE(keys.paused);
  EXPECT_EQ(keys.rows_per_second, 500U);
  EXPECT_EQ(keys.tenants_done, 8U);
  EXPECT_GE(keys.rows_done, 8U);
}

TEST(Keeper, AnOldClusterKeyIsRetiredWhenNothingUsesItAndEverythingStaysReadable) {
  Cluster cluster;
  const auto soon = [&](NodeOptions& options) { options.keeper.retire_after = std::chrono::seconds(1); };
  ASSERT_TRUE(cluster.start(soon).ok());
  for (int n = 0; n < 5; ++n) ASSERT_TRUE(cluster.put("t" + std::to_string(n), "a", "value").ok());
  ASSERT_TRUE(cluster.direct(model::CreateJoinToken{}).ok()) << "this makes the cluster's CA";
  // One is deleted and may come back: its keys are still wrapped under the first key.
  const auto deleted = cluster.direct(model::DeleteTenant{"t4", {}, false, 0});
  ASSERT_TRUE(deleted.ok());
  const model::TenantId gone = std::get<model::TenantReply>(deleted->body).tenant.id;
  ASSERT_TRUE(cluster.direct(model::CreateOperator{"ann", {"*"}, 0}).ok());
  ASSERT_TRUE(cluster.keep(model::RotateKeys{model::KeyLevel::cluster, ""}).ok());
  EXPECT_TRUE(eventually([&] {
    const auto keys = keys_of(cluster.keep(model::GetKeys{}));
    return keys.tenants_left == 0 && keys.waits_for.find("still uses version 1") != std::string::npos;
  })) << keys_of(cluster.keep(model::GetKeys{})).waits_for;
  EXPECT_EQ(keys_of(cluster.keep(model::GetKeys{})).cluster_keys.at(0).retired_at, 0);

  ASSERT_TRUE(cluster.direct(model::UndeleteTenant{gone, ""}).ok());
  EXPECT_TRUE(eventually([&] {
    const auto keys = keys_of(cluster.keep(model::GetKeys{}));
    return keys.cluster_keys.at(0).retired_at != 0 && keys.waits_for.empty();
  })) << keys_of(cluster.keep(model::GetKeys{})).waits_for;
  for (int restart = 0; restart < 2; ++restart) {
    for (int n = 0; n < 5; ++n) EXPECT_EQ(cluster.get("t" + std::to_string(n), "a"), "value") << n;
    EXPECT_TRUE(cluster.put("t1", "b" + std::to_string(restart), "x").ok());
    auto token = cluster.direct(model::CreateJoinToken{});
    EXPECT_TRUE(token.ok()) << "the cluster's CA was sealed anew, too";
    ASSERT_TRUE(cluster.start(soon).ok());  // the log is replayed, with what the retired key had sealed
  }
  EXPECT_EQ(cluster.get("t4", "a"), "value");
  EXPECT_EQ(keys_of(cluster.keep(model::GetKeys{})).cluster_keys.size(), 2U);
}

TEST(Keeper, WhatIsThereIsNeverCalledMissingWhileANodeIsBeingUnsealed) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  for (int n = 0; n < 100; ++n) ASSERT_TRUE(cluster.put("t" + std::to_string(n), "a", "value").ok());
  const auto shares = add_shares(cluster);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(cluster.start([](NodeOptions& options) { options.start_sealed = true; }).ok());
    std::set<Code> refusals;
    std::thread client([&] {
      for (bool served = false; !served;) {
        auto reply = cluster.run(model::TenantOperation(model::Get{"kv", "a", 0, true}), "t99");
        served = reply.ok();
        if (!served) refusals.insert(reply.error().code);
      }
    });
    EXPECT_TRUE(cluster.keep(model::Unseal{shares.at(0), {}}).ok());
    EXPECT_TRUE(cluster.keep(model::Unseal{shares.at(2), {}}).ok());
    client.join();
    refusals.erase(Code::sealed);
    refusals.erase(Code::unavailable);
    EXPECT_TRUE(refusals.empty());
  }
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

TEST(Keeper, ReplacesAClusterKeyByItselfBeforeItSealedTooMuch) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start([](NodeOptions& options) { options.keeper.max_cluster_seals = 30; }).ok());
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(cluster.put("t" + std::to_string(i), "a", "value").ok());
  const auto current = [&] {
    const auto keys = std::get<model::KeysReply>(cluster.keep(model::GetKeys{})->body).cluster_keys;
    return std::ranges::find_if(keys, [](const auto& key) { return key.current; })->version;
  };
  EXPECT_EQ(current(), 1U);
  for (int i = 0; i < 12; ++i) {
    auto deleted = cluster.direct(model::DeleteTenant{"t0", {}, false, 0});
    ASSERT_TRUE(deleted.ok()) << deleted.error().message();
    const auto id = std::get<model::TenantReply>(deleted->body).tenant.id;
    ASSERT_TRUE(cluster.direct(model::UndeleteTenant{id, ""}).ok());
  }
  EXPECT_TRUE(eventually([&] { return current() == 2; }));
  for (int i = 0; i < 8; ++i) EXPECT_EQ(cluster.get("t" + std::to_string(i), "a"), "value");
  EXPECT_TRUE(
      eventually([&] { return std::get<model::KeysReply>(cluster.keep(model::GetKeys{})->body).tenants_done >= 8; }));
  EXPECT_EQ(current(), 2U) << "sealing anew wears the new one less than that";
  ASSERT_TRUE(cluster.start().ok());
  EXPECT_EQ(cluster.get("t0", "a"), "value");
}

TEST(Keeper, WhatExpiresIsDeletedByItselfWhenItIsTimeAndWatchersHearOfIt) {
  Cluster cluster;
  ASSERT_TRUE(cluster.start().ok());
  model::Put put;
  put.space = "kv";
  put.name = "brief";
  put.payload = model::Payload::of_text("value");
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  put.expires_at = std::chrono::duration_cast<std::chrono::milliseconds>(now).count() + 3000;
  ASSERT_TRUE(cluster.run(model::TenantOperation(put), "t").ok());
  // It looks once, a second after its start, and knows from that when something is due.
  ASSERT_TRUE(cluster.start([](NodeOptions& options) { options.keeper.round = std::chrono::hours(1); }).ok());
  EXPECT_TRUE(eventually([&] {
    const auto reply = cluster.run(model::TenantOperation(model::Watch{{1, 1}, "", "", 0, 256}), "t");
    if (!reply) return false;
    const auto& changes = std::get<model::WatchReply>(reply->body).changes;
    return changes.size() == 2 && changes.back().type == model::ChangeType::del;
  }));
  EXPECT_EQ(cluster.get("t", "brief"), "NOT_FOUND");
}

}  // namespace
}  // namespace coffer::actors

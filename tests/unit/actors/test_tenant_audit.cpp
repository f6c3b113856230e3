// What a tenant's core tells the audit trail, and how a tenant changes that.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "actors/disk_watch.hpp"
#include "tests/unit/actors/core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// Keeps what it is told, and strict callers until they are let go.
class RecordingPort final : public model::AuditPort {
 public:
  struct Noted {
    std::string principal, action, space, name;
    Code code;
    std::string entry;
    std::uint64_t version;
    std::size_t items;
  };
  void record(const model::AuditEvent& event) noexcept override { all.push_back(noted(event)); }
  void record_strictly(const model::AuditEvent& event, void* context, void (*done)(void*, bool)) override {
    all.push_back(noted(event));
    waiting.emplace_back(context, done);
  }
  void refused(const model::AuditEvent& event) noexcept override { refusals.push_back(noted(event)); }
  void changed(const model::AuditedChange&) noexcept override {}
  void query(model::AuditQuery, std::function<void(model::Result<model::AuditPage>)>) override {}
  void verify(std::function<void(model::Result<model::AuditVerdict>)>) override {}

  static Noted noted(const model::AuditEvent& e) {
    return {std::string(e.principal),
            std::string(e.action),
            std::string(e.space),
            std::string(e.name),
            e.code,
            e.entry ? std::string(e.entry->data(), e.entry->size()) : std::string(),
            e.version,
            e.items ? e.items->size() : 0};
  }

  std::vector<Noted> all, refusals;
  std::vector<std::pair<void*, void (*)(void*, bool)>> waiting;
};

class TenantAuditTest : public ::testing::Test, protected CoreFixture {
 protected:
  TenantAuditTest() { deps.audit = &port; }
  store::v1::AuditRecord last_change() const {
    store::v1::WriteSet set;
    EXPECT_TRUE(set.ParseFromString(last_write_set));
    store::v1::AuditRecord record;
    EXPECT_TRUE(record.ParseFromString(set.audit()));
    return record;
  }
  RecordingPort port;
};

TEST_F(TenantAuditTest, AReadIsNotedWithItsSecretAndVersion) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "one")).ok());
  ASSERT_TRUE(run(*core, get("a")).ok());
  ASSERT_THAT(port.all, SizeIs(1)) << "the put is its write set's";
  EXPECT_EQ(port.all[0].action, "get");
  EXPECT_EQ(port.all[0].principal, "dev-root");
  EXPECT_EQ(port.all[0].version, 1U);
  EXPECT_EQ(port.all[0].entry, last_change().entry_hash()) << "reads and changes name a secret by one hash";
  EXPECT_EQ(port.all[0].name, "");
}

TEST_F(TenantAuditTest, AReadFromMemoryIsNotedTheSame) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "one")).ok());
  ASSERT_TRUE(run(*core, get("a")).ok());
  auto warm = call(get("a"));
  ASSERT_TRUE(core->get_from_memory(warm->request, warm->reply, &warm->audit));
  CallHandle(warm.get()).finish();
  ASSERT_THAT(port.all, SizeIs(2));
  EXPECT_EQ(port.all[1].entry, port.all[0].entry);
  EXPECT_EQ(port.all[1].principal, "dev-root");
  EXPECT_EQ(port.all[1].version, 1U);
  EXPECT_EQ(warm->completed, 1);
}

TEST_F(TenantAuditTest, ADenialOfAReadAndOfAChangeNamesWhoAndWhat) {
  auto core = open();
  model::CreateToken create;
  create.scopes = {{static_cast<std::uint32_t>(model::Capability::read), {"other"}, {"*"}}};
  const auto token = create_token(*core, create);
  port.all.clear();
  EXPECT_EQ(run_as(*core, credential_of(token), get("a")).error().code, Code::permission_denied);
  EXPECT_EQ(run_as(*core, credential_of(token), put("a", "x")).error().code, Code::permission_denied);
  ASSERT_THAT(port.all, SizeIs(2));
  for (const auto& noted : port.all) {
    EXPECT_EQ(noted.principal, "token:" + token.token.id);
    EXPECT_EQ(noted.code, Code::permission_denied);
    EXPECT_EQ(noted.entry.size(), 32U);
  }
  EXPECT_EQ(port.all[0].entry, port.all[1].entry);
}

TEST_F(TenantAuditTest, ACredentialThatDoesNotHoldIsCountedByWhomItClaimsToBe) {
  auto core = open();
  const auto token = create_token(*core, {});
  ASSERT_TRUE(run(*core, model::RevokeToken{token.token.id}).ok());
  port.all.clear();
  EXPECT_EQ(run_as(*core, credential_of(token), get("a")).error().code, Code::unauthenticated);
  EXPECT_THAT(port.all, IsEmpty());
  ASSERT_THAT(port.refusals, SizeIs(1));
  EXPECT_EQ(port.refusals[0].principal, "token:" + token.token.id);
}

TEST_F(TenantAuditTest, EachSecretOfABatchIsNoted) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "one")).ok());
  ASSERT_TRUE(run(*core, model::BatchGet{{get("a"), get("none")}}).ok());
  ASSERT_THAT(port.all, SizeIs(1));
  EXPECT_EQ(port.all[0].items, 2U);
  model::List list;
  list.space = "kv";
  list.with_payload = true;
  ASSERT_TRUE(run(*core, list).ok());
  EXPECT_EQ(port.all[1].items, 1U) << "a list that shows values has read them";
}

TEST_F(TenantAuditTest, EachSecretOfATransactionIsNamedInItsRecord) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "one")).ok());
  const std::string a = last_change().entry_hash();
  ASSERT_TRUE(run(*core, put("b", "one")).ok());
  const std::string b = last_change().entry_hash();
  model::Transact several;
  several.operations.emplace_back(put("b", "two"));
  several.operations.emplace_back(model::Check{"kv", "a", 1});
  ASSERT_TRUE(run(*core, several).ok());
  const auto record = last_change();
  EXPECT_EQ(record.entry_hash(), "") << "none stands for the others";
  ASSERT_EQ(record.operations_size(), 2);
  EXPECT_EQ(record.operations(0).action(), "put");
  EXPECT_EQ(record.operations(0).entry_hash(), b);
  EXPECT_EQ(record.operations(0).version(), 2U);
  EXPECT_EQ(record.operations(0).name(), "") << "names only on the tenant's wish";
  EXPECT_EQ(record.operations(1).action(), "check");
  EXPECT_EQ(record.operations(1).entry_hash(), a);
}

TEST_F(TenantAuditTest, ARefusedTransactionIsNotedByTheSecretThatRefusedIt) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("b", "one")).ok());
  const std::string b = last_change().entry_hash();
  model::Transact several;
  several.operations.emplace_back(put("a", "one"));
  several.operations.emplace_back(model::Check{"kv", "b", 7});
  ASSERT_EQ(run(*core, several).error().code, Code::cas_mismatch);
  ASSERT_THAT(port.all, SizeIs(1));
  EXPECT_EQ(port.all[0].entry, b);
}

TEST_F(TenantAuditTest, ATransactionOfATenantThatWantsNamesNamesEach) {
  auto core = open();
  ASSERT_TRUE(run(*core, model::SetAudit{std::nullopt, true}).ok());
  model::Transact several;
  several.operations.emplace_back(put("a", "one"));
  several.operations.emplace_back(put("b", "one"));
  ASSERT_TRUE(run(*core, several).ok());
  const auto record = last_change();
  ASSERT_EQ(record.operations_size(), 2);
  EXPECT_EQ(record.operations(0).space() + "/" + record.operations(0).name(), "kv/a");
  EXPECT_EQ(record.operations(1).space() + "/" + record.operations(1).name(), "kv/b");
}

TEST_F(TenantAuditTest, ASweepNamesEverySecretWhoseVersionsItDestroyed) {
  auto core = open();
  std::set<std::string> hashes;
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(run(*core, put(name, "one")).ok());
    hashes.insert(last_change().entry_hash());
    ASSERT_TRUE(run(*core, model::Delete{"kv", name}).ok());
  }
  now += deps.limits.recovery_window_ms + 1;
  ASSERT_TRUE(run(*core, model::TendTenant{model::Tending::sweep, 100}).ok());
  const auto record = last_change();
  ASSERT_EQ(record.operations_size(), 2);
  EXPECT_EQ(record.operations(0).action(), "sweep");
  EXPECT_EQ((std::set<std::string>{record.operations(0).entry_hash(), record.operations(1).entry_hash()}), hashes);
}

TEST_F(TenantAuditTest, AStrictTenantsAnswerWaitsForItsRecord) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "one")).ok());
  ASSERT_TRUE(run(*core, model::SetAudit{true, std::nullopt}).ok());
  auto read = call(get("a"));
  send(*core, *read);
  EXPECT_EQ(read->completed, 0);
  auto changed = call(put("a", "two"));
  send(*core, *changed);
  commit_all(*core);
  EXPECT_EQ(changed->completed, 0) << "committed, but its record is not on disk";
  ASSERT_THAT(port.waiting, SizeIs(2));
  port.waiting[0].second(port.waiting[0].first, true);
  EXPECT_EQ(read->completed, 1);
  EXPECT_TRUE(read->reply.ok());
  port.waiting[1].second(port.waiting[1].first, false);
  EXPECT_EQ(changed->completed, 1);
  EXPECT_EQ(changed->reply.error().code, Code::outcome_unknown) << "it was made, and nobody can say that it was noted";
  auto lost = call(get("a"));
  send(*core, *lost);
  port.waiting[2].second(port.waiting[2].first, false);
  EXPECT_EQ(lost->reply.error().code, Code::unavailable);
}

TEST_F(TenantAuditTest, NamesAreInRecordsOnlyOnTheTenantsWish) {
  auto core = open();
  ASSERT_TRUE(run(*core, put("a", "one")).ok());
  EXPECT_EQ(last_change().name(), "");
  ASSERT_TRUE(run(*core, model::SetAudit{std::nullopt, true}).ok());
  EXPECT_EQ(last_change().action(), "set_audit");
  ASSERT_TRUE(run(*core, put("b", "two")).ok());
  EXPECT_EQ(last_change().space(), "kv");
  EXPECT_EQ(last_change().name(), "b");
  ASSERT_TRUE(run(*core, get("b")).ok());
  EXPECT_EQ(port.all.back().name, "b");
  auto again = open();
  const auto settings = run(*again, model::GetAudit{"kv", "b"});
  ASSERT_TRUE(settings.ok());
  const auto& reply = std::get<model::AuditReply>(settings->body);
  EXPECT_TRUE(reply.settings.clear_names) << "it is a row of the tenant";
  EXPECT_FALSE(reply.settings.strict);
  EXPECT_EQ(reply.settings.changed_by, "dev-root");
  EXPECT_EQ(reply.entry_hash.size(), 32U);
}

TEST_F(TenantAuditTest, OnlyWhoAdministersTheTenantChangesHowItIsAudited) {
  auto core = open();
  model::CreateToken create;
  create.scopes = {{model::kAllCapabilities & ~static_cast<std::uint32_t>(model::Capability::admin), {"*"}, {"*"}}};
  const auto token = create_token(*core, create);
  EXPECT_EQ(run_as(*core, credential_of(token), model::SetAudit{true, std::nullopt}).error().code,
            Code::permission_denied);
  EXPECT_EQ(run_as(*core, credential_of(token), model::GetAudit{}).error().code, Code::permission_denied);
}

TEST_F(TenantAuditTest, ANodeThatIsLowOnDiskReadsAndDoesNotWrite) {
  std::atomic<bool> low{false}, full{false};
  deps.room = {&low, &full};
  auto core = open();
  for (const char* name : {"a", "gone", "last"}) ASSERT_TRUE(run(*core, put(name, "one")).ok());
  low = true;
  const auto refused = run(*core, put("a", "two"));
  EXPECT_EQ(refused.error().code, Code::unavailable);
  EXPECT_NE(refused.error().retry_after_s, 0U);
  EXPECT_TRUE(run(*core, get("a")).ok());
  EXPECT_TRUE(run(*core, model::Destroy{"kv", "gone"}).ok()) << "what makes room is let through";
  EXPECT_TRUE(run(*core, model::TendTenant{model::Tending::sweep, 10}).ok());
  full = true;
  EXPECT_EQ(run(*core, model::Destroy{"kv", "last"}).error().code, Code::unavailable);
  EXPECT_EQ(run(*core, model::TendTenant{model::Tending::sweep, 10}).error().code, Code::unavailable);
  low = full = false;
  EXPECT_TRUE(run(*core, put("a", "two")).ok());
}

TEST(DiskRule, TurnsReadOnlyBelowTheLimitAndComesBackWellAboveIt) {
  const DiskLimits limits{1000};
  EXPECT_FALSE(is_read_only(false, 1000, limits));
  EXPECT_TRUE(is_read_only(false, 999, limits));
  EXPECT_TRUE(is_read_only(true, 1249, limits));
  EXPECT_FALSE(is_read_only(true, 1250, limits));
  EXPECT_FALSE(is_read_only(false, 0, {0})) << "0 switches it off";
}

TEST(DiskWatchTest, LooksAgainAndAgain) {
  std::atomic<std::uint64_t> free{2000};
  std::atomic<int> said{0};
  DiskWatch watch(
      {1000}, [&] { return std::optional(free.load()); }, [&](std::string_view) { ++said; },
      std::chrono::milliseconds(1));
  const auto becomes = [&](bool wanted) {
    for (int i = 0; i < 5000 && watch.read_only() != wanted; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return watch.read_only() == wanted;
  };
  EXPECT_FALSE(watch.read_only());
  free = 10;
  EXPECT_TRUE(becomes(true));
  free = 5000;
  EXPECT_TRUE(becomes(false));
  EXPECT_EQ(said, 2) << "each turn is said once";
}

}  // namespace
}  // namespace coffer::actors

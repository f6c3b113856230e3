// A tenant's quota in its shard: changed by operators and in force from the next request on, rates of every path that
// answers, and entries and bytes refused before anything changes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::Limit;
using ::testing::HasSubstr;

class QuotaTest : public ::testing::Test, public CoreFixture {
 protected:
  QuotaTest() { deps.quota_refusals = &refusals; }

  model::QuotaReply set(std::vector<model::SetQuota::Change> changes, std::string id = {}) {
    auto reply = run(*core, model::SetQuota{std::move(changes)}, std::move(id));
    if (!reply) ADD_FAILURE() << reply.error().message();
    return reply ? std::get<model::QuotaReply>(reply->body) : model::QuotaReply{};
  }
  model::QuotaReply stored() { return std::get<model::QuotaReply>(run(*core, model::GetQuota{})->body); }
  Code code(model::TenantOperation operation) {
    const auto reply = run(*core, std::move(operation));
    return reply ? Code::ok : reply.error().code;
  }
  model::Delete del(std::string name) {
    model::Delete request;
    request.space = "kv";
    request.name = std::move(name);
    return request;
  }
  model::Destroy destroy(std::string name) { return {"kv", std::move(name), {}}; }
  std::uint64_t refused(Limit limit) { return refusals.by_limit[static_cast<std::size_t>(limit)]; }
  /// As an operator on the admin listener.
  model::Result<model::Reply> as_operator(model::TenantOperation operation) {
    model::Credential credential;
    credential.kind = model::CredentialKind::operator_;
    credential.door = model::Door::admin;
    return run_as(*core, credential, std::move(operation));
  }

  QuotaRefusals refusals;
  std::unique_ptr<TenantCore> core = open();
};

TEST_F(QuotaTest, IsKeptChangedAndInherited) {
  deps.quotas[Limit::entries] = 100;
  core = open();
  EXPECT_EQ(stored().limits[Limit::entries], 100U);
  auto reply = set({{Limit::entries, 5}, {Limit::reads, 7}});
  EXPECT_EQ(reply.own.version, 1U);
  EXPECT_EQ(reply.own.changed_by, "dev-root");
  EXPECT_EQ(reply.limits[Limit::entries], 5U);
  reply = set({{Limit::reads, 0}});
  EXPECT_EQ(reply.own[Limit::entries], 5U) << "what is not named stays";
  EXPECT_EQ(reply.own[Limit::reads], 0U);
  core = open();
  EXPECT_EQ(stored().own, reply.own);
  reply = set({{Limit::entries, std::nullopt}});
  EXPECT_EQ(reply.limits[Limit::entries], 100U);
  EXPECT_EQ(reply.own.version, 3U);
  EXPECT_EQ(set({{Limit::entries, std::nullopt}}).own.version, 3U) << "what changes nothing is no change";
}

TEST_F(QuotaTest, IsForOperatorsOnly) {
  model::CreateToken create;
  create.scopes = {{model::kAllCapabilities, {"*"}, {"*"}}};
  const auto credential = credential_of(create_token(*core, create));
  EXPECT_EQ(run_as(*core, credential, model::SetQuota{{{Limit::reads, 0}}}).error().code, Code::permission_denied);
  EXPECT_EQ(run_as(*core, credential, model::GetQuota{}).error().code, Code::permission_denied);
  EXPECT_TRUE(as_operator(model::SetQuota{{{Limit::reads, 1}}}).ok());
}

TEST_F(QuotaTest, IsSetOnceForOneRequestIdAndAudited) {
  set({{Limit::entries, 5}}, "id-1");
  store::v1::WriteSet written;
  ASSERT_TRUE(written.ParseFromString(last_write_set));
  store::v1::AuditRecord audit;
  ASSERT_TRUE(audit.ParseFromString(written.audit()));
  EXPECT_EQ(audit.action(), "set_quota");
  EXPECT_EQ(last_write_set.find("entries"), std::string::npos);
  set({{Limit::entries, 6}});
  const auto again = set({{Limit::entries, 5}}, "id-1");
  EXPECT_EQ(again.own.version, 1U);
  EXPECT_EQ(stored().own[Limit::entries], 6U);
}

TEST_F(QuotaTest, TakesEffectWithItsCommitAndNotBefore) {
  auto change = call(model::SetQuota{{{Limit::entries, 1}}});
  send(*core, *change);
  auto first = call(put("a", "1"));
  auto second = call(put("b", "1"));
  send(*core, *first);
  send(*core, *second);
  commit_all(*core);
  EXPECT_TRUE(second->reply.ok()) << "it was decided before the limit was in force";
  EXPECT_EQ(code(put("c", "1")), Code::quota_exceeded);
}

TEST_F(QuotaTest, RefusesAnEntryTooManyAndChangesNothing) {
  set({{Limit::entries, 2}});
  EXPECT_EQ(code(put("a", "1")), Code::ok);
  EXPECT_EQ(code(put("b", "1")), Code::ok);
  const auto before = stored();
  const auto reply = run(*core, put("c", "1"));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, Code::quota_exceeded);
  EXPECT_THAT(reply.error().detail, HasSubstr("entries = 2"));
  EXPECT_EQ(reply.error().retry_after_s, 0U);
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(refused(Limit::entries), 1U);
  EXPECT_EQ(stored().entries, before.entries);
  EXPECT_EQ(code(get("c")), Code::entry_not_found);
  EXPECT_EQ(code(put("a", "2")), Code::ok) << "another version is no other entry";
}

TEST_F(QuotaTest, CountsWhatCanBeRead) {
  set({{Limit::entries, 1}});
  EXPECT_EQ(code(put("a", "1")), Code::ok);
  EXPECT_EQ(code(del("a")), Code::ok);
  EXPECT_EQ(stored().entries, 0U);
  EXPECT_EQ(code(put("b", "1")), Code::ok) << "what is deleted makes room";
  EXPECT_EQ(code(model::Undelete{"kv", "a", {}}), Code::quota_exceeded);
  EXPECT_EQ(code(destroy("b")), Code::ok);
  EXPECT_EQ(code(model::Undelete{"kv", "a", {}}), Code::ok);
  EXPECT_EQ(stored().entries, 1U);
  // An older version that can still be read holds the place.
  EXPECT_EQ(code(put("a", "2")), Code::ok);
  model::Delete newest = del("a");
  newest.versions = {2};
  EXPECT_EQ(code(newest), Code::ok);
  EXPECT_EQ(stored().entries, 1U);
}

TEST_F(QuotaTest, CountsPendingWrites) {
  set({{Limit::entries, 1}});
  auto first = call(put("a", "1"));
  auto second = call(put("b", "1"));
  send(*core, *first);
  send(*core, *second);
  EXPECT_EQ(second->completed, 0) << "the first one may be lost yet";
  commit_all(*core);
  EXPECT_TRUE(first->reply.ok());
  EXPECT_EQ(second->reply.error().code, Code::quota_exceeded);
}

TEST_F(QuotaTest, RefusesBytesButNeverToShrink) {
  EXPECT_EQ(code(put("a", std::string(80, 'x'))), Code::ok);
  EXPECT_EQ(code(put("b", std::string(80, 'x'))), Code::ok);
  set({{Limit::bytes, 100}});
  EXPECT_EQ(stored().bytes, 160U);
  EXPECT_EQ(code(put("a", "x")), Code::quota_exceeded);
  EXPECT_EQ(code(del("b")), Code::ok);
  EXPECT_EQ(stored().bytes, 160U) << "what can be undeleted is still there";
  EXPECT_EQ(code(destroy("b")), Code::ok);
  EXPECT_EQ(stored().bytes, 80U);
  EXPECT_EQ(code(put("a", std::string(20, 'x'))), Code::ok);
  EXPECT_EQ(code(put("a", "x")), Code::quota_exceeded);
  EXPECT_EQ(refused(Limit::bytes), 2U);
}

TEST_F(QuotaTest, TakesATransactionAsAWhole) {
  set({{Limit::entries, 2}});
  EXPECT_EQ(code(put("a", "1")), Code::ok);
  model::Transact two;
  two.operations = {put("b", "1"), put("c", "1")};
  EXPECT_EQ(code(two), Code::quota_exceeded);
  EXPECT_EQ(code(get("b")), Code::entry_not_found) << "none of it happened";
  model::Transact swap;
  swap.operations = {put("b", "1"), put("c", "1"), del("a")};
  EXPECT_EQ(code(swap), Code::ok) << "it holds no more than the limit in the end";
}

TEST_F(QuotaTest, RefusesRequestsOverTheirRate) {
  EXPECT_EQ(code(put("a", "1")), Code::ok);
  set({{Limit::reads, 2}, {Limit::lists, 1}});
  EXPECT_EQ(code(get("a")), Code::ok);
  EXPECT_EQ(code(get("a")), Code::ok);
  const auto reply = run(*core, get("a"));
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, Code::quota_exceeded);
  EXPECT_EQ(reply.error().retry_after_s, 1U);
  EXPECT_EQ(refused(Limit::reads), 1U);
  EXPECT_EQ(code(put("a", "2")), Code::ok) << "other classes have rates of their own";
  model::List list;
  list.space = "kv";
  EXPECT_EQ(code(list), Code::ok);
  EXPECT_EQ(code(list), Code::quota_exceeded);
  now += 500;
  EXPECT_EQ(code(get("a")), Code::ok);
  EXPECT_EQ(code(get("a")), Code::quota_exceeded);
}

TEST_F(QuotaTest, CountsABatchByItsItems) {
  set({{Limit::reads, 1}, {Limit::read_burst, 5}});
  model::BatchGet batch;
  batch.items = {get("a"), get("b"), get("c"), get("d")};
  EXPECT_EQ(code(batch), Code::ok);
  EXPECT_EQ(code(get("a")), Code::entry_not_found);
  EXPECT_EQ(code(get("a")), Code::quota_exceeded);
}

TEST_F(QuotaTest, CountsAGetFromMemoryOnceAndRefusesItThere) {
  EXPECT_EQ(code(put("a", "1")), Code::ok);
  EXPECT_EQ(code(get("a")), Code::ok);  // now it is in memory
  set({{Limit::reads, 3}});
  const auto cold = call(get("cold"));
  EXPECT_FALSE(core->get_from_memory(cold->request, cold->reply)) << "it is counted when it is answered";
  const auto warm = call(get("a"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(core->get_from_memory(warm->request, warm->reply));
    EXPECT_TRUE(warm->reply.ok()) << i;
  }
  ASSERT_TRUE(core->get_from_memory(warm->request, warm->reply));
  EXPECT_EQ(warm->reply.error().code, Code::quota_exceeded);
}

TEST_F(QuotaTest, CountsNobodyWhoWasNotLetIn) {
  set({{Limit::reads, 1}});
  model::Credential unknown;
  unknown.kind = model::CredentialKind::token;
  unknown.token_hash = std::string(32, 'u');
  unknown.tenant = tenant;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run_as(*core, unknown, get("a")).error().code, Code::unauthenticated);
  EXPECT_EQ(code(get("a")), Code::entry_not_found);
}

TEST_F(QuotaTest, NeverKeepsAnOperatorOut) {
  set({{Limit::others, 1}});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(as_operator(model::GetQuota{}).ok()) << i;
  EXPECT_TRUE(as_operator(model::SetQuota{{{Limit::others, 0}}}).ok());
}

TEST_F(QuotaTest, TheBoardShowsWhatTenantsAtWorkHoldAndMayHold) {
  QuotaBoard board;
  deps.quota_board = &board;
  core = open();
  EXPECT_EQ(board.totals().entries.used, 0U);
  EXPECT_EQ(board.totals().entries.limited, 0U);
  EXPECT_EQ(code(put("a", "12345")), Code::ok);
  EXPECT_EQ(code(put("b", "12345")), Code::ok);
  set({{Limit::entries, 8}});
  auto totals = board.totals();
  EXPECT_EQ(totals.entries.used, 2U);
  EXPECT_EQ(totals.entries.limit, 8U);
  EXPECT_EQ(totals.entries.limited, 1U);
  EXPECT_EQ(totals.entries.limited_used, 2U);
  EXPECT_DOUBLE_EQ(totals.entries.fullest, 0.25);
  EXPECT_EQ(totals.bytes.used, stored().bytes);
  EXPECT_GT(totals.bytes.used, 0U);
  EXPECT_EQ(totals.bytes.limit, 0U) << "no limit";
  const auto use = board.use_of(tenant);
  ASSERT_TRUE(use);
  EXPECT_EQ(use->entries, 2U);
  EXPECT_EQ(use->limits[Limit::entries], 8U);
  core = open();
  EXPECT_EQ(board.totals().entries.used, 2U) << "read when the shard begins, once";
  EXPECT_EQ(board.totals().entries.limit, 8U);
  core.reset();
  EXPECT_EQ(board.totals().entries.used, 0U) << "what does not run is not counted";
  EXPECT_FALSE(board.use_of(tenant));
}

}  // namespace
}  // namespace coffer::actors

// What a tenant promises its callers: committed reads, pipelined writes, safe retries, sealed rows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using ::testing::HasSubstr;
using ::testing::Not;

class TenantCoreTest : public ::testing::Test, public CoreFixture {
 protected:
  std::unique_ptr<TenantCore> core = open();
};

TEST_F(TenantCoreTest, AWriteIsAnsweredOnlyAfterItsCommit) {
  auto write = call(put("a", "1"));
  send(*core, *write);
  EXPECT_EQ(write->completed, 0);
  commit(*core);
  ASSERT_EQ(write->completed, 1);
  ASSERT_TRUE(write->reply.ok());
  EXPECT_EQ(entry_of(write->reply).version, 1U);
}

TEST_F(TenantCoreTest, AReaderNeverSeesAnUncommittedValue) {
  ASSERT_TRUE(run(*core, put("a", "old")).ok());
  auto write = call(put("a", "new"));
  send(*core, *write);
  auto read = call(get("a"));
  send(*core, *read);
  ASSERT_TRUE(read->reply.ok());
  EXPECT_EQ(entry_of(read->reply).payload->content.expose(), "old");
  EXPECT_EQ(entry_of(read->reply).version, 1U);
  commit(*core);
  EXPECT_EQ(entry_of(run(*core, get("a"))).payload->content.expose(), "new");
}

TEST_F(TenantCoreTest, AReaderFindsNothingOfAFirstWriteThatIsNotCommitted) {
  auto write = call(put("a", "new"));
  send(*core, *write);
  auto read = call(get("a"));
  send(*core, *read);
  EXPECT_EQ(read->reply.error().code, Code::entry_not_found);
}

TEST_F(TenantCoreTest, ALaterWriteSeesThePendingEffectOfAnEarlierOne) {
  auto first = call(put("a", "1", 0));
  auto second = call(put("a", "2", 1));
  auto third = call(put("a", "3", 1));
  send(*core, *first);
  send(*core, *second);
  send(*core, *third);
  commit_all(*core);
  EXPECT_EQ(third->reply.error().code, Code::cas_mismatch) << "decided against the pending version 2";
  EXPECT_EQ(entry_of(first->reply).version, 1U);
  EXPECT_EQ(entry_of(second->reply).version, 2U);
}

TEST_F(TenantCoreTest, ARefusalThatRestsOnAPendingWriteIsAnsweredWithItsCommit) {
  auto first = call(put("a", "1", 0));
  auto second = call(put("a", "2", 0));
  auto missing = call(model::Delete{"kv", "b", {}, {}, {}, true});
  for (auto* c : {first.get(), second.get(), missing.get()}) send(*core, *c);
  EXPECT_EQ(second->completed, 0) << "version 1 may be lost yet, and the condition would have held";
  EXPECT_EQ(missing->completed, 0);
  commit_all(*core);
  EXPECT_EQ(second->reply.error().code, Code::cas_mismatch);
  ASSERT_TRUE(missing->reply.ok());
  EXPECT_EQ(missing->reply->revision.counter, 1U);
}

TEST_F(TenantCoreTest, ARefusalWhosePendingWriteIsLostIsNoAnswer) {
  auto first = call(put("a", "1", 0));
  auto second = call(put("a", "2", 0));
  send(*core, *first);
  send(*core, *second);
  core->refused(0, model::Error(Code::outcome_unknown));
  EXPECT_EQ(first->reply.error().code, Code::outcome_unknown);
  EXPECT_EQ(second->reply.error().code, Code::unavailable) << "it changed nothing and may be tried again";
}

TEST_F(TenantCoreTest, ACommittedValueIsReadBeforeTheStateHoldsIt) {
  auto write = call(put("a", "1"));
  send(*core, *write);
  commit(*core, /*apply=*/false);
  EXPECT_EQ(entry_of(run(*core, get("a"))).payload->content.expose(), "1");
}

TEST_F(TenantCoreTest, ATenantOpensAgainWithEverythingThatWasApplied) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  ASSERT_TRUE(run(*core, put("a", "2")).ok());
  core = open();
  EXPECT_EQ(entry_of(run(*core, get("a"))).payload->content.expose(), "2");
  EXPECT_EQ(entry_of(run(*core, get("a", 1))).payload->content.expose(), "1");
  auto reply = run(*core, put("b", "3"));
  EXPECT_EQ(reply->revision.counter, 3U) << "revisions go on";
}

TEST_F(TenantCoreTest, ARetriedRequestIsAnsweredFromItsFirstOutcomeAndNotAppliedTwice) {
  auto first = run(*core, put("a", "1"), "id-1");
  auto again = run(*core, put("a", "1"), "id-1");
  EXPECT_EQ(entry_of(again).version, 1U);
  EXPECT_EQ(again->revision, first->revision);
  core = open();
  EXPECT_EQ(entry_of(run(*core, put("a", "1"), "id-1")).version, 1U) << "also after a restart";
  EXPECT_EQ(entry_of(run(*core, put("a", "1"), "id-2")).version, 2U);
}

TEST_F(TenantCoreTest, ARetryThatComesBeforeTheCommitWaitsForIt) {
  auto first = call(put("a", "1"), "id-1");
  auto again = call(put("a", "1"), "id-1");
  send(*core, *first);
  send(*core, *again);
  EXPECT_EQ(log.size(), 1U);
  EXPECT_EQ(again->completed, 0);
  commit_all(*core);
  ASSERT_TRUE(again->reply.ok());
  EXPECT_EQ(entry_of(again->reply).version, 1U);
}

TEST_F(TenantCoreTest, TheSameRequestIdWithAnotherBodyIsRefused) {
  ASSERT_TRUE(run(*core, put("a", "1"), "id-1").ok());
  EXPECT_EQ(run(*core, put("a", "2"), "id-1").error().code, Code::request_id_reused);
  EXPECT_EQ(entry_of(run(*core, get("a"))).payload->content.expose(), "1");
}

TEST_F(TenantCoreTest, ForTheFirstTryOfAnIdThatTheNodeMadeNoStoredAnswerIsLookedFor) {
  ASSERT_TRUE(run(*core, put("a", "1"), "id-1").ok());
  auto first = call(put("a", "1"), "id-1");  // nobody makes an id twice; if he did, nobody would look
  first->first_try = true;
  send(*core, *first);
  commit_all(*core);
  EXPECT_EQ(entry_of(first->reply).version, 2U);
  EXPECT_EQ(entry_of(run(*core, put("a", "1"), "id-1")).version, 2U) << "its own answer is stored for the next try";
}

TEST_F(TenantCoreTest, ARetriedDeleteThatFoundNothingDoesNotDeleteWhatCameLater) {
  model::Delete nothing{"kv", "a", {}, {}, {}, true};
  ASSERT_EQ(std::get<model::DeleteReply>(run(*core, nothing, "id-1")->body).count, 0U);
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  EXPECT_EQ(std::get<model::DeleteReply>(run(*core, nothing, "id-1")->body).count, 0U);
  EXPECT_TRUE(run(*core, get("a")).ok());
}

TEST_F(TenantCoreTest, RequestIdsAreTrimmedOnlyWhenThereAreEnoughAndTheyAreOldEnough) {
  deps.kept_requests = 4;
  deps.kept_requests_ms = 1000;
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(run(*core, put("a", "x"), "id-" + std::to_string(i)).ok());
  EXPECT_EQ(entry_of(run(*core, put("a", "x"), "id-0")).version, 1U) << "young ones stay, however many";
  now += 2000;
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(run(*core, put("b", "x"), "new-" + std::to_string(i)).ok());
  EXPECT_EQ(entry_of(run(*core, put("a", "x"), "id-0")).version, 9U) << "the old one was forgotten and applied anew";
}

TEST_F(TenantCoreTest, ARefusedWriteSetEndsEveryWaitingWrite) {
  auto first = call(put("a", "1"));
  auto second = call(put("a", "2"));
  auto third = call(put("a", "3"));
  for (auto* c : {first.get(), second.get(), third.get()}) send(*core, *c);
  core->refused(2, model::Error(Code::unavailable));
  EXPECT_EQ(first->reply.error().code, Code::outcome_unknown) << "it may still commit";
  EXPECT_EQ(second->reply.error().code, Code::unavailable);
  EXPECT_EQ(third->reply.error().code, Code::unavailable);
}

TEST_F(TenantCoreTest, WritesBeyondTheBoundAreRefusedBeforeTheyAreDecided) {
  deps.max_pending_writes = 2;
  auto first = call(put("a", "1")), second = call(put("b", "1")), third = call(put("c", "1"));
  for (auto* c : {first.get(), second.get(), third.get()}) send(*core, *c);
  EXPECT_EQ(third->reply.error().code, Code::overloaded);
  commit_all(*core);
  EXPECT_EQ(run(*core, get("c")).error().code, Code::entry_not_found);
}

TEST_F(TenantCoreTest, WhatIsRefusedChangesNothing) {
  auto long_name = put(std::string(600, 'n'), "1");
  EXPECT_EQ(run(*core, long_name).error().category(), model::Category::invalid_argument);
  EXPECT_EQ(run(*core, put("a", "1", 5)).error().code, Code::cas_mismatch);
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(index, 0U);
}

TEST_F(TenantCoreTest, AllRowsOfAWriteSetAreSealedAndCarryNoName) {
  model::Put request = put("the-name", "the-value");
  request.tags = std::map<std::string, std::string>{{"the-tag", "tag-value"}};
  request.description = "the-description";
  ASSERT_TRUE(run(*core, request, "the-request").ok());
  for (const char* text : {"the-name", "the-value", "the-tag", "tag-value", "the-description"}) {
    EXPECT_THAT(last_write_set, Not(HasSubstr(text)));
  }
}

TEST_F(TenantCoreTest, ARowMovedToAnotherTenantDoesNotOpen) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  store::v1::WriteSet set;
  ASSERT_TRUE(set.ParseFromString(last_write_set));
  const model::TenantId mine = tenant;
  tenant.bytes.fill(9);
  auto other = open();
  ASSERT_TRUE(run(*other, put("a", "x")).ok());
  // The disk swaps every row but the header of the first tenant under the second one.
  set.set_tenant(std::string(tenant.view()));
  apply_write_set(model::GroupId{1}, set.SerializeAsString());
  auto opened = TenantCore::open(deps, {tenant, model::GroupId{1}, model::Generation{1}, 1, {}});
  ASSERT_FALSE(opened.ok());
  tenant = mine;
}

TEST_F(TenantCoreTest, ADamagedPayloadIsDataLossAndNotAWrongValue) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  store::v1::WriteSet set;
  ASSERT_TRUE(set.ParseFromString(last_write_set));
  for (auto& row : *set.mutable_puts()) {
    if (row.key()[0] == 'v') row.mutable_value()->back() ^= 1;
  }
  apply_write_set(model::GroupId{1}, set.SerializeAsString());
  core = open();
  EXPECT_EQ(run(*core, get("a")).error().code, Code::data_loss);
}

TEST_F(TenantCoreTest, ALostHeaderOrKeyRowIsFoundWhenTheTenantOpens) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  storage::StateWriter writer(*engine);
  writer.apply(model::GroupId{1}, model::Generation{1}, tenant, {{storage::kKeysRow, std::nullopt}});
  ASSERT_TRUE(writer.write().ok());
  auto opened = TenantCore::open(deps, {tenant, model::GroupId{1}, model::Generation{1}, 1, {}});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::data_loss);
}

TEST_F(TenantCoreTest, NothingUnexpiresWhenTheClockStepsBack) {
  model::Put request = put("a", "1");
  request.expires_at = now + 1000;
  ASSERT_TRUE(run(*core, request).ok());
  now += 2000;
  ASSERT_TRUE(run(*core, put("b", "1")).ok()) << "commits the later time";
  now -= 2000;
  EXPECT_EQ(run(*core, get("a")).error().code, Code::entry_not_found);
  core = open();
  EXPECT_EQ(run(*core, get("a")).error().code, Code::entry_not_found) << "also after a restart";
}

TEST_F(TenantCoreTest, TransactAppliesAllOrNothingAndNamesTheOperationThatFailed) {
  model::Transact good;
  good.operations.emplace_back(put("a", "1", 0));
  good.operations.emplace_back(put("b", "1"));
  auto reply = run(*core, good);
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  EXPECT_THAT(std::get<model::TransactReply>(reply->body).versions, ::testing::ElementsAre(1U, 1U));

  model::Transact bad;
  bad.operations.emplace_back(put("c", "1"));
  bad.operations.emplace_back(model::Check{"kv", "a", 7});
  auto refused = run(*core, bad);
  EXPECT_EQ(refused.error().code, Code::cas_mismatch);
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("operations[1]: "));
  EXPECT_EQ(run(*core, get("c")).error().code, Code::entry_not_found);
}

TEST_F(TenantCoreTest, ABatchAnswersWhatFitsAndSaysWhyTheRestIsMissing) {
  deps.max_batch_bytes = 10;
  ASSERT_TRUE(run(*core, put("a", "0123456789abcdef")).ok());
  auto reply = run(*core, model::BatchGet{{get("a"), get("missing"), get("a")}});
  const auto& results = std::get<model::BatchGetReply>(reply->body).results;
  ASSERT_EQ(results.size(), 3U);
  EXPECT_TRUE(results[0].ok());
  EXPECT_EQ(results[1].error().code, Code::too_large);
  EXPECT_EQ(results[2].error().code, Code::too_large);
}

TEST_F(TenantCoreTest, ABatchRefusesABadNameByItselfAndAnswersTheOthers) {
  ASSERT_TRUE(run(*core, put("a", "x")).ok());
  auto no_space = get("a");
  no_space.space.clear();
  auto reply = run(*core, model::BatchGet{{get("a"), get(std::string(513, 'x')), no_space, get("a")}});
  ASSERT_TRUE(reply.ok());
  const auto& results = std::get<model::BatchGetReply>(reply->body).results;
  ASSERT_EQ(results.size(), 4U);
  EXPECT_TRUE(results[0].ok());
  EXPECT_THAT(std::string(results[1].error().message()), ::testing::StartsWith("name: 513 bytes"));
  EXPECT_EQ(results[2].error().code, Code::invalid_argument);
  EXPECT_TRUE(results[3].ok());
}

TEST_F(TenantCoreTest, AChangeRowIsKeptForEachWriteSetUpToTheBound) {
  deps.kept_changes = 3;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(run(*core, put("a", "x")).ok());
  storage::TenantRows rows(*engine, model::GroupId{1}, model::Generation{1}, tenant);
  std::vector<std::uint64_t> revisions;
  for (auto scan = rows.scan("c", "d"); scan->valid(); scan->next()) {
    revisions.push_back(storage::read_be64(rows.row_of(scan->key()).substr(1)));
  }
  EXPECT_THAT(revisions, ::testing::ElementsAre(8U, 9U, 10U));
}

TEST_F(TenantCoreTest, AListShowsCommittedEntriesInOrderAndPages) {
  for (const char* name : {"b", "a", "c", "ab"}) ASSERT_TRUE(run(*core, put(name, "x")).ok());
  auto pending = call(put("aa", "x"));
  send(*core, *pending);
  model::List list;
  list.space = "kv";
  list.limit = 3;
  auto read = call(list);
  send(*core, *read);
  const auto names = [](const model::Result<model::Reply>& reply) {
    std::vector<std::string> out;
    for (const auto& entry : std::get<model::ListReply>(reply->body).entries) out.push_back(entry.entry.name);
    return out;
  };
  EXPECT_THAT(names(read->reply), ::testing::ElementsAre("a", "ab", "b"));
  EXPECT_TRUE(std::get<model::ListReply>(read->reply->body).more);
  list.after = "b";
  EXPECT_THAT(names(run(*core, list)), ::testing::ElementsAre("c"));
  list.after.clear();
  list.prefix = "a";
  EXPECT_THAT(names(run(*core, list)), ::testing::ElementsAre("a", "aa", "ab"));
  core->shrink();
  EXPECT_THAT(names(run(*core, list)), ::testing::ElementsAre("a", "aa", "ab")) << "the index is built again";
}

TEST_F(TenantCoreTest, ListsThatWaitAreBoundedAndKeepTheirDeadlines) {
  deps.max_waiting_lists = 2;
  model::List list;
  list.space = "kv";
  std::vector<Submission> out;
  std::vector<std::shared_ptr<TestCall>> lists;
  for (int i = 0; i < 3; ++i) {
    lists.push_back(call(list));
    lists.back()->request.info.deadline = now + (i == 0 ? 10 : 10'000);
    core->handle(CallHandle(lists.back().get()), out);
  }
  EXPECT_EQ(lists[2]->reply.error().code, Code::overloaded);
  now += 100;
  while (core->has_work()) core->work();
  EXPECT_EQ(lists[0]->reply.error().code, Code::deadline_exceeded);
  EXPECT_TRUE(lists[1]->reply.ok());
}

TEST_F(TenantCoreTest, RetriesThatWaitForOneWriteAreBounded) {
  deps.max_waiting_retries = 1;
  auto first = call(put("a", "1"), "id"), second = call(put("a", "1"), "id"), third = call(put("a", "1"), "id");
  for (auto* c : {first.get(), second.get(), third.get()}) send(*core, *c);
  EXPECT_EQ(third->reply.error().code, Code::overloaded);
  commit_all(*core);
  EXPECT_TRUE(second->reply.ok());
}

TEST_F(TenantCoreTest, AnIndexBuiltWhileWritesCommitMissesNone) {
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(run(*core, put("n" + std::to_string(i), "x")).ok());
  core = open();
  model::List list;
  list.space = "kv";
  list.limit = 0;
  auto read = call(list);
  std::vector<Submission> out;
  core->handle(CallHandle(read.get()), out);
  core->work();  // the first slice; the scan is a snapshot from before the next write
  auto write = call(put("zz", "x"));
  core->handle(CallHandle(write.get()), out);
  apply_write_set(model::GroupId{1}, *out.front().write_set);
  ++index;
  core->committed(out.front().sequence, model::Index{index}, model::Index{index});
  while (core->has_work()) core->work();
  ASSERT_TRUE(read->reply.ok());
  EXPECT_EQ(std::get<model::ListReply>(read->reply->body).entries.size(), 2001U);
}

class TokenTest : public TenantCoreTest {
 protected:
  model::TokenReply create(std::uint32_t capabilities, std::string space, std::string name, model::TimeMs expires = 0) {
    model::CreateToken request;
    request.scopes = {{capabilities, {std::move(space)}, {std::move(name)}}};
    request.expires_at = expires;
    return create_token(*core, request);
  }
  model::Result<model::Reply> run_as(const model::Credential& credential, model::TenantOperation operation) {
    return CoreFixture::run_as(*core, credential, std::move(operation));
  }
};

constexpr std::uint32_t kReadValue = static_cast<std::uint32_t>(model::Capability::read_value);

TEST_F(TokenTest, ATokenMayDoWhatItsScopesSayAndNothingElse) {
  ASSERT_TRUE(run(*core, put("app/db", "1")).ok());
  ASSERT_TRUE(run(*core, put("other", "1")).ok());
  const auto credential = credential_of(create(kReadValue, "kv", "app/*"));
  EXPECT_TRUE(run_as(credential, get("app/db")).ok());
  EXPECT_EQ(run_as(credential, get("other")).error().code, Code::permission_denied);
  EXPECT_EQ(run_as(credential, get("missing")).error().code, Code::permission_denied) << "the same as for what exists";
  EXPECT_EQ(run_as(credential, put("app/db", "2")).error().code, Code::permission_denied);
  EXPECT_EQ(run_as(credential, model::CreateToken{}).error().code, Code::permission_denied);
  model::CreateToken more;
  more.scopes = {{model::kAllCapabilities, {"*"}, {"*"}}};
  EXPECT_EQ(run_as(credential, more).error().code, Code::permission_denied);
}

TEST_F(TokenTest, ARevokedTokenIsRefusedOnTheNextRequest) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  const auto token = create(kReadValue, "*", "*");
  const auto credential = credential_of(token);
  ASSERT_TRUE(run_as(credential, get("a")).ok());
  ASSERT_TRUE(run(*core, model::RevokeToken{token.token.id}).ok());
  EXPECT_EQ(run_as(credential, get("a")).error().code, Code::unauthenticated);
  core = open();
  EXPECT_EQ(run_as(credential, get("a")).error().code, Code::unauthenticated);
}

TEST_F(TokenTest, AnExpiredTokenIsRefused) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  const auto credential = credential_of(create(kReadValue, "*", "*", now + 500));
  ASSERT_TRUE(run_as(credential, get("a")).ok());
  now += 501;
  EXPECT_EQ(run_as(credential, get("a")).error().code, Code::unauthenticated);
}

TEST_F(TokenTest, ATokenThatWasNeverIssuedIsRefusedThoughItsMacIsRight) {
  const auto minted = crypto::mint_token(ring, tenant, random);
  model::Credential credential;
  credential.kind = model::CredentialKind::token;
  credential.tenant = tenant;
  credential.token_hash = minted.id_hash;
  EXPECT_EQ(run_as(credential, get("a")).error().code, Code::unauthenticated);
}

TEST_F(TokenTest, ATokenOfAnotherTenantIsRefused) {
  auto credential = credential_of(create(kReadValue, "*", "*"));
  credential.tenant.bytes.fill(1);
  EXPECT_EQ(run_as(credential, get("a")).error().code, Code::permission_denied);
}

TEST_F(TokenTest, OnlyAHashOfATokenIsStored) {
  const auto token = create(kReadValue, "*", "*");
  EXPECT_THAT(last_write_set, Not(HasSubstr(std::string(token.secret.expose()))));
  auto tokens = run(*core, model::ListTokens{});
  EXPECT_EQ(std::get<model::TokensReply>(tokens->body).tokens.size(), 1U);
  EXPECT_EQ(std::get<model::TokensReply>(tokens->body).tokens[0], token.token);
}

TEST_F(TokenTest, AListLeavesOutWhatTheTokenMayNotSee) {
  for (const char* name : {"app/a", "app/b", "secret"}) ASSERT_TRUE(run(*core, put(name, "x")).ok());
  const auto credential = credential_of(create(static_cast<std::uint32_t>(model::Capability::list), "kv", "app/*"));
  model::List list;
  list.space = "kv";
  auto reply = run_as(credential, list);
  EXPECT_EQ(std::get<model::ListReply>(reply->body).entries.size(), 2U);
  list.with_payload = true;
  EXPECT_TRUE(std::get<model::ListReply>(run_as(credential, list)->body).entries.empty()) << "values need read-value";
}

}  // namespace
}  // namespace coffer::actors

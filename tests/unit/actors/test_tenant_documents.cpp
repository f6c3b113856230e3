// Documents in one tenant: unique values, references, restrictions of tokens, groups, queries in slices and while the
// tenant is written to. See actors/tenant_documents.cpp; rules that two doors or generations share are in
// test_tenant_document_rules.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/actors/documents_fixture.hpp"

namespace coffer::actors {
namespace {

using namespace documents_test;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(Documents, ANameIsTakenOnceAndFreeAgainAfterARenameOrAnEnd) {
  ASSERT_TRUE(ask(create("s-1", "n")).ok());
  auto twice = ask(create("s-2", "n"));
  EXPECT_EQ(code(twice), Code::entry_exists);
  EXPECT_EQ(twice.error().detail, "name");
  EXPECT_EQ(code(ask(read("s-2"))), Code::entry_not_found) << "nothing was stored";
  ASSERT_TRUE(ask(update("s-1", {{"name", "m"}})).ok());
  ASSERT_TRUE(ask(create("s-2", "n")).ok());
  EXPECT_EQ(code(ask(update("s-2", {{"name", "m"}}))), Code::entry_exists);
  ASSERT_TRUE(ask(destroy("s-1")).ok());
  EXPECT_TRUE(ask(update("s-2", {{"name", "m"}})).ok());
}

TEST_F(Documents, ANameIsTakenWhileItsWriteIsStillPending) {
  auto first = call(create("s-1", "n")), second = call(create("s-2", "n"));
  send(*core, *first);
  send(*core, *second);
  commit_all(*core);
  EXPECT_TRUE(first->reply.ok());
  EXPECT_EQ(code(second->reply), Code::entry_exists);
}

TEST_F(Documents, NamesStayTakenOverARestart) {
  ASSERT_TRUE(ask(create("s-1", "n")).ok());
  core = open();
  EXPECT_EQ(code(ask(create("s-2", "n"))), Code::entry_exists);
  ASSERT_TRUE(ask(destroy("s-1")).ok());
  core = open();
  EXPECT_TRUE(ask(create("s-2", "n")).ok());
}

TEST_F(Documents, ADocumentOfTheOtherGenerationNeitherTakesNorFreesAName) {
  auto unclaimed = create("s-2", "n");
  unclaimed.unique.clear();
  ASSERT_TRUE(ask(create("s-1", "n")).ok());
  ASSERT_TRUE(ask(unclaimed).ok());
  ASSERT_TRUE(ask(destroy("s-2")).ok());
  EXPECT_EQ(code(ask(create("s-3", "n"))), Code::entry_exists) << "it is still that of s-1";
}

TEST_F(Documents, WhatOthersReferToCannotBeDestroyed) {
  ASSERT_TRUE(ask(trusted(create("t-1", "t", {{"provider", "aws"}}))).ok());
  auto missing = ask(create("s-0", "x", {{"trusted_secret_id", "t-9"}}));
  EXPECT_EQ(code(missing), Code::entry_not_found);
  EXPECT_EQ(missing.error().detail, "trusted_secret_id");
  ASSERT_TRUE(ask(create("s-1", "a", {{"trusted_secret_id", "t-1"}})).ok());
  ASSERT_TRUE(ask(create("s-2", "b", {{"trusted_secret_id", "t-1"}})).ok());
  auto related = ask(trusted(destroy("t-1")));
  EXPECT_EQ(code(related), Code::entry_exists);
  EXPECT_EQ(related.error().detail, "related: s-1");
  ASSERT_TRUE(ask(destroy("s-1")).ok());
  EXPECT_EQ(ask(trusted(destroy("t-1"))).error().detail, "related: s-2");
  ASSERT_TRUE(ask(destroy("s-2")).ok());
  EXPECT_TRUE(ask(trusted(destroy("t-1"))).ok());
  EXPECT_EQ(code(ask(trusted(destroy("t-1")))), Code::entry_not_found);
}

TEST_F(Documents, AReadBringsWhatItRefersToAndTakesItsProvider) {
  ASSERT_TRUE(ask(trusted(create("t-1", "t", {{"provider", "aws"}}))).ok());
  ASSERT_TRUE(ask(create("s-1", "a", {{"trusted_secret_id", "t-1"}})).ok());
  const auto both = ask(read("s-1", true));
  ASSERT_TRUE(both.ok()) << both.error().message();
  const auto& results = std::get<model::BatchGetReply>(both->body).results;
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].value().entry.attributes.at("provider"), "aws");
  EXPECT_EQ(results[1].value().entry.name, "t-1");
  EXPECT_EQ(results[1].value().payload->content.expose(), "{\"k\":\"v\"}");
}

TEST_F(Documents, ADestroyedDocumentKeepsNothingThatDescribesIt) {
  ASSERT_TRUE(ask(create("s-1", "a", {{"tags", "{\"x\":1}"}})).ok());
  auto gone = ask(destroy("s-1"));
  ASSERT_TRUE(gone.ok());
  EXPECT_TRUE(entry_of(gone).entry.attributes.empty());
  EXPECT_EQ(code(ask(read("s-1", true))), Code::entry_not_found);
  EXPECT_EQ(code(ask(update("s-1", {}))), Code::entry_not_found);
  EXPECT_THAT(names(ask(list())), ElementsAre());
}

TEST_F(Documents, AGroupHoldsEachSecretOnceAndOnlyExistingOnes) {
  ASSERT_TRUE(ask(create("s-1", "a")).ok());
  auto group = in_space(model::kSecretGroupSpace, "SecretGroup", create("g-1", "g"));
  group.reference.clear();
  ASSERT_TRUE(ask(group).ok());
  const auto member = [&](std::string id, bool adds) {
    auto one = in_space(model::kSecretGroupSpace, "SecretGroup", update("g-1", {}));
    one.reference.clear();
    one.reference_space = model::kSecretSpace;
    one.list = {"secrets", std::move(id), adds};
    return ask(one);
  };
  EXPECT_EQ(code(member("s-9", true)), Code::entry_not_found);
  ASSERT_TRUE(member("s-1", true).ok());
  EXPECT_EQ(code(member("s-1", true)), Code::entry_exists);
  model::Query query = list(is("secrets", "s-1"));
  query.space = model::kSecretGroupSpace;
  EXPECT_THAT(names(ask(query)), ElementsAre("g-1"));
  ASSERT_TRUE(member("s-1", false).ok());
  EXPECT_EQ(code(member("s-1", false)), Code::version_not_found);
}

// The texts of the list were once those of a string that was gone already: others came in their place, whatever the memory
// held by then. Sizes matter, for that needs memory that is used again.
TEST_F(Documents, AGroupKeepsEachOfManySecretsUntilItGoes) {
  constexpr int kMembers = 60;
  const auto id_of = [](int number) { return "secret-0123456789ab-" + std::to_string(number); };
  auto group = in_space(model::kSecretGroupSpace, "SecretGroup", create("g-1", "g"));
  group.reference.clear();
  ASSERT_TRUE(ask(group).ok());
  const auto member = [&](int number, bool adds) {
    auto one = in_space(model::kSecretGroupSpace, "SecretGroup", update("g-1", {}));
    one.reference.clear();
    one.reference_space = model::kSecretSpace;
    one.list = {"secrets", id_of(number), adds};
    return ask(one);
  };
  const auto has = [&](int number) {
    model::Query query = list(is("secrets", id_of(number)));
    query.space = model::kSecretGroupSpace;
    return names(ask(query)) == std::vector<std::string>{"g-1"};
  };
  for (int number = 0; number < kMembers; ++number) {
    ASSERT_TRUE(ask(create(id_of(number), "n" + std::to_string(number))).ok());
    ASSERT_TRUE(member(number, true).ok()) << number;
    ASSERT_EQ(code(member(number, true)), Code::entry_exists) << number;
    for (int each = 0; each <= number; ++each) ASSERT_TRUE(has(each)) << each << " of " << number;
  }
  for (int number = 0; number < kMembers; ++number) ASSERT_TRUE(member(number, false).ok()) << number;
}

// ---- tokens

TEST_F(Documents, AUserSecretIsItsUsersOwn) {
  const auto mine = [&](std::string id) {
    auto one = in_space(model::kUserSecretSpace, "UserSecret", create(std::move(id), "n"));
    one.unique.clear();
    one.reference.clear();
    return one;
  };
  const auto alice = bearer(person("alice", "USER")), bob = bearer(person("bob", "DOMAIN_ADMIN"));
  ASSERT_TRUE(run_as(*core, alice, mine("u-1")).ok());
  ASSERT_TRUE(run_as(*core, bob, mine("u-2")).ok());
  const auto get = [&](const model::Credential& who, bool value = false) {
    auto one = read("u-1", value);
    one.space = model::kUserSecretSpace;
    one.action = value ? "UserSecret.get_data" : "UserSecret.get";
    one.linked.clear();
    return run_as(*core, who, one);
  };
  EXPECT_TRUE(get(alice).ok());
  EXPECT_EQ(code(get(bob)), Code::entry_not_found) << "whatever his role: as if it were not there";
  EXPECT_EQ(code(get(alice, true)), Code::permission_denied) << "values are for the system";
  EXPECT_TRUE(get(bearer(system()), true).ok());
  model::Query query = list();
  query.space = model::kUserSecretSpace;
  query.action = "UserSecret.list";
  EXPECT_THAT(names(run_as(*core, alice, query)), ElementsAre("u-1"));
  auto app = person("app-1", "DOMAIN_ADMIN");
  app.owner = model::CloudforetClaims::Owner::app;
  EXPECT_EQ(code(run_as(*core, bearer(app), query)), Code::permission_denied);
  auto by_system = run_as(*core, bearer(system()), mine("u-3"));
  EXPECT_THAT(by_system.error().detail, HasSubstr("user_id"));
}

TEST_F(Documents, RolesAndPlacesBoundWhatATokenSeesAndChanges) {
  const auto admin = bearer(person("a", "DOMAIN_ADMIN"));
  const auto put = [&](std::string id, std::string workspace, std::string project) {
    EXPECT_TRUE(run_as(*core, admin, create(id, id, {{"workspace_id", workspace}, {"project_id", project}})).ok());
  };
  put("s-1", "w1", "p1");
  put("s-2", "w1", "p2");
  put("s-3", "w2", "p1");
  EXPECT_EQ(code(run_as(*core, admin, create("s-0", "s-0", {{"workspace_id", "*"}, {"project_id", "*"}}))),
            Code::invalid_argument)
      << "a project's secret of every project";
  const auto of_all = create("s-4", "s-4", {{"resource_group", "DOMAIN"}, {"workspace_id", "*"}, {"project_id", "*"}});
  EXPECT_TRUE(run_as(*core, admin, of_all).ok());
  const auto owner = bearer(person("o", "WORKSPACE_OWNER", "w1"));
  const auto member = bearer(person("m", "WORKSPACE_MEMBER", "w1", {"p1"}));
  EXPECT_THAT(names(run_as(*core, admin, list())), ElementsAre("s-1", "s-2", "s-3", "s-4"));
  EXPECT_THAT(names(run_as(*core, owner, list())), ElementsAre("s-1", "s-2", "s-4"));
  EXPECT_THAT(names(run_as(*core, member, list())), ElementsAre("s-1", "s-4"));
  EXPECT_EQ(code(run_as(*core, bearer(person("u", "USER")), list())), Code::permission_denied);
  EXPECT_EQ(code(run_as(*core, member, update("s-4", {}))), Code::entry_not_found) << "may be seen, not changed";
  EXPECT_TRUE(run_as(*core, member, update("s-1", {})).ok());
  EXPECT_EQ(code(run_as(*core, member, update("s-1", {{"project_id", "p2"}}))), Code::permission_denied);
  EXPECT_EQ(code(run_as(*core, member, create("s-5", "5", {{"project_id", "p2"}}))), Code::permission_denied);
  EXPECT_EQ(code(run_as(*core, member, create("s-5", "5"))), Code::permission_denied);
  EXPECT_EQ(code(run_as(*core, member, trusted(create("t-1", "t")))), Code::permission_denied);
  auto limited = person("l", "DOMAIN_ADMIN");
  limited.permissions = {"secret:Secret.read"};
  EXPECT_TRUE(run_as(*core, bearer(limited), list()).ok());
  EXPECT_EQ(code(run_as(*core, bearer(limited), create("s-6", "6"))), Code::permission_denied);
}

TEST_F(Documents, APolicyThatDeniesGoesBeforeTheTokensRole) {
  ASSERT_TRUE(ask(create("s-1", "a")).ok());
  ASSERT_TRUE(ask(create("s-2", "b")).ok());
  model::ApplyPolicy apply;
  model::Grant deny;
  deny.effect = model::Effect::deny;
  deny.capabilities = model::kAllCapabilities;
  deny.spaces = {"*"};
  deny.names = {"s-1"};
  apply.policy.roles.push_back({"no", "", {deny}});
  apply.policy.bindings.push_back({"no", {"user:a"}, {}});
  ASSERT_TRUE(ask(apply).ok());
  const auto admin = bearer(person("a", "DOMAIN_ADMIN"));
  EXPECT_THAT(names(run_as(*core, admin, list())), ElementsAre("s-2"));
  EXPECT_EQ(code(run_as(*core, admin, update("s-1", {}))), Code::permission_denied);
  EXPECT_EQ(code(run_as(*core, admin, read("s-1"))), Code::permission_denied);
}

TEST_F(Documents, TheDoorWithoutCredentialsReadsValuesAndNothingElse) {
  ASSERT_TRUE(ask(create("s-1", "a")).ok());
  model::Credential open;
  open.kind = model::CredentialKind::open_door;
  open.door = model::Door::cloudforet;
  EXPECT_TRUE(run_as(*core, open, read("s-1", true)).ok());
  EXPECT_EQ(code(run_as(*core, open, read("s-1"))), Code::permission_denied);
  EXPECT_EQ(code(run_as(*core, open, list())), Code::permission_denied);
  EXPECT_EQ(code(run_as(*core, open, destroy("s-1"))), Code::permission_denied);
}

TEST_F(Documents, APolicyThatDeniesTheDoorWithoutCredentialsHoldsFromTheNextReadOn) {
  ASSERT_TRUE(ask(create("s-1", "a")).ok());
  model::Credential open;
  open.kind = model::CredentialKind::open_door;
  open.door = model::Door::cloudforet;
  ASSERT_TRUE(run_as(*core, open, read("s-1", true)).ok());
  model::ApplyPolicy apply;
  model::Grant deny;
  deny.effect = model::Effect::deny;
  deny.capabilities = model::kAllCapabilities;
  deny.spaces = deny.names = {"*"};
  apply.policy.roles.push_back({"no", "", {deny}});
  apply.policy.bindings.push_back({"no", {"door:cloudforet"}, {}});
  ASSERT_TRUE(ask(apply).ok());
  EXPECT_EQ(code(run_as(*core, open, read("s-1", true))), Code::permission_denied);
  apply.policy.bindings.clear();
  ASSERT_TRUE(ask(apply).ok());
  EXPECT_TRUE(run_as(*core, open, read("s-1", true)).ok());
}

// ---- queries

TEST_F(Documents, ALongQueryYieldsAndSeesEveryDocumentOnce) {
  for (int i = 0; i < 9000; ++i) {
    const std::string id = "s-" + std::to_string(i);
    auto made = call(create(id, id, {{"provider", i % 3 == 0 ? "aws" : "gcp"}}));
    std::vector<Submission> out;
    core->handle(CallHandle(made.get()), out);
    for (auto& one : out) log.push_back(std::move(one));
    commit(*core);
  }
  ASSERT_TRUE(ask(list()).ok());  // builds the index
  model::Query counted = list(is("provider", "aws"));
  counted.count_only = true;
  auto query = call(counted), write = call(create("new", "new", {{"provider", "aws"}}));
  std::vector<Submission> out;
  core->handle(CallHandle(query.get()), out);
  EXPECT_EQ(query->completed, 0) << "one slice is not enough";
  core->handle(CallHandle(write.get()), out);  // in between
  for (auto& one : out) log.push_back(std::move(one));
  commit(*core);
  EXPECT_EQ(write->completed, 1) << "a write does not wait for the query";
  int slices = 0;
  while (core->has_work()) core->work(), ++slices;
  EXPECT_GE(slices, 2);
  EXPECT_EQ(std::get<model::QueryReply>(query->reply->body).total, 3001U);

  // What was looked at is sorted, gathered and written in slices, too; a secret that comes meanwhile is too late.
  const auto yields = [&](const model::Query& asked, int at_least) {
    auto running = call(asked), late = call(create("late-" + std::to_string(at_least), "late", {}));
    std::vector<Submission> submissions;
    core->handle(CallHandle(running.get()), submissions);
    for (int i = 0; i < 2; ++i) core->work();
    EXPECT_EQ(running->completed, 0) << "the last document was looked at, and there is more to do";
    core->handle(CallHandle(late.get()), submissions);
    for (auto& one : submissions) log.push_back(std::move(one));
    commit(*core);
    EXPECT_EQ(late->completed, 1);
    int more = 0;
    while (core->has_work()) core->work(), ++more;
    EXPECT_GE(more, at_least);
    EXPECT_TRUE(running->reply.ok()) << running->reply.error().message();
    EXPECT_TRUE(ask(destroy("late-" + std::to_string(at_least))).ok());
    return std::get<model::QueryReply>(running->reply->body);
  };
  model::Query sorted = list();
  sorted.sort = {{"name", true}};
  const auto all = yields(sorted, 5);
  ASSERT_EQ(all.entries.size(), 9001U);
  EXPECT_TRUE(std::is_sorted(all.entries.rbegin(), all.entries.rend(),
                             [](const auto& a, const auto& b) { return a.entry.name < b.entry.name; }));
  model::Query grouped = list();
  grouped.stages = {model::query::Group{{{"secret_id", "id", ""}}, {}}, model::query::Sort{{{"id", false}}}};
  const auto rows = yields(grouped, 2);
  EXPECT_EQ(rows.total, 9001U);
  EXPECT_TRUE(rows.rows.starts_with(R"([{"id":"new"},{"id":"s-0"},{"id":"s-1"})")) << rows.rows.substr(0, 80);
  model::Query distinct = list();
  distinct.distinct = "secret_id";
  EXPECT_EQ(yields(distinct, 1).total, 9001U);
}

TEST_F(Documents, AChangedDocumentIsFoundAsItIsNow) {
  ASSERT_TRUE(ask(create("s-1", "a", {{"provider", "aws"}})).ok());
  EXPECT_THAT(names(ask(list(is("provider", "aws")))), ElementsAre("s-1"));
  ASSERT_TRUE(ask(update("s-1", {{"provider", "gcp"}, {"tags", R"({"team":{"id":7}})"}})).ok());
  EXPECT_THAT(names(ask(list(is("provider", "aws")))), ElementsAre());
  model::query::Filter team{{{"tags.team.id", model::query::Operator::gte, model::query::Literal::of(7.0)}}, {}};
  EXPECT_THAT(names(ask(list(team))), ElementsAre("s-1"));
  core = open();
  EXPECT_THAT(names(ask(list(team))), ElementsAre("s-1")) << "also from rows on disk";
}

TEST_F(Documents, ExpressionsAreLinearAndBadOnesRefused) {
  ASSERT_TRUE(ask(create("s-1", "Straße-42")).ok());
  const auto like = [&](std::string pattern) {
    return names(
        ask(list({{{"name", model::query::Operator::regex, model::query::Literal::of(std::move(pattern))}}, {}})));
  };
  EXPECT_THAT(like("^STRA.E-\\d+$"), ElementsAre("s-1"));
  EXPECT_THAT(like("(a+)+$"), ElementsAre());
  EXPECT_THAT(like("(")[0], HasSubstr("regular expression"));
  EXPECT_THAT(like("(?=x)")[0], HasSubstr("regular expression")) << "RE2 has no lookahead";
  const model::query::Filter contain{{{"name", model::query::Operator::contain, model::query::Literal::of("STRAßE")}},
                                     {}};
  EXPECT_THAT(names(ask(list(contain))), ElementsAre("s-1"));
}

TEST_F(Documents, StatisticsAndDistinctAnswerRows) {
  ASSERT_TRUE(ask(create("s-1", "a", {{"provider", "aws"}})).ok());
  ASSERT_TRUE(ask(create("s-2", "b", {{"provider", "aws"}})).ok());
  model::Query query = list();
  query.stages.push_back(
      model::query::Group{{{"provider", "p", ""}}, {{"", "n", model::query::Aggregate::count, {}, {}}}});
  EXPECT_EQ(std::get<model::QueryReply>(ask(query)->body).rows, R"([{"p":"aws","n":2}])");
  query.stages.clear();
  query.distinct = "name";
  query.limit = 1;
  const auto page = ask(query);
  EXPECT_EQ(std::get<model::QueryReply>(page->body).rows, R"(["a"])");
  EXPECT_EQ(std::get<model::QueryReply>(page->body).total, 2U);
}

TEST_F(Documents, OtherSpacesKeepNone) {
  auto one = create("s-1", "a");
  one.space = "kv";
  EXPECT_EQ(code(ask(one)), Code::invalid_argument);
  model::Query query = list();
  query.space = "kv";
  EXPECT_EQ(code(ask(query)), Code::invalid_argument);
}

}  // namespace
}  // namespace coffer::actors

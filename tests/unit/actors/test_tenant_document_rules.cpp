// What must hold of documents whichever generation or door changes them: whose a name is, what may not go, where a
// document without a place is seen, and what a token without a user may. See actors/tenant_documents.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/actors/documents_fixture.hpp"

namespace coffer::actors {
namespace {

using namespace documents_test;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kSecrets(model::kSecretSpace), kTrusted(model::kTrustedSecretSpace);

/// As the door makes it in 2.x, whose names may repeat.
ChangeDocument repeating(ChangeDocument one) {
  one.unique.clear();
  return one;
}

TEST_F(Documents, ARenameMovesTheClaimOfTheSecretsOwnGeneration) {
  ASSERT_TRUE(ask(create("older", "n")).ok());
  ASSERT_TRUE(ask(repeating(create("newer", "x"))).ok());
  // Renames through either generation are alike: the door always says which value is unique.
  ASSERT_TRUE(ask(update("older", {{"name", "m"}})).ok());
  EXPECT_EQ(code(ask(create("s-1", "m"))), Code::entry_exists) << "the new name is claimed";
  EXPECT_TRUE(ask(create("s-2", "n")).ok()) << "and the old one free";
  EXPECT_TRUE(ask(update("newer", {{"name", "m"}})).ok()) << "one of 2.x may have any name";
  EXPECT_TRUE(ask(update("newer", {{"name", "y"}})).ok());
  EXPECT_TRUE(ask(create("s-3", "y")).ok()) << "and takes none";
  EXPECT_EQ(code(ask(create("s-4", "m"))), Code::entry_exists) << "that of the other one was not let go";
}

TEST_F(Documents, AnUpdateToATakenNameIsRefusedAndChangesNothing) {
  ASSERT_TRUE(ask(create("s-1", "a")).ok());
  ASSERT_TRUE(ask(create("s-2", "b")).ok());
  EXPECT_EQ(code(ask(update("s-2", {{"name", "a"}, {"provider", "aws"}}))), Code::entry_exists);
  EXPECT_THAT(names(ask(list(is("name", "b")))), ElementsAre("s-2"));
  EXPECT_THAT(names(ask(list(is("provider", "aws")))), ElementsAre());
  EXPECT_TRUE(ask(update("s-2", {{"name", "b"}})).ok()) << "its own";
}

TEST_F(Documents, TheNameOfWhatAnotherDoorDestroyedIsFree) {
  ASSERT_TRUE(ask(create("s-1", "n")).ok());
  ASSERT_TRUE(ask(model::Delete{.space = kSecrets, .name = "s-1"}).ok());
  EXPECT_EQ(code(ask(create("s-2", "n"))), Code::entry_exists) << "it may come back";
  ASSERT_TRUE(ask(model::Undelete{.space = kSecrets, .name = "s-1"}).ok());
  EXPECT_THAT(names(ask(list())), ElementsAre("s-1"));
  ASSERT_TRUE(ask(model::Destroy{.space = kSecrets, .name = "s-1"}).ok());
  ASSERT_TRUE(ask(create("s-2", "n")).ok());
  EXPECT_EQ(code(ask(create("s-3", "n"))), Code::entry_exists) << "it is that of s-2 now";
  core = open();
  ASSERT_TRUE(ask(destroy("s-2")).ok());
  EXPECT_TRUE(ask(create("s-3", "n")).ok());
}

TEST_F(Documents, WhatOthersReferToStaysWhicheverDoorAsks) {
  ASSERT_TRUE(ask(trusted(create("t-1", "t"))).ok());
  ASSERT_TRUE(ask(create("s-1", "a", {{"trusted_secret_id", "t-1"}})).ok());
  model::Transact several;
  several.operations.emplace_back(model::Destroy{.space = kTrusted, .name = "t-1"});
  const model::UpdateMetadata over{.space = kTrusted, .name = "t-1", .expires_at = now};
  for (const auto& reply : {ask(model::Delete{.space = kTrusted, .name = "t-1"}),
                            ask(model::Destroy{.space = kTrusted, .name = "t-1"}), ask(several)}) {
    EXPECT_EQ(code(reply), Code::not_active);
    EXPECT_THAT(std::string(reply.error().message()), HasSubstr("the secret is used by s-1"));
  }
  EXPECT_FALSE(ask(over).ok());
  EXPECT_TRUE(ask(read("s-1", true)).ok());
  ASSERT_TRUE(ask(model::Destroy{.space = kSecrets, .name = "s-1"}).ok());
  EXPECT_TRUE(ask(model::Delete{.space = kTrusted, .name = "t-1"}).ok()) << "who used it is gone";
}

TEST_F(Documents, WhatAnotherDoorDestroyedKeepsNothingInUse) {
  ASSERT_TRUE(ask(trusted(create("t-1", "t"))).ok());
  ASSERT_TRUE(ask(create("s-1", "a", {{"trusted_secret_id", "t-1"}})).ok());
  ASSERT_TRUE(ask(create("s-2", "b", {{"trusted_secret_id", "t-1"}})).ok());
  ASSERT_TRUE(ask(model::Destroy{.space = kSecrets, .name = "s-1"}).ok());
  EXPECT_EQ(ask(trusted(destroy("t-1"))).error().detail, "related: s-2");
  ASSERT_TRUE(ask(model::Destroy{.space = kSecrets, .name = "s-2"}).ok());
  EXPECT_TRUE(ask(trusted(destroy("t-1"))).ok());
}

TEST_F(Documents, AReadNamesTheTrustedSecretThatIsNotThereAnyMore) {
  ASSERT_TRUE(ask(trusted(create("t-1", "t"))).ok());
  ASSERT_TRUE(ask(create("s-1", "a", {{"trusted_secret_id", "t-1"}})).ok());
  ASSERT_TRUE(ask(model::UpdateMetadata{.space = kTrusted, .name = "t-1", .expires_at = now + 1000}).ok());
  EXPECT_TRUE(ask(read("s-1", true)).ok());
  now += 2000;
  const auto dangling = ask(read("s-1", true));
  EXPECT_EQ(code(dangling), Code::entry_not_found);
  EXPECT_EQ(dangling.error().detail, "trusted_secret_id t-1");
}

TEST_F(Documents, AProviderIsThatOfTheTrustedSecretElseTheOneThatTheDoorDerived) {
  ASSERT_TRUE(ask(trusted(create("t-1", "t", {{"provider", "aws"}}))).ok());
  ASSERT_TRUE(ask(trusted(create("t-2", "u"))).ok());
  const auto provider = [&](std::string id, std::string of) {
    auto made = ask(create(id, id, {{"trusted_secret_id", std::move(of)}, {"provider", "google_cloud"}}));
    return made.ok() ? entry_of(made).entry.attributes.at("provider") : std::string(made.error().message());
  };
  EXPECT_EQ(provider("s-1", "t-1"), "aws");
  EXPECT_EQ(provider("s-2", "t-2"), "google_cloud");
}

// ---- tokens

TEST_F(Documents, ASystemTokenReadsAndRemovesUserSecretsAndHasNone) {
  const auto of_user = [](ChangeDocument one) {
    one.unique.clear();
    one.reference.clear();
    return in_space(model::kUserSecretSpace, "UserSecret", std::move(one));
  };
  ASSERT_TRUE(run_as(*core, bearer(person("alice", "USER")), of_user(create("u-1", "n"))).ok());
  const auto by_system = [&](model::TenantOperation operation) {
    const auto reply = run_as(*core, bearer(system()), std::move(operation));
    return reply.ok() ? std::string() : std::string(reply.error().message());
  };
  const std::string required = "Required parameter. (key = user_id)";
  for (const char* verb : {"list", "stat"}) {
    model::Query query = list();
    query.space = model::kUserSecretSpace;
    query.action = std::string("UserSecret.") + verb;
    EXPECT_EQ(by_system(query), required) << verb;
  }
  auto one = read("u-1");
  one.space = model::kUserSecretSpace;
  one.action = "UserSecret.get";
  one.linked.clear();
  EXPECT_EQ(by_system(one), required);
  EXPECT_EQ(by_system(of_user(update("u-1", {{"name", "m"}}))), required);
  auto data = of_user(update("u-1", {}));
  data.action = "UserSecret.update_data";
  data.payload = text("{}");
  EXPECT_EQ(by_system(data), required);
  one.action = "UserSecret.get_data";
  one.with_payload = true;
  EXPECT_EQ(by_system(one), "");
  EXPECT_EQ(by_system(of_user(destroy("u-1"))), "");
}

TEST_F(Documents, ASecretWithoutAPlaceIsItsAdministratorsOnly) {
  const auto admin = bearer(person("a", "DOMAIN_ADMIN")), owner = bearer(person("o", "WORKSPACE_OWNER", "w1"));
  const auto member = bearer(person("m", "WORKSPACE_MEMBER", "w1", {"p1"}));
  const Attributes project{{"resource_group", "PROJECT"}, {"project_id", "p1"}};
  ASSERT_TRUE(run_as(*core, admin, create("s-1", "a", project)).ok());
  ASSERT_TRUE(run_as(*core, admin, create("s-2", "b")).ok()) << "as 1.12 makes it";
  ASSERT_TRUE(run_as(*core, owner, create("s-3", "c")).ok()) << "in his workspace, and in no project";
  EXPECT_THAT(names(run_as(*core, admin, list())), ElementsAre("s-1", "s-2", "s-3"));
  EXPECT_THAT(names(run_as(*core, owner, list())), ElementsAre("s-3"));
  EXPECT_THAT(names(run_as(*core, member, list())), ElementsAre());
  EXPECT_EQ(code(run_as(*core, owner, read("s-1"))), Code::entry_not_found);
}

TEST_F(Documents, AServiceAccountStandsForItsProjectButForMembers) {
  const auto admin = bearer(person("a", "DOMAIN_ADMIN")), owner = bearer(person("o", "WORKSPACE_OWNER", "w1"));
  const auto member = bearer(person("m", "WORKSPACE_MEMBER", "w1", {"p1"}));
  const Attributes bare{{"resource_group", "PROJECT"}};
  const Attributes account{{"resource_group", "PROJECT"}, {"service_account_id", "sa-1"}};
  EXPECT_TRUE(run_as(*core, admin, create("s-1", "a", account)).ok());
  EXPECT_TRUE(run_as(*core, owner, create("s-2", "b", account)).ok());
  EXPECT_THAT(names(run_as(*core, owner, list())), ElementsAre("s-2"));
  for (const auto& reply :
       {run_as(*core, member, create("s-3", "c", account)), run_as(*core, owner, create("s-4", "d", bare))}) {
    EXPECT_EQ(reply.error().detail, "Required parameter. (key = project_id)");
  }
}

TEST_F(Documents, AUserIsNamedByAtMost255Characters) {
  const auto by = [&](const std::string& user) {
    auto one = in_space(model::kUserSecretSpace, "UserSecret", create("u-" + std::to_string(user.size()), "n"));
    one.unique.clear();
    one.reference.clear();
    return run_as(*core, bearer(person(user, "USER")), one);
  };
  EXPECT_TRUE(by(std::string(255, 'u')).ok());
  const auto refused = by(std::string(256, 'u'));
  EXPECT_EQ(code(refused), Code::too_large);
  EXPECT_EQ(refused.error().detail, "user_id");
}

// ---- sent again after a failover, with the id of the first time

TEST_F(Documents, AChangeThatIsSentAgainGetsItsFirstAnswerWhileItsBearerMay) {
  const auto again = [&](const model::Credential& credential, model::TenantOperation operation, const char* id) {
    auto made = call(std::move(operation), id);
    made->request.credential = credential;
    send(*core, *made);
    commit_all(*core);
    return code(made->reply);
  };
  const auto admin = bearer(person("a", "DOMAIN_ADMIN"));
  const auto member = bearer(person("m", "WORKSPACE_MEMBER", "w-1", {"p-1"}));
  const auto first = create("s-1", "one");
  EXPECT_EQ(again(admin, first, "id-1"), Code::ok);
  EXPECT_EQ(again(admin, first, "id-1"), Code::ok) << "not refused, and not made twice";
  EXPECT_THAT(names(ask(list())), ElementsAre("s-1"));
  const auto of_member = create("s-2", "two", {{"project_id", "p-1"}});
  EXPECT_EQ(again(member, of_member, "id-2"), Code::ok);
  EXPECT_EQ(again(member, of_member, "id-2"), Code::ok);
  EXPECT_EQ(again(bearer(person("m", "USER")), of_member, "id-2"), Code::permission_denied) << "he lost his role";
  now += 5;
  ASSERT_EQ(code(ask(update("s-2", {{"project_id", "p-2"}}))), Code::ok);
  EXPECT_EQ(again(member, of_member, "id-2"), Code::entry_not_found) << "somebody put it where he may not look";
  core = open();
  EXPECT_EQ(again(admin, first, "id-1"), Code::ok) << "from the stored record";
  EXPECT_EQ(again(admin, destroy("s-1"), "id-3"), Code::ok);
  EXPECT_EQ(again(admin, destroy("s-1"), "id-3"), Code::ok) << "it is gone because of this request";
}

TEST_F(Documents, WhoMayNotLookAtATrustedSecretCannotReferToIt) {
  ASSERT_EQ(code(ask(trusted(create("t-1", "t")))), Code::ok);
  ASSERT_EQ(code(ask(create("s-1", "one"))), Code::ok);
  const auto of_scope = [&](std::vector<std::string> spaces) {
    model::CreateToken token;
    token.scopes = {{model::kAllCapabilities, std::move(spaces), {"*"}}};
    return credential_of(std::get<model::TokenReply>(ask(token)->body));
  };
  const auto narrow = of_scope({"cloudforet.secret"});
  EXPECT_EQ(code(run_as(*core, narrow, create("s-2", "two"))), Code::ok);
  EXPECT_EQ(code(run_as(*core, narrow, create("s-3", "three", {{"trusted_secret_id", "t-1"}}))), Code::entry_not_found);
  EXPECT_EQ(code(ask(trusted(destroy("t-1")))), Code::ok) << "nobody pinned it";
  ASSERT_EQ(code(ask(trusted(create("t-2", "t")))), Code::ok);
  const auto wide = of_scope({"cloudforet.secret", "cloudforet.trusted_secret"});
  EXPECT_EQ(code(run_as(*core, wide, create("s-3", "three", {{"trusted_secret_id", "t-2"}}))), Code::ok);

  model::ApplyPolicy apply;
  model::Grant deny;
  deny.effect = model::Effect::deny;
  deny.capabilities = model::kAllCapabilities;
  deny.spaces = {"*"};
  deny.names = {"t-2"};
  apply.policy.roles.push_back({"no", "", {deny}});
  apply.policy.bindings.push_back({"no", {"user:a"}, {}});
  ASSERT_EQ(code(ask(apply)), Code::ok);
  const auto admin = bearer(person("a", "DOMAIN_ADMIN"));
  EXPECT_EQ(code(run_as(*core, admin, create("s-4", "four", {{"trusted_secret_id", "t-2"}}))), Code::entry_not_found);
}

}  // namespace
}  // namespace coffer::actors

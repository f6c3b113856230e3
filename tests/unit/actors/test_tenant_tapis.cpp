// The Tapis space in its shard: everybody may make secrets of his own there, names are no secret, and injecting is a right
// that nothing but a policy gives.

#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

class TenantTapisTest : public ::testing::Test, public CoreFixture {
 protected:
  /// A user whom the node's own issuer vouches for, at one of the doors.
  static model::Credential user(const std::string& name, std::vector<std::string> roles = {},
                                model::Door door = model::Door::tapis) {
    model::Credential credential;
    credential.kind = model::CredentialKind::jwt;
    credential.of_node = true;
    credential.door = door;
    credential.principal = "user:" + name;
    credential.roles = std::move(roles);
    return credential;
  }
  Code code_of(const model::Credential& credential, model::TenantOperation operation, bool as_admin = false) {
    auto made = call(std::move(operation));
    made->request.credential = credential;
    made->request.info.as_admin = as_admin;
    send(*core, *made);
    commit_all(*core);
    last = std::move(made->reply);
    return last ? Code::ok : last.error().code;
  }
  static model::Put own(std::string name = "db") {
    model::Put put;
    put.space = "tapis";
    put.name = std::move(name);
    put.payload = model::Payload::of_text("v");
    put.create_only = put.caller_owns = true;
    return put;
  }
  static model::Get get(bool inject = false, std::string name = "db") {
    return {.space = "tapis", .name = std::move(name), .inject = inject};
  }
  void apply_policy(model::Effect effect, std::uint32_t capabilities, const std::string& subject) {
    model::PolicySet policy;
    policy.roles = {{"r", "", {{effect, capabilities, {"tapis"}, {"*"}, {}}}}};
    policy.bindings = {{"r", {subject}, {}}};
    ASSERT_TRUE(run(*core, model::ApplyPolicy{policy, {}, false}).ok());
  }

  model::Result<model::Reply> last{Code::internal};
  std::unique_ptr<TenantCore> core = open();
};

TEST_F(TenantTapisTest, WhoMakesASecretOwnsItAndOthersLearnItsNameOnly) {
  EXPECT_EQ(code_of(user("bob"), get()), Code::entry_not_found);
  EXPECT_EQ(code_of(user("alice"), own()), Code::ok);
  EXPECT_EQ(code_of(user("alice"), get()), Code::ok);
  EXPECT_EQ(code_of(user("bob"), get()), Code::permission_denied);
  EXPECT_EQ(code_of(user("bob"), own()), Code::entry_exists);
  model::Put update = own();
  update.create_only = update.caller_owns = false;
  EXPECT_EQ(code_of(user("bob"), update), Code::permission_denied);
  EXPECT_EQ(code_of(user("bob"), model::Destroy{"tapis", "db", {}, true}), Code::permission_denied);
  EXPECT_EQ(code_of(user("alice"), model::Destroy{"tapis", "db", {}, true}), Code::ok);
  for (const char* name : {"alice", "bob"}) {
    EXPECT_EQ(code_of(user(name), get()), Code::entry_not_found) << name;
    EXPECT_EQ(code_of(user(name), model::Destroy{"tapis", "db", {}, true}), Code::entry_not_found) << name;
  }
  EXPECT_EQ(code_of(user("bob"), own()), Code::ok);
  EXPECT_EQ(code_of(user("alice"), get()), Code::permission_denied);
}

TEST_F(TenantTapisTest, OnlyThatSpaceAndOnlyItsOwnKindOfPutAreOpen) {
  model::Put elsewhere = own();
  elsewhere.space = "kv";
  EXPECT_EQ(code_of(user("alice"), elsewhere), Code::permission_denied);
  EXPECT_EQ(code_of(user("alice"), model::Get{.space = "kv", .name = "db"}), Code::permission_denied);
  model::Put unowned = own();
  unowned.caller_owns = false;
  EXPECT_NE(code_of(user("alice"), unowned), Code::ok);
  model::Put overwriting = own();
  overwriting.create_only = false;
  EXPECT_NE(code_of(user("alice"), overwriting), Code::ok);
  apply_policy(model::Effect::deny, model::kAllCapabilities, "user:alice");
  EXPECT_EQ(code_of(user("alice"), own()), Code::permission_denied) << "a denial goes before everything";
  EXPECT_EQ(code_of(user("alice"), get()), Code::permission_denied);
}

TEST_F(TenantTapisTest, TheRoleOfAdministratorsCountsWhenItIsAskedFor) {
  ASSERT_EQ(code_of(user("alice"), own()), Code::ok);
  const auto root = user("root", {"pods_admin"});
  EXPECT_EQ(code_of(root, get()), Code::permission_denied);
  EXPECT_EQ(code_of(root, get(), true), Code::ok);
  EXPECT_EQ(code_of(user("bob"), get(), true), Code::permission_denied);
  EXPECT_EQ(code_of(root, get(true), true), Code::permission_denied) << "inject is not an administrator's";
  model::List list;
  list.space = "tapis";
  for (const bool as_admin : {false, true}) {
    ASSERT_EQ(code_of(root, list, as_admin), Code::ok);
    EXPECT_EQ(std::get<model::ListReply>(last->body).entries.size(), as_admin ? 1u : 0u);
  }
  model::Put elsewhere = own();
  elsewhere.space = "kv";
  EXPECT_EQ(code_of(root, elsewhere, true), Code::permission_denied);
}

TEST_F(TenantTapisTest, SeveralAreDestroyedTogetherOrNotAtAll) {
  auto of_pod = [](const char* name, const char* pod) {
    model::Put put = own(name);
    put.attributes["pod_id"] = pod;
    return put;
  };
  const auto destroy = [](const char* name) { return model::Destroy{"tapis", name, {}, false, {{"pod_id", "p"}}}; };
  ASSERT_EQ(code_of(user("alice"), of_pod("a", "p")), Code::ok);
  ASSERT_EQ(code_of(user("alice"), of_pod("b", "p")), Code::ok);
  ASSERT_EQ(code_of(user("alice"), of_pod("c", "q")), Code::ok);
  ASSERT_EQ(code_of(user("bob"), of_pod("d", "p")), Code::ok);
  const model::Transact too_much{{destroy("a"), destroy("b"), destroy("d")}};
  EXPECT_EQ(code_of(user("alice"), too_much), Code::permission_denied);
  EXPECT_EQ(code_of(user("alice"), get(false, "a")), Code::ok) << "nothing was destroyed";
  const auto before = index;
  EXPECT_EQ(code_of(user("alice"), model::Transact{{destroy("a"), destroy("b"), destroy("c")}}), Code::ok);
  EXPECT_EQ(index, before + 1) << "one write set";
  EXPECT_EQ(code_of(user("alice"), get(false, "a")), Code::entry_not_found);
  EXPECT_EQ(code_of(user("alice"), get(false, "b")), Code::entry_not_found);
  EXPECT_EQ(code_of(user("alice"), get(false, "c")), Code::ok) << "of another pod";
}

TEST_F(TenantTapisTest, WhatMayNotBeReadIsInjectedByWhomThePolicyNames) {
  model::Put locked = own();
  locked.write_only = locked.read_only = true;
  ASSERT_EQ(code_of(user("alice"), locked), Code::ok);
  EXPECT_EQ(code_of(user("alice"), get()), Code::write_only);
  EXPECT_EQ(code_of(user("alice"), get(true)), Code::permission_denied);
  apply_policy(model::Effect::allow, static_cast<std::uint32_t>(model::Capability::inject), "user:spawner");
  ASSERT_EQ(code_of(user("spawner"), get(true)), Code::ok);
  EXPECT_EQ(std::get<model::EntryReply>(last->body).payload, model::Payload::of_text("v"));
  EXPECT_EQ(code_of(user("spawner"), get()), Code::permission_denied) << "not to be read";
}

TEST_F(TenantTapisTest, ARenderAnswersTheActingUsersSecretsOnlyAndReadsNothingForATokenThatNamesAnother) {
  ASSERT_EQ(code_of(user("alice"), own("a")), Code::ok);
  ASSERT_EQ(code_of(user("bob"), own("b")), Code::ok);
  ASSERT_EQ(code_of(user("bob"), model::SetPermission{"tapis", "b", "user:alice", model::Level::admin}), Code::ok);
  model::BatchGet batch{{get(false, "a"), get(false, "b"), get(false, "a")}};
  const auto codes = [&](const model::Credential& who) {
    EXPECT_EQ(code_of(who, batch), Code::ok);
    std::vector<Code> all;
    for (const auto& one : std::get<model::BatchGetReply>(last->body).results) {
      all.push_back(one.ok() ? Code::ok : one.error().code);
    }
    return all;
  };
  using Codes = std::vector<Code>;
  EXPECT_EQ(codes(user("alice")), (Codes{Code::ok, Code::ok, Code::ok})) << "no render: permissions count";
  batch.acting_for = "";
  EXPECT_EQ(codes(user("alice")), (Codes{Code::ok, Code::not_owned, Code::ok}));
  batch.notes = {{.item = 1, .owner = "bob"}, {.item = 3, .owner = "bob"}, {.item = 3, .owner = "alice"}};
  EXPECT_EQ(codes(user("alice")), (Codes{Code::not_owned, Code::not_owned, Code::ok}));
  // A service renders for whom it says; a user for himself, whatever he says.
  batch.notes.clear();
  batch.acting_for = "bob";
  EXPECT_EQ(codes(user("alice")), (Codes{Code::ok, Code::not_owned, Code::ok}));
  auto service = user("pods");
  service.principal = "service:pods";
  apply_policy(model::Effect::allow, static_cast<std::uint32_t>(model::Capability::read_value), "service:pods");
  EXPECT_EQ(codes(service), (Codes{Code::not_owned, Code::ok, Code::not_owned}));
}

}  // namespace
}  // namespace coffer::actors

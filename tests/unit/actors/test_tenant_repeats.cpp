// A request that is sent again gets its first answer, but only as long as its caller would still be let do it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using ::testing::HasSubstr;
using ::testing::Not;

class RepeatTest : public ::testing::Test, public CoreFixture {
 protected:
  static model::Credential user(const std::string& name, std::vector<std::string> roles = {}) {
    model::Credential credential;
    credential.kind = model::CredentialKind::jwt;
    credential.of_node = true;
    credential.door = model::Door::tapis;
    credential.principal = "user:" + name;
    credential.roles = std::move(roles);
    return credential;
  }
  std::shared_ptr<TestCall> call_as(const model::Credential& credential, model::TenantOperation operation,
                                    std::string request_id) {
    auto made = call(std::move(operation), std::move(request_id));
    made->request.credential = credential;
    return made;
  }
  Code code_of(const model::Credential& credential, model::TenantOperation operation, std::string request_id = {}) {
    auto made = call_as(credential, std::move(operation), std::move(request_id));
    send(*core, *made);
    commit_all(*core);
    EXPECT_EQ(made->completed, 1);
    return made->reply ? Code::ok : made->reply.error().code;
  }
  /// Role writer on kv, bound to the subject.
  static model::PolicySet writers(std::vector<std::string> subjects) {
    model::PolicySet policy;
    policy.roles = {{"writer", "", {{model::Effect::allow, model::kAllCapabilities, {"kv"}, {"*"}, {}}}}};
    if (!subjects.empty()) policy.bindings = {{"writer", std::move(subjects), {}}};
    return policy;
  }
  void apply(model::PolicySet policy) {
    ASSERT_TRUE(run(*core, model::ApplyPolicy{std::move(policy), {}, false}).ok());
  }
  static model::Put own() {
    model::Put put;
    put.space = "tapis";
    put.name = "db";
    put.payload = model::Payload::of_text("v");
    put.create_only = put.caller_owns = true;
    return put;
  }

  std::unique_ptr<TenantCore> core = open();
};

TEST_F(RepeatTest, WhoLostHisRoleIsRefusedWhatHeDidBefore) {
  apply(writers({"user:ann"}));
  const auto ann = user("ann");
  const model::Transact both{{put("a", "1"), put("b", "1")}};
  ASSERT_EQ(code_of(ann, put("x", "1"), "id-1"), Code::ok);
  ASSERT_EQ(code_of(ann, both, "id-2"), Code::ok);
  EXPECT_EQ(code_of(ann, put("x", "1"), "id-1"), Code::ok) << "a retry";
  EXPECT_EQ(code_of(ann, both, "id-2"), Code::ok);
  apply(writers({}));
  EXPECT_EQ(code_of(ann, put("x", "1"), "id-1"), Code::permission_denied);
  EXPECT_EQ(code_of(ann, both, "id-2"), Code::permission_denied);
  core = open();
  EXPECT_EQ(code_of(ann, put("x", "1"), "id-1"), Code::permission_denied) << "also from the stored record";
  apply(writers({"user:ann"}));
  EXPECT_EQ(code_of(ann, put("x", "1"), "id-1"), Code::ok) << "the answer was kept";
}

TEST_F(RepeatTest, WhoseClaimsNoLongerHoldTheRoleDoesNotWaitForThePendingAnswer) {
  apply(writers({"role:ops"}));
  auto first = call_as(user("ann", {"ops"}), put("x", "1"), "id-1");
  auto again = call_as(user("ann"), put("x", "1"), "id-1");
  send(*core, *first);
  send(*core, *again);
  EXPECT_EQ(again->completed, 1);
  EXPECT_EQ(again->reply.error().code, Code::permission_denied);
  commit_all(*core);
  EXPECT_TRUE(first->reply.ok());
}

TEST_F(RepeatTest, WhatARequestTookFromItsOwnCallerIsNotHeldAgainstIt) {
  const auto alice = user("alice"), bob = user("bob");
  ASSERT_EQ(code_of(alice, own(), "id-1"), Code::ok);
  const model::SetPermission give{"tapis", "db", "user:bob", model::Level::admin};
  ASSERT_EQ(code_of(alice, give), Code::ok);
  ++now;
  const model::SetPermission leave{"tapis", "db", "user:bob", std::nullopt};
  ASSERT_EQ(code_of(bob, leave, "id-2"), Code::ok);
  EXPECT_EQ(code_of(bob, leave, "id-2"), Code::ok) << "he gave his level away himself";
  EXPECT_EQ(code_of(bob, leave), Code::permission_denied) << "and has none";
  ++now;
  ASSERT_EQ(code_of(alice, model::SetPermission{"tapis", "db", "user:eve", model::Level::read}), Code::ok);
  EXPECT_EQ(code_of(bob, leave, "id-2"), Code::permission_denied) << "somebody else has changed the entry since";
  const model::Destroy destroy{"tapis", "db", {}, true, {}};
  ASSERT_EQ(code_of(alice, destroy, "id-3"), Code::ok);
  EXPECT_EQ(code_of(alice, destroy, "id-3"), Code::ok);
  EXPECT_EQ(code_of(alice, own(), "id-1"), Code::ok) << "the first answer of all";
}

TEST_F(RepeatTest, ALevelThatWasTakenAwayIsNotWhatTheRequestTook) {
  const auto alice = user("alice"), bob = user("bob");
  ASSERT_EQ(code_of(alice, own()), Code::ok);
  ASSERT_EQ(code_of(alice, model::SetPermission{"tapis", "db", "user:bob", model::Level::user}), Code::ok);
  model::Put update = own();
  update.create_only = update.caller_owns = false;
  update.must_exist = true;
  ASSERT_EQ(code_of(bob, update, "id-1"), Code::ok);
  ++now;
  ASSERT_EQ(code_of(alice, model::SetPermission{"tapis", "db", "user:bob", std::nullopt}), Code::ok);
  EXPECT_EQ(code_of(bob, update, "id-1"), Code::permission_denied);
}

TEST_F(RepeatTest, AnAuditRecordSaysWhatWasChangedAndNoPattern) {
  model::PolicySet policy = writers({"user:ann"});
  policy.roles[0].grants[0].names = {"name-of-a-secret*"};
  apply(policy);
  EXPECT_THAT(last_write_set, HasSubstr("policy_version=1 added=3 removed=0 changed=0"));
  for (const char* sealed : {"name-of-a-secret", "writer", "user:ann"}) {
    EXPECT_THAT(last_write_set, Not(HasSubstr(sealed)));
  }
  const auto token = create_token(*core, model::CreateToken{});
  EXPECT_THAT(last_write_set, HasSubstr("token=" + token.token.id));
  ASSERT_TRUE(run(*core, put("db", "1")).ok());
  ASSERT_TRUE(run(*core, model::SetPermission{"kv", "db", "user:ann", model::Level::read}).ok());
  EXPECT_THAT(last_write_set, HasSubstr("subject=user:ann level=READ"));
  ASSERT_TRUE(run(*core, model::SetQuota{{{model::Limit::entries, 5}}}).ok());
  EXPECT_THAT(last_write_set, HasSubstr("quota_version=1"));
}

}  // namespace
}  // namespace coffer::actors

// A tenant's policy in its shard: applied by compare-and-set, in force from the next request on, above every allowance.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint32_t bit(model::Capability capability) { return static_cast<std::uint32_t>(capability); }
constexpr std::uint32_t kRead =
    bit(model::Capability::list) | bit(model::Capability::read) | bit(model::Capability::read_value);

class PolicyTest : public ::testing::Test, public CoreFixture {
 protected:
  model::PolicyReply apply(model::PolicySet policy, std::optional<std::uint64_t> expected = {}, bool dry_run = false) {
    auto reply = run(*core, model::ApplyPolicy{std::move(policy), expected, dry_run});
    if (!reply) ADD_FAILURE() << reply.error().message();
    return std::get<model::PolicyReply>(reply->body);
  }
  model::PolicySet stored() { return std::get<model::PolicyReply>(run(*core, model::GetPolicy{})->body).policy; }
  /// Roles reader (kv app/*) and no-prod (denies app/prod/*), bound to whom is named.
  model::PolicySet policy_for(std::vector<std::string> readers, std::vector<std::string> denied = {}) {
    model::PolicySet policy;
    policy.roles = {{"reader", "", {{model::Effect::allow, kRead, {"kv"}, {"app/*"}, {}}}},
                    {"no-prod", "", {{model::Effect::deny, model::kAllCapabilities, {"*"}, {"app/prod/*"}, {}}}}};
    if (!readers.empty()) policy.bindings.push_back({"reader", std::move(readers), {}});
    if (!denied.empty()) policy.bindings.push_back({"no-prod", std::move(denied), {}});
    return policy;
  }
  /// Commits it and leaves long reads where they are.
  void change(model::TenantOperation operation) {
    std::vector<Submission> out;
    core->handle(CallHandle(call(std::move(operation)).get()), out);
    ASSERT_EQ(out.size(), 1u);
    log.push_back(std::move(out.front()));
    commit_all(*core);
  }
  model::Credential token(std::vector<model::Scope> scopes = {}, std::string* subject = nullptr) {
    model::CreateToken request;
    request.scopes = std::move(scopes);
    const auto made = create_token(*core, request);
    if (subject) *subject = "token:" + made.token.id;
    return credential_of(made);
  }
  Code code_of(const model::Credential& credential, model::TenantOperation operation) {
    const auto reply = run_as(*core, credential, std::move(operation));
    return reply ? Code::ok : reply.error().code;
  }
  std::vector<std::string> listed(const model::Credential& credential, bool with_payload = false) {
    model::List list;
    list.space = "kv";
    list.with_payload = with_payload;
    const auto reply = run_as(*core, credential, list);
    std::vector<std::string> names;
    for (const auto& entry : std::get<model::ListReply>(reply->body).entries) names.push_back(entry.entry.name);
    return names;
  }

  std::unique_ptr<TenantCore> core = open();
};

TEST_F(PolicyTest, ATenantBeginsWithTheEmptyPolicyOfVersionZero) { EXPECT_EQ(stored(), model::PolicySet{}); }

TEST_F(PolicyTest, WhatIsAppliedIsStoredSealedWithItsVersionAndAuthor) {
  const auto reply = apply(policy_for({"user:ann"}), 0);
  EXPECT_EQ(reply.policy.version, 1U);
  EXPECT_THAT(reply.difference, Not(IsEmpty()));
  EXPECT_THAT(last_write_set, Not(HasSubstr("user:ann")));
  EXPECT_THAT(last_write_set, HasSubstr("apply_policy")) << "the audit record names the action";
  core = open();
  const auto kept = stored();
  EXPECT_EQ(kept.roles, policy_for({"user:ann"}).roles);
  EXPECT_EQ(kept.bindings, policy_for({"user:ann"}).bindings);
  EXPECT_EQ(kept.version, 1U);
  EXPECT_EQ(kept.changed_at, now);
  EXPECT_EQ(kept.changed_by, "dev-root");
}

TEST_F(PolicyTest, ACompareAndSetRefusesWhatWasMadeFromAnotherVersion) {
  apply(policy_for({"user:ann"}));
  const auto refused = run(*core, model::ApplyPolicy{policy_for({"user:bob"}), 0, false});
  EXPECT_EQ(refused.error(),
            model::Error(Code::cas_mismatch, "expected version 0 of the policy, current version is 1"));
  EXPECT_EQ(run(*core, model::ApplyPolicy{policy_for({"user:bob"}), 0, true}).error().code, Code::cas_mismatch)
      << "a dry run says it, too";
  EXPECT_EQ(apply(policy_for({"user:bob"}), 1).policy.version, 2U);
}

TEST_F(PolicyTest, TwoAppliesInAPipelineDoNotBothWin) {
  auto first = call(model::ApplyPolicy{policy_for({"user:ann"}), 0, false});
  auto second = call(model::ApplyPolicy{policy_for({"user:bob"}), 0, false});
  send(*core, *first);
  send(*core, *second);
  commit_all(*core);
  EXPECT_TRUE(first->reply.ok());
  EXPECT_EQ(second->reply.error().code, Code::cas_mismatch);
}

TEST_F(PolicyTest, ADryRunSaysTheDifferenceAndWritesNothing) {
  apply(policy_for({"user:ann"}));
  const auto before = index;
  auto dry = call(model::ApplyPolicy{policy_for({"user:ann", "user:bob"}), {}, true}, "id-1");
  send(*core, *dry);
  EXPECT_TRUE(log.empty());
  ASSERT_TRUE(dry->reply.ok());
  EXPECT_THAT(std::get<model::PolicyReply>(dry->reply->body).difference,
              ElementsAre("- binding of role reader to user:ann", "+ binding of role reader to user:ann, user:bob"));
  EXPECT_EQ(stored().version, 1U);
  EXPECT_EQ(index, before);
}

TEST_F(PolicyTest, WhatIsSoAlreadyMakesNoVersion) {
  apply(policy_for({"user:ann"}));
  const auto again = apply(policy_for({"user:ann"}));
  EXPECT_EQ(again.policy.version, 1U);
  EXPECT_THAT(again.difference, IsEmpty());
}

TEST_F(PolicyTest, ARetriedApplyIsAnsweredFromItsFirstOutcome) {
  const model::ApplyPolicy request{policy_for({"user:ann"}), 0, false};
  const auto first = run(*core, request, "id-1");
  const auto again = run(*core, request, "id-1");
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(std::get<model::PolicyReply>(again->body).difference, std::get<model::PolicyReply>(first->body).difference);
  EXPECT_EQ(std::get<model::PolicyReply>(again->body).policy.version, 1U);
}

TEST_F(PolicyTest, ABadPolicyIsRefusedAndNothingIsStored) {
  auto bad = policy_for({"user:ann"});
  bad.bindings[0].role = "raeder";
  EXPECT_EQ(run(*core, model::ApplyPolicy{bad, {}, false}).error().code, Code::invalid_argument);
  EXPECT_EQ(stored().version, 0U);
}

TEST_F(PolicyTest, OnlyWhoAdministersTheTenantMayReadOrChangeIt) {
  const auto credential = token({{model::kAllCapabilities, {"*"}, {"*"}}});
  EXPECT_EQ(code_of(credential, model::GetPolicy{}), Code::permission_denied);
  EXPECT_EQ(code_of(credential, model::ApplyPolicy{{}, {}, false}), Code::permission_denied);
  EXPECT_EQ(code_of(credential, model::ApplyPolicy{{}, {}, true}), Code::permission_denied);
}

TEST_F(PolicyTest, AChangeTakesEffectOnTheNextRequestAndNotBeforeItsCommit) {
  ASSERT_TRUE(run(*core, put("app/db", "1")).ok());
  std::string subject;
  const auto credential = token({}, &subject);
  EXPECT_EQ(code_of(credential, get("app/db")), Code::permission_denied) << "no scopes, no roles, no rights";
  auto change = call(model::ApplyPolicy{policy_for({subject}), {}, false});
  send(*core, *change);
  auto early = call(get("app/db"));
  early->request.credential = credential;
  send(*core, *early);
  EXPECT_EQ(early->reply.error().code, Code::permission_denied) << "it may still fail";
  commit(*core, /*apply=*/false);
  EXPECT_EQ(code_of(credential, get("app/db")), Code::ok);
  apply({});
  EXPECT_EQ(code_of(credential, get("app/db")), Code::permission_denied);
  core = open();
  apply(policy_for({"token:*"}));
  EXPECT_EQ(code_of(credential, get("app/db")), Code::ok) << "also by a prefix, also after a restart";
}

TEST_F(PolicyTest, DenyDominatesATokensScopesAndAnOpenDoor) {
  for (const char* name : {"app/prod/db", "app/test/db"}) ASSERT_TRUE(run(*core, put(name, "1")).ok());
  std::string subject;
  const auto credential = token({{model::kAllCapabilities, {"*"}, {"*"}}}, &subject);
  model::Credential dapr;
  dapr.kind = model::CredentialKind::open_door;
  dapr.door = model::Door::dapr;
  EXPECT_EQ(code_of(credential, get("app/prod/db")), Code::ok);
  EXPECT_EQ(code_of(dapr, get("app/prod/db")), Code::ok);
  apply(policy_for({}, {subject, "door:dapr"}));
  for (const auto& caller : {credential, dapr}) {
    EXPECT_EQ(code_of(caller, get("app/prod/db")), Code::permission_denied);
    EXPECT_EQ(code_of(caller, put("app/prod/db", "2")), Code::permission_denied);
    EXPECT_EQ(code_of(caller, model::History{"kv", "app/prod/db"}), Code::permission_denied);
    EXPECT_EQ(code_of(caller, get("app/test/db")), Code::ok);
    EXPECT_THAT(listed(caller), ElementsAre("app/test/db"));
    EXPECT_THAT(listed(caller, true), ElementsAre("app/test/db"));
  }
}

TEST_F(PolicyTest, ATokensScopesAreNotWidenedByARole) {
  ASSERT_TRUE(run(*core, put("app/db", "1")).ok());
  apply(policy_for({"*"}));
  const auto credential = token({{bit(model::Capability::list), {"kv"}, {"*"}}});
  EXPECT_EQ(code_of(credential, get("app/db")), Code::permission_denied);
}

TEST_F(PolicyTest, ATimeBoundGrantEndsAndDoesNotComeBackWithTheClock) {
  ASSERT_TRUE(run(*core, put("app/db", "1")).ok());
  auto policy = policy_for({"token:*"});
  policy.roles[0].grants[0].period = {now + 100, now + 200};
  apply(policy);
  const auto credential = token();
  EXPECT_EQ(code_of(credential, get("app/db")), Code::permission_denied);
  now += 100;
  EXPECT_EQ(code_of(credential, get("app/db")), Code::ok);
  EXPECT_THAT(listed(credential), ElementsAre("app/db"));
  now += 100;
  EXPECT_EQ(code_of(credential, get("app/db")), Code::permission_denied);
  EXPECT_THAT(listed(credential), IsEmpty());
  ASSERT_TRUE(run(*core, put("b", "1")).ok()) << "commits the time";
  now -= 50;
  EXPECT_EQ(code_of(credential, get("app/db")), Code::permission_denied);
}

TEST_F(PolicyTest, PermissionsOfAnEntryOpenItToWhomTheyName) {
  ASSERT_TRUE(run(*core, put("shared", "1")).ok());
  ASSERT_TRUE(run(*core, put("other", "1")).ok());
  std::string subject;
  const auto credential = token({}, &subject);
  ASSERT_TRUE(run(*core, model::SetPermission{"kv", "shared", subject, model::Level::read}).ok());
  EXPECT_THAT(listed(credential), ElementsAre("shared"));
  EXPECT_THAT(listed(credential, true), IsEmpty());
  EXPECT_EQ(code_of(credential, model::Get{"kv", "shared", 0, false}), Code::ok);
  EXPECT_EQ(code_of(credential, get("shared")), Code::permission_denied);
  ASSERT_TRUE(run(*core, model::SetPermission{"kv", "shared", subject, model::Level::user}).ok());
  EXPECT_EQ(code_of(credential, get("shared")), Code::ok);
  EXPECT_EQ(code_of(credential, put("shared", "2")), Code::ok);
  EXPECT_EQ(code_of(credential, model::Delete{"kv", "shared", {}, {}, {}, false}), Code::permission_denied);
  EXPECT_EQ(code_of(credential, model::SetPermission{"kv", "shared", subject, model::Level::admin}),
            Code::permission_denied);
  core = open();
  EXPECT_EQ(code_of(credential, get("shared")), Code::ok) << "they are stored with the entry";
  ASSERT_TRUE(run(*core, model::SetPermission{"kv", "shared", subject, std::nullopt}).ok());
  EXPECT_EQ(code_of(credential, get("shared")), Code::permission_denied);
}

TEST_F(PolicyTest, WhoMayNotReadLearnsNothingOfWhatExists) {
  ASSERT_TRUE(run(*core, put("there", "1")).ok());
  const auto credential = token();
  const auto there = run_as(*core, credential, get("there")), missing = run_as(*core, credential, get("where"));
  EXPECT_EQ(there.error().code, Code::permission_denied);
  EXPECT_EQ(missing.error().code, Code::permission_denied);
  model::Transact transact;
  transact.operations.emplace_back(model::Check{"kv", "there", 1});
  EXPECT_EQ(code_of(credential, transact), Code::permission_denied);
}

TEST_F(PolicyTest, TheOwnerOfAnEntryMayShareAndDeleteIt) {
  auto policy = policy_for({});
  policy.roles.push_back({"creator", "", {{model::Effect::allow, bit(model::Capability::write), {"kv"}, {"*"}, {}}}});
  policy.bindings.push_back({"creator", {"token:*"}, {}});
  apply(policy);
  std::string alice_name, bob_name;
  const auto alice = token({}, &alice_name), bob = token({}, &bob_name);
  model::Put owned = put("mine", "1");
  owned.caller_owns = true;
  ASSERT_EQ(code_of(alice, owned), Code::ok);
  EXPECT_EQ(code_of(alice, get("mine")), Code::ok);
  EXPECT_EQ(code_of(bob, get("mine")), Code::permission_denied);
  EXPECT_EQ(code_of(alice, model::SetPermission{"kv", "mine", bob_name, model::Level::user}), Code::ok);
  EXPECT_EQ(code_of(bob, get("mine")), Code::ok);
  EXPECT_EQ(code_of(bob, model::Delete{"kv", "mine", {}, {}, {}, false}), Code::permission_denied);
  EXPECT_EQ(code_of(alice, model::Delete{"kv", "mine", {}, {}, {}, false}), Code::ok);
}

TEST_F(PolicyTest, ARunningListLosesTheRightsThatItsCallerLoses) {
  constexpr int kEntries = 4200;  // more than one slice looks at
  for (int first = 0; first < kEntries; first += 100) {
    model::Transact many;
    for (int i = first; i < first + 100; ++i) many.operations.emplace_back(put("app/" + std::to_string(i), "1"));
    ASSERT_TRUE(run(*core, std::move(many)).ok());
  }
  apply(policy_for({"token:*"}));
  const auto credential = token();
  model::List list;
  list.space = "kv";
  list.limit = 0;
  ASSERT_EQ(std::get<model::ListReply>(run_as(*core, credential, list)->body).entries.size(), kEntries);

  auto running = call(list);
  running->request.credential = credential;
  std::vector<Submission> out;
  core->handle(CallHandle(running.get()), out);
  ASSERT_TRUE(core->has_work());
  ASSERT_EQ(running->completed, 0) << "the first slice is done";
  change(model::ApplyPolicy{policy_for({}), {}, false});
  while (core->has_work()) core->work();
  ASSERT_TRUE(running->reply.ok());
  EXPECT_THAT(std::get<model::ListReply>(running->reply->body).entries, IsEmpty())
      << "also what was collected before the change";
}

TEST_F(PolicyTest, ARunningListEndsWithItsToken) {
  ASSERT_TRUE(run(*core, put("app/db", "1")).ok());
  apply(policy_for({"token:*"}));
  model::CreateToken request;
  const auto made = create_token(*core, request);
  auto running = call(model::List{.space = "kv"});
  running->request.credential = credential_of(made);
  std::vector<Submission> out;
  core->handle(CallHandle(running.get()), out);
  ASSERT_EQ(running->completed, 0) << "the index is not there yet";
  change(model::RevokeToken{made.token.id});
  while (core->has_work()) core->work();
  EXPECT_EQ(running->reply.error().code, Code::unauthenticated);
}

TEST_F(PolicyTest, ADamagedPolicyRowOpensNothing) {
  ASSERT_TRUE(run(*core, put("app/db", "1")).ok());
  apply(policy_for({"token:*"}));
  const auto credential = token();
  storage::StateWriter writer(*engine);
  writer.apply(model::GroupId{1}, model::Generation{1}, tenant, {{storage::kPolicyRow, "damaged"}});
  ASSERT_TRUE(writer.write().ok());
  core = open();
  EXPECT_EQ(code_of(credential, get("app/db")), Code::data_loss);
}

}  // namespace
}  // namespace coffer::actors

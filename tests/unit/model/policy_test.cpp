// What a policy means, what is refused with which words, and how two policies differ.

#include "model/policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/access.hpp"

namespace coffer::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint32_t bit_of(Capability capability) { return static_cast<std::uint32_t>(capability); }
constexpr std::uint32_t kReadValue = bit_of(Capability::read_value);

Grant grant(Effect effect, std::uint32_t capabilities, std::string space, std::string name, Period period = {}) {
  return {effect, capabilities, {std::move(space)}, {std::move(name)}, period};
}

class PolicyTest : public testing::Test {
 protected:
  PolicySet policy{0,
                   {{"reader", "reads", {grant(Effect::allow, kReadValue, "kv", "app/*")}},
                    {"no-prod", "", {grant(Effect::deny, kAllCapabilities, "*", "app/prod/*")}}},
                   {{"reader", {"user:ann", "role:ops"}, {}}},
                   0,
                   {}};
  Limits limits;

  Verdict judge(Principal who, Capability what, std::string_view name, const Entry* entry = nullptr, TimeMs now = 1) {
    who.rights = rights_of(std::make_shared<const PolicySet>(policy), who.name, who.roles);
    return PolicyAuthorizer().judge(who, what, "kv", name, entry, now);
  }
  bool may(std::string subject, std::string_view name, const Entry* entry = nullptr, TimeMs now = 1) {
    return judge({std::move(subject), false, {}, {}, {}}, Capability::read_value, name, entry, now) == Verdict::allowed;
  }
  std::string refused() {
    const Status status = check_policy(policy, limits);
    return status ? std::string() : std::string(status.error().message());
  }
};

TEST_F(PolicyTest, ARoleGivesItsGrantsToWhomItIsBound) {
  EXPECT_TRUE(may("user:ann", "app/db"));
  EXPECT_FALSE(may("user:ann", "other"));
  EXPECT_FALSE(may("user:anna", "app/db"));
  EXPECT_EQ(judge({"user:bob", false, {}, {"ops"}, {}}, Capability::read_value, "app/db"), Verdict::allowed);
  EXPECT_EQ(judge({"user:bob", false, {}, {"opsx"}, {}}, Capability::read_value, "app/db"), Verdict::lacking);
}

TEST_F(PolicyTest, DenyDominatesWhateverAllows) {
  policy.bindings.push_back({"no-prod", {"*"}, {}});
  Entry owned;
  owned.owner = "user:ann";
  owned.permissions = {{"user:ann", Level::admin}};
  const Scope all{kAllCapabilities, {"*"}, {"*"}};
  EXPECT_EQ(judge({"user:ann", false, {}, {}, {}}, Capability::read_value, "app/prod/db", &owned), Verdict::denied);
  EXPECT_EQ(judge({"token:1", false, {all}, {}, {}}, Capability::read_value, "app/prod/db"), Verdict::denied);
  EXPECT_TRUE(may("user:ann", "app/test/db"));
  EXPECT_EQ(judge({"dev-root", true, {}, {}, {}}, Capability::read_value, "app/prod/db"), Verdict::allowed)
      << "the root of --dev is above the tenant's policy";
}

TEST_F(PolicyTest, ScopesAreACeilingThatNothingRaises) {
  policy.bindings = {{"reader", {"*"}, {}}};
  Entry owned;
  owned.owner = "token:1";
  const Scope narrow{bit_of(Capability::list), {"kv"}, {"*"}};
  EXPECT_EQ(judge({"token:1", false, {narrow}, {}, {}}, Capability::read_value, "app/db", &owned), Verdict::denied);
  EXPECT_EQ(judge({"token:1", false, {}, {}, {}}, Capability::read_value, "app/db"), Verdict::allowed)
      << "without scopes a token gets its rights by bindings";
}

TEST_F(PolicyTest, ABoundOfTimeEndsAtItsMillisecond) {
  policy.roles[0].grants[0].period = {100, 200};
  policy.bindings[0].period = {0, 150};
  EXPECT_FALSE(may("user:ann", "app/db", nullptr, 99));
  EXPECT_TRUE(may("user:ann", "app/db", nullptr, 100));
  EXPECT_TRUE(may("user:ann", "app/db", nullptr, 149));
  EXPECT_FALSE(may("user:ann", "app/db", nullptr, 150)) << "the binding's bound counts, too";
  policy.bindings[0].period = {};
  EXPECT_TRUE(may("user:ann", "app/db", nullptr, 199));
  EXPECT_FALSE(may("user:ann", "app/db", nullptr, 200));
}

TEST_F(PolicyTest, BindingsOfOneRoleAreCountedOnce) {
  policy.bindings = {{"reader", {"user:ann"}, {5, 10}}, {"reader", {"user:*"}, {}}, {"reader", {"*"}, {1, 2}}};
  const auto shared = std::make_shared<const PolicySet>(policy);
  EXPECT_EQ(rights_of(shared, "user:ann", {}).allows.size(), 1U) << "one has no bounds";
  EXPECT_EQ(rights_of(shared, "token:1", {}).allows.size(), 1U);
  EXPECT_EQ(rights_of(nullptr, "user:ann", {}).allows.size(), 0U);
}

TEST_F(PolicyTest, AnEntrysPermissionsGiveTheirLevelsAndNoMore) {
  Entry shared;
  shared.permissions = {{"role:ops", Level::read}, {"user:*", Level::user}};
  shared.owner = "user:eve";
  const auto may_on = [&](Principal who, Capability what) {
    return judge(std::move(who), what, "shared", &shared) == Verdict::allowed;
  };
  const Principal service{"service:ci", false, {}, {"ops"}, {}}, user{"user:bob", false, {}, {}, {}},
      owner{"user:eve", false, {}, {}, {}}, foreign{"cert:x", false, {}, {}, {}};
  EXPECT_TRUE(may_on(service, Capability::list));
  EXPECT_FALSE(may_on(service, Capability::read_value));
  EXPECT_TRUE(may_on(user, Capability::write));
  EXPECT_FALSE(may_on(user, Capability::del));
  EXPECT_TRUE(may_on(owner, Capability::del));
  EXPECT_TRUE(may_on(owner, Capability::grant));
  EXPECT_FALSE(may_on(owner, Capability::inject)) << "inject shows what may not be read; only a policy gives it";
  EXPECT_FALSE(may_on(owner, Capability::admin));
  EXPECT_FALSE(may_on(foreign, Capability::list));
}

TEST_F(PolicyTest, AnEntryWithoutOwnerBelongsToNobody) {
  const Entry entry;
  EXPECT_EQ(judge({"", false, {}, {}, {}}, Capability::read, "n", &entry), Verdict::lacking);
}

TEST_F(PolicyTest, AGoodPolicyIsAccepted) {
  EXPECT_EQ(refused(), "");
  policy = {};
  EXPECT_EQ(refused(), "") << "an empty one takes every role away";
}

TEST_F(PolicyTest, WhatIsWrongIsNamedWithItsPlace) {
  const PolicySet good = policy;
  const auto expect = [&](const char* words, auto&& change) {
    policy = good;
    change(policy);
    EXPECT_THAT(refused(), HasSubstr(words));
  };
  expect("roles[0]: name: \"Reader\" is not 1 to 63 lower-case", [](PolicySet& p) { p.roles[0].name = "Reader"; });
  expect("roles[1]: name: an earlier role is called \"reader\"", [](PolicySet& p) { p.roles[1].name = "reader"; });
  expect("roles[1]: grants[0]: capabilities: at least one",
         [](PolicySet& p) { p.roles[1].grants[0].capabilities = 0; });
  expect("roles[0]: grants[0]: spaces: at least one", [](PolicySet& p) { p.roles[0].grants[0].spaces.clear(); });
  expect("roles[0]: grants[0]: effect: it is allow or deny",
         [](PolicySet& p) { p.roles[0].grants[0].effect = static_cast<Effect>(3); });
  expect("roles[0]: grants[0]: names[0]: ", [](PolicySet& p) { p.roles[0].grants[0].names[0] = ""; });
  expect("roles[0]: grants[1]: it stands there twice",
         [](PolicySet& p) { p.roles[0].grants.push_back(p.roles[0].grants[0]); });
  expect("roles[0]: grants[0]: expires_at: 1970-01-01T00:00:00.005Z is not after not_before", [](PolicySet& p) {
    p.roles[0].grants[0].period = {5, 5};
  });
  expect("bindings[0]: role: there is no role \"raeder\"", [](PolicySet& p) { p.bindings[0].role = "raeder"; });
  expect("bindings[0]: subjects: at least one is needed", [](PolicySet& p) { p.bindings[0].subjects.clear(); });
  expect("bindings[0]: subjects[1]: \"ann\" is no subject; write one of user:",
         [](PolicySet& p) { p.bindings[0].subjects[1] = "ann"; });
  expect("bindings[0]: subjects[1]: \"us*\" is no subject", [](PolicySet& p) { p.bindings[0].subjects[1] = "us*"; });
  expect("bindings[0]: subjects[1]: \"user:ann\" stands there twice",
         [](PolicySet& p) { p.bindings[0].subjects[1] = "user:ann"; });
  expect("bindings[1]: it stands there twice", [](PolicySet& p) {
    p.bindings.push_back({"reader", {"role:ops", "user:ann"}, {}});
  });
}

TEST_F(PolicyTest, IsBounded) {
  limits.roles = limits.grants = limits.bindings = limits.subjects = 2;
  EXPECT_EQ(refused(), "");
  const PolicySet good = policy;
  policy.roles.push_back({"third", "", {}});
  EXPECT_EQ(refused(), "roles: 3 are too many; at most 2 are allowed");
  policy = good;
  policy.bindings[0].subjects.push_back("user:c");
  EXPECT_EQ(refused(), "bindings[0]: subjects: 3 are too many; at most 2 are allowed");
  policy = good;
  limits.policy_bytes = 10;
  EXPECT_THAT(refused(), HasSubstr("bytes; at most 10 are allowed"));
}

TEST_F(PolicyTest, ADifferenceHasALineForEachChange) {
  PolicySet after = policy;
  after.roles[0].description = "reads more";
  after.roles[0].grants = {
      grant(Effect::allow, kReadValue | bit_of(Capability::list), "kv", "app/*", {0, 1'800'000'000'000})};
  after.roles[1] = {"writer", "", {grant(Effect::allow, bit_of(Capability::write), "kv", "*")}};
  after.bindings = {{"reader", {"role:ops"}, {}}};
  EXPECT_THAT(policy_difference(policy, after),
              ElementsAre("- role no-prod",
                          "- role no-prod: deny list, read, read-value, write, delete, inject, grant, admin on "
                          "app/prod/* in *",
                          "~ role reader: its description is now \"reads more\"",
                          "- role reader: allow read-value on app/* in kv",
                          "+ role reader: allow list, read-value on app/* in kv until 2027-01-15T08:00:00.000Z",
                          "+ role writer", "+ role writer: allow write on * in kv",
                          "- binding of role reader to role:ops, user:ann", "+ binding of role reader to role:ops"));
}

TEST_F(PolicyTest, OrderIsNoDifference) {
  PolicySet after = policy;
  std::swap(after.roles[0], after.roles[1]);
  std::swap(after.bindings[0].subjects[0], after.bindings[0].subjects[1]);
  EXPECT_THAT(policy_difference(policy, after), IsEmpty());
}

}  // namespace
}  // namespace coffer::model

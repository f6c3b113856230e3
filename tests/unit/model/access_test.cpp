// Capabilities by name, patterns, and what a token's scopes allow.

#include "model/access.hpp"

#include <gtest/gtest.h>

namespace coffer::model {
namespace {

constexpr std::uint32_t bit(Capability capability) { return static_cast<std::uint32_t>(capability); }

TEST(Capability, EveryBitHasANameThatIsReadBack) {
  for (std::uint32_t value = 1; value <= kAllCapabilities; value <<= 1) {
    const auto capability = static_cast<Capability>(value);
    const Result<Capability> parsed = parse_capability(to_string(capability));
    ASSERT_TRUE(parsed.ok()) << to_string(capability);
    EXPECT_EQ(*parsed, capability);
  }
  EXPECT_EQ(to_string(Capability::read_value), "read-value");
  EXPECT_EQ(to_string(Capability::del), "delete");
}

TEST(Capability, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  for (const char* text : {"", "Read", "read_value", "read ", "all", "*"}) {
    const Result<Capability> parsed = parse_capability(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, Code::invalid_argument);
  }
  EXPECT_EQ(
      parse_capability("raed").error().detail,
      "capability \"raed\" does not exist; there are list, read, read-value, write, delete, inject, grant, admin");
}

TEST(Door, HasAName) {
  EXPECT_EQ(to_string(Door::native), "native");
  EXPECT_EQ(to_string(Door::direktiv), "direktiv");
  EXPECT_EQ(to_string(Door::dapr), "dapr");
  EXPECT_EQ(to_string(Door::cloudforet), "cloudforet");
  EXPECT_EQ(to_string(Door::tapis), "tapis");
  EXPECT_EQ(to_string(Door::admin), "admin");
}

TEST(Pattern, WithoutAStarIsTheWholeName) {
  EXPECT_TRUE(pattern_matches("app/db", "app/db"));
  EXPECT_FALSE(pattern_matches("app/db", "app/db2"));
  EXPECT_FALSE(pattern_matches("app/db", "app/d"));
  EXPECT_FALSE(pattern_matches("app/db", "App/db"));
  EXPECT_FALSE(pattern_matches("", "a"));
}

TEST(Pattern, ATrailingStarMatchesEveryContinuation) {
  EXPECT_TRUE(pattern_matches("*", ""));
  EXPECT_TRUE(pattern_matches("*", "anything"));
  EXPECT_TRUE(pattern_matches("app/*", "app/"));
  EXPECT_TRUE(pattern_matches("app/*", "app/db/1"));
  EXPECT_FALSE(pattern_matches("app/*", "app"));
  EXPECT_FALSE(pattern_matches("app/*", "xapp/db"));
}

TEST(Pattern, AStarElsewhereIsLiteral) {
  EXPECT_FALSE(pattern_matches("a*b", "axb"));
  EXPECT_TRUE(pattern_matches("a*b", "a*b"));
  EXPECT_FALSE(pattern_matches("a*b", "a*c"));
  EXPECT_FALSE(pattern_matches("a*b", "a*bc"));
  EXPECT_FALSE(pattern_matches("*/db", "app/db"));
  EXPECT_FALSE(pattern_matches("a**", "ab"));
  EXPECT_TRUE(pattern_matches("a**", "a*b"));
}

class ScopesTest : public testing::Test {
 protected:
  bool may(Capability capability, std::string_view space, std::string_view name) const {
    return PolicyAuthorizer().judge(principal, capability, space, name, nullptr, 0) == Verdict::allowed;
  }
  Principal principal{"token:3fa9", false, {}, {}, {}};
};

TEST_F(ScopesTest, WithoutScopesNothingIsAllowed) {
  for (std::uint32_t value = 1; value <= kAllCapabilities; value <<= 1) {
    EXPECT_FALSE(may(static_cast<Capability>(value), "kv", "a"));
  }
}

TEST_F(ScopesTest, EmptyListsOfPatternsMatchNothing) {
  principal.scopes = {{kAllCapabilities, {}, {"*"}}, {kAllCapabilities, {"*"}, {}}};
  EXPECT_FALSE(may(Capability::read, "kv", "a"));
  EXPECT_FALSE(may(Capability::read, "", ""));
}

TEST_F(ScopesTest, AScopeGrantsExactlyItsCapabilities) {
  for (std::uint32_t granted = 1; granted <= kAllCapabilities; granted <<= 1) {
    principal.scopes = {{granted, {"kv"}, {"*"}}};
    for (std::uint32_t asked = 1; asked <= kAllCapabilities; asked <<= 1) {
      EXPECT_EQ(may(static_cast<Capability>(asked), "kv", "a"), asked == granted);
    }
  }
}

TEST_F(ScopesTest, SpaceAndNameMustMatchInTheSameScope) {
  principal.scopes = {{bit(Capability::read), {"kv"}, {"app/*"}}, {bit(Capability::read), {"direktiv"}, {"*"}}};
  EXPECT_TRUE(may(Capability::read, "kv", "app/db"));
  EXPECT_TRUE(may(Capability::read, "direktiv", "other"));
  EXPECT_FALSE(may(Capability::read, "kv", "other"));
  EXPECT_FALSE(may(Capability::read, "tapis", "app/db"));
}

TEST_F(ScopesTest, ASecondPatternOfAListCounts) {
  principal.scopes = {{bit(Capability::write), {"a", "kv*"}, {"x", "app/*"}}};
  EXPECT_TRUE(may(Capability::write, "kv2", "app/db"));
}

TEST_F(ScopesTest, EverythingNeedsNoScope) {
  principal.everything = true;
  EXPECT_TRUE(may(Capability::admin, "kv", "a"));
}

TEST_F(ScopesTest, ADenialNamesWhoLacksWhatWhere) {
  EXPECT_EQ(
      refusal(principal, Capability::read_value, "kv", "app/db"),
      Error(Code::permission_denied, "\"token:3fa9\" lacks the capability read-value on \"app/db\" in space \"kv\""));
}

}  // namespace
}  // namespace coffer::model

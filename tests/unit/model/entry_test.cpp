// Entries: lookup of versions, readability, and the checks of names, spaces, tags.

#include "model/entry.hpp"

#include <gtest/gtest.h>

namespace coffer::model {
namespace {

Version version(std::uint64_t number, State state) {
  Version v;
  v.number = number;
  v.state = state;
  return v;
}

TEST(Entry, FindsVersionsByNumber) {
  Entry entry;
  EXPECT_EQ(entry.find(1), nullptr);
  for (const std::uint64_t number : {3, 4, 7}) entry.versions.push_back(version(number, State::active));
  EXPECT_EQ(entry.find(3)->number, 3u);
  EXPECT_EQ(entry.find(7)->number, 7u);
  for (const std::uint64_t number : {0, 1, 5, 8}) EXPECT_EQ(entry.find(number), nullptr) << number;
}

TEST(Entry, IsReadableWhileItsNewestVersionIsActiveAndBeforeItsExpiry) {
  Entry entry;
  EXPECT_FALSE(entry.readable_at(5));
  entry.versions = {version(1, State::deleted), version(2, State::active)};
  EXPECT_TRUE(entry.readable_at(5));
  entry.expires_at = 6;
  EXPECT_TRUE(entry.readable_at(5));
  EXPECT_FALSE(entry.readable_at(6));
  entry.expires_at = 0;
  entry.versions.push_back(version(3, State::deleted));
  EXPECT_FALSE(entry.readable_at(5));
}

TEST(State, HasAName) {
  EXPECT_EQ(to_string(State::active), "active");
  EXPECT_EQ(to_string(State::deleted), "deleted");
  EXPECT_EQ(to_string(State::destroyed), "destroyed");
}

TEST(TenantName, FollowsItsGrammar) {
  for (const std::string name : {"a", "0", "a1", "acme.prod_eu-1", "a..b"})
    EXPECT_TRUE(check_tenant_name(name).ok()) << name;
  EXPECT_TRUE(check_tenant_name(std::string(63, 'a')).ok());
  for (const std::string name : {"", "A", "-a", ".a", "_a", "a-", "a.", "a_", "a b", "a/b", "\xc3\xa9", "a\n"}) {
    ASSERT_FALSE(check_tenant_name(name).ok()) << name;
    EXPECT_EQ(check_tenant_name(name).error().code, Code::invalid_argument) << name;
  }
  EXPECT_EQ(check_tenant_name(std::string(64, 'a')).error(),
            Error(Code::too_large, "tenant: 64 bytes; at most 63 are allowed"));
}

TEST(Space, FollowsItsGrammar) {
  for (const std::string space : {"kv", "0", "cloudforet.user_secret", "a-", "a."})
    EXPECT_TRUE(check_space(space).ok()) << space;
  EXPECT_TRUE(check_space(std::string(63, 's')).ok());
  EXPECT_EQ(check_space(std::string(64, 's')).error().code, Code::too_large);
  for (const std::string space : {"", "KV", ".kv", "k v", "kv/", "kv*", "*"}) {
    ASSERT_FALSE(check_space(space).ok()) << space;
    EXPECT_EQ(check_space(space).error().code, Code::invalid_argument) << space;
  }
  EXPECT_EQ(check_space("KV").error().detail, "space: \"KV\" must begin with a lower-case letter or a digit");
  EXPECT_EQ(check_space("k v").error().detail,
            "space: \"k v\" may hold only lower-case letters, digits, '.', '_' and '-'");
}

TEST(Name, MayHoldAnythingPrintable) {
  for (const std::string name :
       {"a", " ", "/", "a/b:c?d#e%20*", "..", "\xc3\xa9", "\xf0\x9f\x94\x91", "\xc2\xa0", "\xe2\x80\xa8"}) {
    EXPECT_TRUE(check_name(name, {}).ok()) << name;
  }
}

TEST(Name, MayNotHoldControlCharacters) {
  for (char32_t c = 0; c < 0xa0; ++c) {
    const std::string character =
        c < 0x80 ? std::string{static_cast<char>(c)} : std::string{static_cast<char>(0xc2), static_cast<char>(c)};
    const bool control = c < 0x20 || c == 0x7f || (c >= 0x80 && c <= 0x9f);
    EXPECT_EQ(check_name("a" + character + "b", {}).ok(), !control) << static_cast<unsigned>(c);
  }
  EXPECT_EQ(check_name("ab\x7f", {}).error().detail, "name: it holds the control character U+007F at byte 2");
  EXPECT_EQ(check_name("\xc3\xa9\xc2\x85", {}).error().detail, "name: it holds the control character U+0085 at byte 2");
}

TEST(Name, IsBoundedInBytes) {
  EXPECT_EQ(check_name("", {}).error(), Error(Code::invalid_argument, "name: it is empty; 1 to 512 bytes are needed"));
  EXPECT_TRUE(check_name(std::string(512, 'n'), {}).ok());
  EXPECT_EQ(check_name(std::string(513, 'n'), {}).error(),
            Error(Code::too_large, "name: 513 bytes; at most 512 are allowed"));
  std::string accents;
  for (int i = 0; i < 256; ++i) accents += "\xc3\xa9";
  EXPECT_TRUE(check_name(accents, {}).ok());
  EXPECT_FALSE(check_name(accents + "a", {}).ok());
}

TEST(Name, MustBeUtf8) {
  EXPECT_EQ(check_name("ab\xff", {}).error(), Error(Code::invalid_argument, "name: it is not UTF-8 at byte 2"));
  EXPECT_FALSE(check_name("\xc0\x80", {}).ok());
  EXPECT_FALSE(check_name("\xed\xa0\x80", {}).ok());
}

TEST(Tags, AreBoundedInNumberAndSize) {
  std::map<std::string, std::string> tags;
  for (int i = 0; i < 64; ++i) tags["key" + std::to_string(i)] = "v";
  EXPECT_TRUE(check_tags(tags, {}).ok());
  tags["one more"] = "v";
  EXPECT_EQ(check_tags(tags, {}).error(), Error(Code::too_large, "tags: 65 are too many; at most 64 are allowed"));
  EXPECT_TRUE(check_tags({{std::string(128, 'k'), std::string(512, 'v')}}, {}).ok());
  EXPECT_EQ(check_tags({{std::string(129, 'k'), ""}}, {}).error(),
            Error(Code::too_large, "tags: key: 129 bytes; at most 128 are allowed"));
  EXPECT_EQ(check_tags({{"env", std::string(513, 'v')}}, {}).error(),
            Error(Code::too_large, "tags: value of \"env\": 513 bytes; at most 512 are allowed"));
}

TEST(Tags, HaveKeysLikeNamesAndValuesOfAnyText) {
  EXPECT_TRUE(check_tags({{"k", ""}, {"note", "two\nlines"}}, {}).ok());
  EXPECT_FALSE(check_tags({{"", "v"}}, {}).ok());
  EXPECT_FALSE(check_tags({{"a\nb", "v"}}, {}).ok());
  EXPECT_EQ(check_tags({{"env", "\xff"}}, {}).error(),
            Error(Code::invalid_argument, "tags: value of \"env\": it is not UTF-8 at byte 0"));
}

TEST(DoorSpaces, AreThoseOfTheDoors) {
  for (const char* space : {"direktiv", "tapis", "cloudforet.secret", "cloudforet.user_secret"})
    EXPECT_TRUE(is_door_space(space));
  for (const char* space : {"kv", "direktiv2", "tapis.x", "cloudforet", "cloudforetx", ""})
    EXPECT_FALSE(is_door_space(space));
}

}  // namespace
}  // namespace coffer::model

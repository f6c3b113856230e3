// Paths to endpoints and the words in them: literals before variables, custom verbs, percent-encoding.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http/router.hpp"
#include "net/http/words.hpp"

namespace coffer::net::http {
namespace {

/// Endpoints are told apart by their addresses alone.
const Endpoint* endpoint(int number) {
  static char places[16];
  return reinterpret_cast<const Endpoint*>(&places[number]);
}

class Routes : public testing::Test {
 protected:
  void add(const char* method, const char* pattern, int number) {
    const auto status = router.add(method, pattern, endpoint(number));
    ASSERT_TRUE(status.ok()) << status.error().message();
  }
  /// "number name=raw name=raw", or "-" with the allowed methods.
  std::string find(std::string_view method, std::string_view path) {
    const auto match = router.find(method, path);
    if (!match.endpoint) return "-" + match.allow;
    std::string text;
    for (int i = 0; i < 16; ++i) {
      if (match.endpoint == endpoint(i)) text = std::to_string(i);
    }
    for (const auto& [name, raw] : match.variables) text.append(" ").append(name).append("=").append(raw);
    return text;
  }
  Router router;
};

TEST_F(Routes, match_segment_by_segment_on_the_raw_path) {
  add("GET", "/v1/tenants/{tenant}/secrets/{name}", 1);
  EXPECT_EQ(find("GET", "/v1/tenants/a/secrets/b"), "1 tenant=a name=b");
  EXPECT_EQ(find("GET", "/v1/tenants/a%2Fb/secrets/c%3Ad"), "1 tenant=a%2Fb name=c%3Ad");
  for (const char* path : {"", "/", "/v1", "/v1/tenants/a/secrets", "/v1/tenants/a/secrets/", "/v1/tenants//secrets/b",
                           "/v1/tenants/a/secrets/b/", "/v1/tenants/a/secrets/b/c", "v1/tenants/a/secrets/b",
                           "//v1/tenants/a/secrets/b", "/V1/tenants/a/secrets/b"}) {
    EXPECT_EQ(find("GET", path), "-") << path;
  }
}

TEST_F(Routes, prefer_a_literal_and_come_back_from_it) {
  add("GET", "/s/{store}/bulk", 1);
  add("GET", "/s/{store}/{key}", 2);
  add("GET", "/s/fixed/{key}/more", 3);
  EXPECT_EQ(find("GET", "/s/a/bulk"), "1 store=a");
  EXPECT_EQ(find("GET", "/s/a/bul%6b"), "2 store=a key=bul%6b");
  EXPECT_EQ(find("GET", "/s/fixed/x/more"), "3 key=x");
  EXPECT_EQ(find("GET", "/s/fixed/x"), "2 store=fixed key=x");
}

TEST_F(Routes, look_for_the_method_among_all_that_match) {
  add("GET", "/s/{store}/bulk", 1);
  add("PUT", "/s/{store}/{key}", 2);
  EXPECT_EQ(find("PUT", "/s/a/bulk"), "2 store=a key=bulk");
  EXPECT_EQ(find("DELETE", "/s/a/bulk"), "-GET, HEAD, PUT");
}

TEST_F(Routes, take_a_custom_verb_behind_the_last_colon) {
  add("GET", "/t/{tenant}/s/{name}", 1);
  add("GET", "/t/{tenant}/s/{name}:history", 2);
  add("POST", "/t/{tenant}:batch", 3);
  EXPECT_EQ(find("GET", "/t/a/s/b:history"), "2 tenant=a name=b");
  EXPECT_EQ(find("GET", "/t/a/s/b%3Ahistory"), "1 tenant=a name=b%3Ahistory");
  EXPECT_EQ(find("GET", "/t/a/s/b:c:history"), "2 tenant=a name=b:c");
  EXPECT_EQ(find("GET", "/t/a/s/b:other"), "-");
  EXPECT_EQ(find("GET", "/t/a/s/b:"), "-");
  EXPECT_EQ(find("GET", "/t/a/s/:history"), "-");
  EXPECT_EQ(find("POST", "/t/a/s/b:history"), "-GET, HEAD");
  EXPECT_EQ(find("POST", "/t/a:batch"), "3 tenant=a");
  EXPECT_EQ(find("GET", "/t/a:x/s/b"), "1 tenant=a:x name=b");
}

TEST_F(Routes, leave_a_colon_alone_where_no_verb_exists) {
  add("GET", "/s/{store}/{key}", 1);
  EXPECT_EQ(find("GET", "/s/redis/host:password"), "1 store=redis key=host:password");
}

TEST_F(Routes, serve_head_by_get_unless_it_has_its_own) {
  add("GET", "/a", 1);
  add("GET", "/b", 2);
  add("HEAD", "/b", 3);
  add("PUT", "/c", 4);
  EXPECT_EQ(find("HEAD", "/a"), "1");
  EXPECT_EQ(find("HEAD", "/b"), "3");
  EXPECT_EQ(find("HEAD", "/c"), "-PUT");
}

TEST_F(Routes, refuse_patterns_that_they_cannot_serve) {
  add("GET", "/a/{b=*}", 1);
  for (const char* pattern : {"a", "", "/a/{b=**}", "/a/**", "/a/x{b}", "/a/{b", "/a/{x}:", "/a/{other}"}) {
    EXPECT_FALSE(router.add("GET", pattern, endpoint(2)).ok()) << pattern;
  }
}

TEST(Words, of_a_target_are_path_and_query) {
  struct Case {
    const char *target, *path, *query;
  };
  for (const Case& c : {Case{"/a/b?c=d", "/a/b", "c=d"}, Case{"/a", "/a", ""}, Case{"/?x?y", "/", "x?y"},
                        Case{"http://host/a?b", "/a", "b"}, Case{"https://host", "/", ""},
                        Case{"http://host?x", "/", "x"}, Case{"*", "", ""}, Case{"host:80", "", ""}}) {
    const auto target = split_target(c.target);
    EXPECT_EQ(target.path, c.path) << c.target;
    EXPECT_EQ(target.query, c.query) << c.target;
  }
}

TEST(Words, are_percent_decoded) {
  struct Case {
    const char *raw, *plain, *form;  // null: an error
  };
  for (const Case& c :
       {Case{"abc", "abc", "abc"}, Case{"a%2Fb", "a/b", "a/b"}, Case{"a%2fb", "a/b", "a/b"}, Case{"a+b", "a+b", "a b"},
        Case{"a%2Bb", "a+b", "a+b"}, Case{"%25", "%", "%"}, Case{"%e4%bd%a0", "\xe4\xbd\xa0", "\xe4\xbd\xa0"},
        Case{"%2525", "%25", "%25"}, Case{"", "", ""}, Case{"%", nullptr, nullptr}, Case{"%2", nullptr, nullptr},
        Case{"a%", nullptr, nullptr}, Case{"%g0", nullptr, nullptr}, Case{"%0g", nullptr, nullptr},
        Case{"%-1", nullptr, nullptr}, Case{"% 1", nullptr, nullptr}}) {
    const auto plain = percent_decode(c.raw, false);
    ASSERT_EQ(plain.has_value(), c.plain != nullptr) << c.raw;
    EXPECT_EQ(plain.value_or(""), c.plain ? c.plain : "") << c.raw;
    const auto form = percent_decode(c.raw, true);
    ASSERT_EQ(form.has_value(), c.form != nullptr) << c.raw;
    EXPECT_EQ(form.value_or(""), c.form ? c.form : "") << c.raw;
  }
  EXPECT_EQ(percent_decode("%00", false), std::string(1, '\0'));
}

TEST(Words, of_a_query_come_in_order) {
  using testing::ElementsAre;
  using testing::Pair;
  EXPECT_THAT(*parse_query("a=1&b=2&a=3"), ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("a", "3")));
  EXPECT_THAT(*parse_query("a&&b=&=c&d=e=f"),
              ElementsAre(Pair("a", ""), Pair("b", ""), Pair("", "c"), Pair("d", "e=f")));
  EXPECT_THAT(*parse_query("a%3Db=c%26d+e"), ElementsAre(Pair("a=b", "c&d e")));
  EXPECT_TRUE(parse_query("")->empty());
  EXPECT_FALSE(parse_query("a=%"));
  EXPECT_FALSE(parse_query("%=a"));
}

}  // namespace
}  // namespace coffer::net::http

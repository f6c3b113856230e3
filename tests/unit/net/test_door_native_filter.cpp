// The grammar of List's filter (net/native/filter.hpp).

#include <gtest/gtest.h>

#include "net/native/filter.hpp"

namespace coffer::net::native {
namespace {

using Terms = std::vector<std::pair<std::string, std::string>>;

TEST(Filter, ReadsTermsJoinedByCommas) {
  const struct {
    const char* text;
    Terms terms;
  } table[] = {
      {"", {}},
      {"tags.env=prod", {{"env", "prod"}}},
      {"tags.env=prod,tags.team=a b", {{"env", "prod"}, {"team", "a b"}}},
      {"tags.empty=", {{"empty", ""}}},
      {"tags.empty=,tags.a=b", {{"empty", ""}, {"a", "b"}}},
      {"tags.a.b=c.d", {{"a.b", "c.d"}}},
      {"tags.env=a,tags.env=b", {{"env", "a"}, {"env", "b"}}},
      {R"(tags.k\=e\,y=v\,a\=l\\)", {{"k=e,y", "v,a=l\\"}}},
  };
  for (const auto& row : table) {
    const auto terms = parse_filter(row.text);
    ASSERT_TRUE(terms.ok()) << row.text << ": " << terms.error().message();
    EXPECT_EQ(*terms, row.terms) << row.text;
  }
}

TEST(Filter, RefusesWhatTheGrammarDoesNotAllowAndSaysWhere) {
  const struct {
    const char* text;
    const char* problem;
  } table[] = {
      {"env=prod", "filter, term 1: it does not begin with 'tags.'"},
      {"name=x", "filter, term 1: it does not begin with 'tags.'"},
      {"tags.env", "filter, term 1: '=' is missing"},
      {"tags.env,tags.a=b", "filter, term 1: '=' is missing"},
      {"tags.=x", "filter, term 1: the key is missing"},
      {"tags.a=b,", "filter, term 2: it is empty"},
      {",tags.a=b", "filter, term 1: it is empty"},
      {"tags.a=b,,tags.c=d", "filter, term 2: it is empty"},
      {"tags.a=b, tags.c=d", "filter, term 2: it does not begin with 'tags.'"},
      {"tags.a=b=c", "filter, term 1: a second '=' must be written as '\\='"},
      {"tags.a=b\\n", "filter, term 1: a backslash stands only before ',', '=' or a backslash"},
      {"tags.a=b\\", "filter, term 1: a backslash stands only before ',', '=' or a backslash"},
  };
  for (const auto& row : table) {
    const auto terms = parse_filter(row.text);
    ASSERT_FALSE(terms.ok()) << row.text;
    EXPECT_EQ(terms.error().code, model::Code::invalid_argument);
    EXPECT_EQ(terms.error().message(), std::string(row.problem) + "; write tags.KEY=VALUE, joined by ','");
  }
}

TEST(Filter, IsBounded) {
  std::string text = "tags.a=b";
  for (int i = 1; i < 64; ++i) text += ",tags.a=b";
  EXPECT_TRUE(parse_filter(text).ok());
  EXPECT_FALSE(parse_filter(text + ",tags.a=b").ok());
}

}  // namespace
}  // namespace coffer::net::native

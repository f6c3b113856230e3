// The JSON scanner: accepts what RFC 8259 accepts, refuses the rest with a position, stays linear and bounded.

#include "model/json_text.hpp"

#include <gtest/gtest.h>

#include <random>

namespace coffer::model {
namespace {

std::string written(std::string_view text) {
  Secret out;
  append_json_string(&out, text);
  return std::string(out.expose());
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

using TextPairs = std::vector<std::pair<std::string, std::string>>;

std::optional<TextPairs> split(std::string_view text) {
  const auto members = split_json_object(text);
  if (!members) return std::nullopt;
  TextPairs pairs;
  for (const auto& [key, value] : *members) pairs.emplace_back(key, std::string(value.expose()));
  return pairs;
}

TEST(JsonWriting, EscapesWhatRfc8259DemandsAndNothingElse) {
  EXPECT_EQ(written("plain /<>& \x7f \xc3\xa9 \xe2\x80\xa8"), "\"plain /<>& \x7f \xc3\xa9 \xe2\x80\xa8\"");
  EXPECT_EQ(written("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(written(std::string("\0\x01\x1f", 3)), R"("\u0000\u0001\u001f")");
  EXPECT_EQ(written(""), "\"\"");
}

TEST(JsonWriting, IsReadBackAsItWas) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += static_cast<char>(random() % 0x80);
    const auto members = split("{" + written(text) + ":" + written(text) + "}");
    ASSERT_TRUE(members);
    EXPECT_EQ(*members, (TextPairs{{text, text}}));
  }
}

TEST(JsonChecking, AcceptsEveryFormOfAValue) {
  for (const std::string text :
       {"{}", "[]", " [ ] ", "\t{ \"a\" : 1 , \"b\" : [ true , false , null ] }\r\n", "0", "-0", "10", "-12.5e+3",
        "1E5", "1e-5", "\"\"", "\"\\u00e9\\uD83D\\uDE00\\/\"", "true", "\"\x7f\xc3\xa9\"", "[[],{}]", "\"\\u0000\""}) {
    EXPECT_TRUE(check_json(text).ok()) << text << ": " << check_json(text).error().message();
  }
}

TEST(JsonChecking, RefusesEverythingElse) {
  for (const std::string text : {"",
                                 " ",
                                 "{",
                                 "}",
                                 "[",
                                 "]",
                                 "[1",
                                 "[1,",
                                 "[1,]",
                                 "[,1]",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "{1:1}",
                                 "{\"a\" 1}",
                                 "{\"a\":1 \"b\":2}",
                                 "01",
                                 "-",
                                 "+1",
                                 "1.",
                                 ".5",
                                 "1e",
                                 "1e+",
                                 "0x1",
                                 "NaN",
                                 "Infinity",
                                 "tru",
                                 "nul",
                                 "True",
                                 "'a'",
                                 "\"",
                                 "\"a",
                                 "\"\\",
                                 "\"\\x\"",
                                 "\"\\u12\"",
                                 "\"\\u12g4\"",
                                 "\"\\ud800\"",
                                 "\"\\ud800x\"",
                                 "\"\\ud800\\u0041\"",
                                 "\"\\ud800\\ud800\"",
                                 "\"\\udc00\"",
                                 "\"a\nb\"",
                                 "1 2",
                                 "{}x",
                                 "[1]]",
                                 "\"\xff\"",
                                 "// c\n1",
                                 "\xef\xbb\xbf{}"}) {
    EXPECT_FALSE(check_json(text).ok()) << text;
    EXPECT_FALSE(split_json_object(text)) << text;
    EXPECT_FALSE(split_json_object("{\"k\":" + text + "}")) << text;
  }
  EXPECT_FALSE(check_json(std::string("1\0", 2)).ok());
  EXPECT_FALSE(check_json(std::string("\0", 1)).ok());
}

TEST(JsonChecking, NamesThePositionAndNeverTheContent) {
  const Status status = check_json(R"({"password":"hunter2",})");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::invalid_argument);
  EXPECT_EQ(status.error().detail, "byte 22: a member's name in quotes is missing");
  EXPECT_EQ(check_json("\"abc\xff\"").error().detail, "byte 4: it is not UTF-8");
}

TEST(JsonChecking, BoundsTheDepth) {
  EXPECT_TRUE(check_json(nested(kMaxJsonDepth)).ok());
  EXPECT_FALSE(check_json(nested(kMaxJsonDepth + 1)).ok());
  EXPECT_TRUE(split_json_object("{\"a\":" + nested(kMaxJsonDepth - 1) + "}"));
  EXPECT_FALSE(split_json_object("{\"a\":" + nested(kMaxJsonDepth) + "}"));
  EXPECT_FALSE(check_json(std::string(1 << 20, '[')).ok()) << "a megabyte of brackets must not exhaust the stack";
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(check_json(objects).ok());
}

TEST(JsonSplitting, DecodesStringsAndKeepsOtherValuesAsText) {
  EXPECT_EQ(*split(" { \"s\" : \"a\\n\\u00e9\\ud83d\\ude00\" , \"n\" : -1.50 ,\"o\":{ \"x\" : [1, 2] "
                   "},\"b\":true,\"z\":null } "),
            (TextPairs{{"s", "a\n\xc3\xa9\xf0\x9f\x98\x80"},
                       {"n", "-1.50"},
                       {"o", "{ \"x\" : [1, 2] }"},
                       {"b", "true"},
                       {"z", "null"}}));
}

TEST(JsonSplitting, DecodesNamesAndKeepsOrderAndRepetition) {
  EXPECT_EQ(*split(R"({"\u0062":"1","a":"2","b":"3","":"4"})"),
            (TextPairs{{"b", "1"}, {"a", "2"}, {"b", "3"}, {"", "4"}}));
  EXPECT_EQ(*split("{}"), TextPairs{});
}

TEST(JsonSplitting, RefusesWhatIsNotAnObject) {
  for (const std::string text : {"[]", "\"{}\"", "1", "null", ""}) EXPECT_FALSE(split_json_object(text)) << text;
}

TEST(JsonSplitting, EveryCutOfATextIsRefused) {
  const std::string text = R"({"a":"x\u00e9","b":[1,{"c":"d"}],"e":-1.5e3})";
  ASSERT_TRUE(split_json_object(text));
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(split_json_object(text.substr(0, size))) << size;
}

TEST(JsonSplitting, SurvivesRandomDamage) {
  const std::string text = R"({"a":"x\u00e9\ud83d\ude00","b":[1,{"c":"d"}],"e":-1.5e3,"t":true})";
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = text;
    for (int i = 0; i < 3; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    const bool is_json = check_json(damaged).ok();
    EXPECT_EQ(split_json_object(damaged).has_value(), is_json && damaged.front() == '{') << damaged;
  }
}

}  // namespace
}  // namespace coffer::model

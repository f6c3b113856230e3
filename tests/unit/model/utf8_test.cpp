// UTF-8: every code point round trips, every ill-formed sequence is refused; and how texts stand in error details.

#include "model/utf8.hpp"

#include <gtest/gtest.h>

#include <string>

#include "model/text.hpp"

namespace coffer::model {
namespace {

// The obvious encoder, to compare with.
std::string encode(char32_t c) {
  const auto byte = [](char32_t b) { return static_cast<char>(b); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xc0 | c >> 6), byte(0x80 | (c & 63))};
  if (c < 0x10000) return {byte(0xe0 | c >> 12), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
  return {byte(0xf0 | c >> 18), byte(0x80 | (c >> 12 & 63)), byte(0x80 | (c >> 6 & 63)), byte(0x80 | (c & 63))};
}

bool is_scalar_value(char32_t c) { return c < 0x110000 && !(c >= 0xd800 && c < 0xe000); }

TEST(Utf8, DecodesEveryScalarValueAndRefusesSurrogatesAndWhatLiesBeyond) {
  for (char32_t c = 0; c < 0x120000; ++c) {
    char32_t decoded = 0xffffffff;
    const std::string bytes = encode(c);
    const std::size_t size = decode_utf8(bytes, &decoded);
    if (is_scalar_value(c)) {
      ASSERT_EQ(size, bytes.size()) << std::hex << static_cast<unsigned>(c);
      ASSERT_EQ(decoded, c);
    } else {
      ASSERT_EQ(size, 0u) << std::hex << static_cast<unsigned>(c);
    }
  }
}

TEST(Utf8, RefusesEveryTwoByteSequenceThatIsNotTheShortestForm) {
  for (int first = 0x80; first < 0x100; ++first) {
    for (int second = 0; second < 0x100; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      const bool well_formed = first >= 0xc2 && first <= 0xdf && second >= 0x80 && second <= 0xbf;
      EXPECT_EQ(is_valid_utf8(bytes), well_formed) << std::hex << first << " " << second;
    }
  }
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndCutSequences) {
  for (const std::string bytes :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82",
        "\xf0\x9f\x92", "\xe2\x28\xa1", "\xf8\x88\x80\x80\x80", "\xc3\x28"}) {
    EXPECT_FALSE(is_valid_utf8(bytes)) << in_quotes(bytes);
    EXPECT_FALSE(is_valid_utf8("0123456789" + bytes)) << in_quotes(bytes);
    EXPECT_EQ(valid_utf8_prefix("0123456789\xc3\xa9" + bytes), 12u) << in_quotes(bytes);
  }
}

TEST(Utf8, FindsAFaultAtEveryOffsetOfLongText) {
  for (std::size_t at = 0; at < 40; ++at) {
    std::string text(40, 'a');
    text[at] = '\xff';
    EXPECT_EQ(valid_utf8_prefix(text), at);
  }
}

TEST(Utf8, AcceptsNulAndTheEmptyText) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8(std::string("a\0b", 3)));
}

TEST(InQuotes, ShowsShortTextAsItIs) { EXPECT_EQ(in_quotes("db/pass\xc3\xa9"), "\"db/pass\xc3\xa9\""); }

TEST(InQuotes, IsAlwaysOneLineOfPrintableUtf8) {
  EXPECT_EQ(in_quotes("a\nb\"c\\d\xff\x7f\xc2\x85"), "\"a\\x0ab\\\"c\\\\d\\xff\\x7f\\xc2\\x85\"");
}

TEST(InQuotes, CutsLongTextBetweenCharacters) {
  EXPECT_EQ(in_quotes(std::string(64, 'n')), "\"" + std::string(64, 'n') + "\"");
  EXPECT_EQ(in_quotes(std::string(65, 'n')), "\"" + std::string(64, 'n') + "...\"");
  EXPECT_EQ(in_quotes(std::string(63, 'n') + "\xc3\xa9"), "\"" + std::string(63, 'n') + "...\"");
  EXPECT_LT(in_quotes(std::string(1 << 20, '\x01')).size(), 300u);
}

TEST(Rfc3339, WritesUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1'709'210'096'789), "2024-02-29T12:34:56.789Z");
  EXPECT_EQ(rfc3339(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace coffer::model

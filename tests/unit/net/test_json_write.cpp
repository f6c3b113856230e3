// Strings as JSON writes them (RFC 8259 section 7), wherever in a string an escape falls.

#include <gtest/gtest.h>

#include <cstdio>

#include "net/rest/json_write.hpp"

namespace coffer::net::rest {
namespace {

std::string as_json(std::string_view text) {
  std::string out;
  append_quoted(text, &out);
  return out;
}

/// The same, a character at a time.
std::string expected(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    char escape[8];
    if (c == '"' || c == '\\') {
      (out += '\\') += c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (byte < 0x20) {
      std::snprintf(escape, sizeof escape, "\\u%04x", byte);
      out += escape;
    } else {
      out += c;
    }
  }
  return out + '"';
}

TEST(JsonWrite, EscapesEachByteAtEachPlaceOfAWord) {
  for (int byte = 0; byte < 256; ++byte) {
    for (std::size_t place = 0; place < 20; ++place) {
      std::string text(20, 'x');
      text[place] = static_cast<char>(byte);
      ASSERT_EQ(as_json(text), expected(text)) << byte << " at " << place;
    }
  }
}

TEST(JsonWrite, EscapesNeighbours) {
  for (const char* text : {"", "\"", "\"\"\"\"\"\"\"\"\"", "a\\b\"c\nd", "\x01\x1f\x20\x7f",
                           "caf\xc3\xa9 \"\xf0\x9f\x98\x80\" 12345678\\"}) {
    EXPECT_EQ(as_json(text), expected(text));
  }
}

}  // namespace
}  // namespace coffer::net::rest

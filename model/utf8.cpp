// The well-formed byte sequences of the Unicode Standard, table 3-7; any thread.

#include "model/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace coffer::model {
namespace {

struct Shape {
  std::size_t size;         // 0: no character begins so
  unsigned char low, high;  // the range of the second byte; the later ones are 80..BF
};

Shape shape_of(unsigned char lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xc2) return {0, 0, 0};  // a continuation, or C0/C1: overlong
  if (lead < 0xe0) return {2, 0x80, 0xbf};
  if (lead == 0xe0) return {3, 0xa0, 0xbf};  // below A0: overlong
  if (lead == 0xed) return {3, 0x80, 0x9f};  // above 9F: surrogates
  if (lead < 0xf0) return {3, 0x80, 0xbf};
  if (lead == 0xf0) return {4, 0x90, 0xbf};  // below 90: overlong
  if (lead < 0xf4) return {4, 0x80, 0xbf};
  if (lead == 0xf4) return {4, 0x80, 0x8f};  // above 8F: beyond U+10FFFF
  return {0, 0, 0};
}

// Most text is ASCII: eight bytes at a time.
std::size_t ascii_prefix(std::string_view text, std::size_t from) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  while (from + 8 <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + from, sizeof word);
    if (word & kHighBits) break;
    from += 8;
  }
  while (from < text.size() && static_cast<unsigned char>(text[from]) < 0x80) ++from;
  return from;
}

}  // namespace

std::size_t decode_utf8(std::string_view text, char32_t* code_point) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const Shape shape = shape_of(byte(0));
  if (shape.size == 0 || shape.size > text.size()) return 0;
  if (shape.size == 1) {
    *code_point = byte(0);
    return 1;
  }
  if (byte(1) < shape.low || byte(1) > shape.high) return 0;
  char32_t value = byte(0) & (0x7fu >> shape.size);
  value = value << 6 | (byte(1) & 0x3fu);
  for (std::size_t i = 2; i < shape.size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    value = value << 6 | (byte(i) & 0x3fu);
  }
  *code_point = value;
  return shape.size;
}

std::size_t valid_utf8_prefix(std::string_view text) {
  std::size_t at = 0;
  while ((at = ascii_prefix(text, at)) < text.size()) {
    char32_t ignored;
    const std::size_t size = decode_utf8(text.substr(at), &ignored);
    if (size == 0) break;
    at += size;
  }
  return at;
}

bool is_valid_utf8(std::string_view text) { return valid_utf8_prefix(text) == text.size(); }

}  // namespace coffer::model

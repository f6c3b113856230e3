// Hexadecimal and base64url (RFC 4648 sections 8 and 5), strict: one text for each sequence of bytes.

#include "crypto/encoding.hpp"

#include "crypto/hash.hpp"

namespace coffer::crypto {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> values_of(std::string_view digits) {
  std::array<std::int8_t, 256> values{};
  for (auto& value : values) value = -1;
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  return values;
}
constexpr auto kBase64Values = values_of(kBase64Digits);
constexpr auto kHexValues = [] {
  auto values = values_of(kHexDigits);
  for (char c = 'A'; c <= 'F'; ++c) values[static_cast<unsigned char>(c)] = static_cast<std::int8_t>(c - 'A' + 10);
  return values;
}();

}  // namespace

void hex_into(std::string_view bytes, char* out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    *out++ = kHexDigits[byte >> 4];
    *out++ = kHexDigits[byte & 15];
  }
}

bool from_hex_into(std::string_view text, char* out, std::size_t size) {
  if (text.size() != 2 * size) return false;
  int bad = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const int high = kHexValues[static_cast<unsigned char>(text[2 * i])];
    const int low = kHexValues[static_cast<unsigned char>(text[2 * i + 1])];
    bad |= high | low;
    out[i] = static_cast<char>((high & 15) << 4 | (low & 15));
  }
  return bad >= 0;
}

void base64url_into(std::string_view bytes, char* out) {
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) *out++ = kBase64Digits[bits >> (count - 6) & 63];
  }
  if (count > 0) *out = kBase64Digits[bits << (6 - count) & 63];
}

bool from_base64url_into(std::string_view text, char* out, std::size_t size) {
  if (text.size() != base64url_size(size)) return false;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      *out++ = static_cast<char>(bits >> count);
    }
  }
  return (bits & ((1U << count) - 1)) == 0;
}

std::string hex(std::string_view bytes) {
  std::string out(2 * bytes.size(), '\0');
  hex_into(bytes, out.data());
  return out;
}

std::string base64url(std::string_view bytes) {
  std::string out(base64url_size(bytes.size()), '\0');
  base64url_into(bytes, out.data());
  return out;
}

model::Result<std::string> from_base64url(std::string_view text) {
  std::string out(text.size() * 3 / 4, '\0');
  if (!from_base64url_into(text, out.data(), out.size())) {
    return model::Error(model::Code::invalid_argument, "The text is not base64url without padding.");
  }
  return out;
}

}  // namespace coffer::crypto

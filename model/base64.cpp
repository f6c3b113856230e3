// Base64 (RFC 4648 sections 4 and 5) from and to Secret, as payload.hpp promises; any thread.

#include <array>
#include <cstdint>

#include "model/payload.hpp"

namespace coffer::model {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xff;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNone);
  for (std::uint8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kAlphabet[i])] = i;
  values['-'] = 62;
  values['_'] = 63;
  return values;
}();

Error malformed(const std::string& what) { return {Code::invalid_argument, "base64: " + what}; }

}  // namespace

Secret base64_encode(std::string_view bytes) {
  Secret out = Secret::of_size((bytes.size() + 2) / 3 * 4);
  char* to = out.expose_mutable();
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    *to++ = kAlphabet[group >> 18];
    *to++ = kAlphabet[group >> 12 & 63];
    *to++ = i + 1 < bytes.size() ? kAlphabet[group >> 6 & 63] : '=';
    *to++ = i + 2 < bytes.size() ? kAlphabet[group & 63] : '=';
  }
  return out;
}

Result<Secret> base64_decode(std::string_view text) {
  std::size_t digits = text.size();
  while (digits > 0 && text.size() - digits < 2 && text[digits - 1] == '=') --digits;
  if (digits != text.size() && text.size() % 4 != 0) return malformed("the padding does not fit the length");
  if (digits % 4 == 1)
    return malformed("the length " + std::to_string(digits) + " cannot be; the text is cut or too long");
  Secret out = Secret::of_size(digits * 3 / 4);
  char* to = out.expose_mutable();
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const std::uint8_t value = kValues[static_cast<unsigned char>(text[i])];
    if (value == kNone) return malformed("byte " + std::to_string(i) + " is not in the alphabet");
    group = group << 6 | value;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    *to++ = static_cast<char>(group >> bits);
  }
  if ((group & ((1u << bits) - 1)) != 0)
    return malformed("the last character has bits that belong to no byte; the text is cut");
  return out;
}

}  // namespace coffer::model

#pragma once
// Text and byte encodings that crypto's sources share: into buffers of the caller, because what they carry may be
// secret and has to be wiped by him. Pure, any thread. Public callers use hex() and base64url() of hash.hpp.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace coffer::crypto {

inline std::array<char, 4> big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}
/// REQUIRES: bytes.size() >= 4.
inline std::uint32_t from_big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}
/// Appends the size, 4 bytes big-endian, and the bytes: fields stay apart whatever they hold.
inline void append_sized(std::string& out, std::string_view bytes) {
  const auto size = big_endian(static_cast<std::uint32_t>(bytes.size()));
  out.append(size.data(), size.size()).append(bytes);
}

/// Writes 2 * bytes.size() digits.
void hex_into(std::string_view bytes, char* out);
/// Reads exactly 2 * size digits of either case; false when text is anything else.
bool from_hex_into(std::string_view text, char* out, std::size_t size);

/// Length of the unpadded base64url text (RFC 4648 section 5) of that many bytes.
constexpr std::size_t base64url_size(std::size_t bytes) { return (bytes * 4 + 2) / 3; }
/// Writes base64url_size(bytes.size()) characters.
void base64url_into(std::string_view bytes, char* out);
/// Reads text that stands for exactly `size` bytes; false for another length, a foreign character, padding, or unused
/// last bits that are not zero. What was written to out is then undefined.
bool from_base64url_into(std::string_view text, char* out, std::size_t size);

}  // namespace coffer::crypto

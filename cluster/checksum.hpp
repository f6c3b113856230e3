#pragma once
// CRC-32 (IEEE 802.3, reflected, as in zlib) of what nodes send each other in pieces: it finds what memory, code or a
// proxy broke. Whom a piece comes from is the peer link's matter. Pure, any thread.

#include <array>
#include <cstdint>
#include <string_view>

namespace coffer::cluster {

namespace checksum_detail {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1) != 0 ? 0xEDB88320U ^ (value >> 1) : value >> 1;
    }
    table[i] = value;
  }
  return table;
}
inline constexpr std::array<std::uint32_t, 256> kTable = make_table();

}  // namespace checksum_detail

constexpr std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0) {
  std::uint32_t value = ~before;
  for (const char c : bytes) {
    value = checksum_detail::kTable[(value ^ static_cast<unsigned char>(c)) & 0xFF] ^ (value >> 8);
  }
  return ~value;
}
static_assert(crc32("123456789") == 0xCBF43926U, "the check value of CRC-32");

}  // namespace coffer::cluster

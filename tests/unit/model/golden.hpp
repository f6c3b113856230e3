#pragma once
// Golden files of model's byte formats: hexadecimal text, 32 bytes a line, under tests/unit/model/golden. Run the tests
// with COFFER_WRITE_GOLDEN=1 to write them anew, and read the diff: a changed byte breaks what is already stored.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

namespace coffer::model::test {

inline std::string hex_lines(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
    if (i % 32 == 31 || i + 1 == bytes.size()) text += '\n';
  }
  return text;
}

/// The bytes of a file that is read and never written any more: what an older program sent or stored.
inline std::string golden_bytes(const std::string& name) {
  std::ifstream file(std::string(COFFER_SOURCE_DIR) + "/tests/unit/model/golden/" + name + ".hex");
  std::string bytes;
  for (char high, low; file >> high >> low;) {
    bytes += static_cast<char>(std::stoi(std::string{high, low}, nullptr, 16));
  }
  return bytes;
}

inline void expect_golden(const std::string& name, std::string_view bytes) {
  const std::string path = std::string(COFFER_SOURCE_DIR) + "/tests/unit/model/golden/" + name + ".hex";
  if (const char* write = std::getenv("COFFER_WRITE_GOLDEN"); write && std::string_view(write) == "1") {
    std::ofstream(path) << hex_lines(bytes);
    return;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing; COFFER_WRITE_GOLDEN=1 writes it";
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(hex_lines(bytes), text.str()) << name << " has changed its bytes";
}

}  // namespace coffer::model::test

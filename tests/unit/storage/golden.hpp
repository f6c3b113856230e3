#pragma once
// Formats on disk as files under golden/: lines of "name hex". COFFER_WRITE_GOLDEN=1 writes them anew; the diff is
// then reviewed, for it says that databases written before cannot be read any more
// (or messages of a node of another version).

#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace coffer::test {

using GoldenLines = std::vector<std::pair<std::string, std::string>>;

inline std::string to_hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : bytes) hex += {kDigits[byte >> 4], kDigits[byte & 15]};
  return hex;
}

inline std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

/// The lines of tests/unit/<room>/golden/<file>, with the bytes decoded. With COFFER_WRITE_GOLDEN=1, `current` is stored
/// first, unless it is empty.
inline GoldenLines golden_of(const std::string& room, const std::string& file, const GoldenLines& current) {
  const std::string path = std::string(COFFER_SOURCE_DIR) + "/tests/unit/" + room + "/golden/" + file;
  if (const char* write = std::getenv("COFFER_WRITE_GOLDEN"); write && std::string(write) == "1" && !current.empty()) {
    std::ofstream out(path);
    for (const auto& [name, bytes] : current) out << name << ' ' << to_hex(bytes) << '\n';
  }
  GoldenLines lines;
  std::ifstream in(path);
  for (std::string name, hex; in >> name >> hex;) lines.emplace_back(name, from_hex(hex));
  return lines;
}

inline GoldenLines golden(const std::string& file, const GoldenLines& current) {
  return golden_of("storage", file, current);
}

}  // namespace coffer::test

#pragma once
// What the tests of crypto/ share: bytes from hexadecimal text, a generator that hands out given bytes, a scratch
// directory, files. Single-threaded.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "crypto/encoding.hpp"
#include "crypto/random.hpp"
#include "model/ids.hpp"

namespace coffer::crypto::test {

inline std::string unhex(std::string_view text) {
  std::string out(text.size() / 2, '\0');
  if (!from_hex_into(text, out.data(), out.size())) throw std::invalid_argument("not hexadecimal");
  return out;
}

/// Hands out the given bytes, then zeros: puts a published nonce or private key where a random one would be.
class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::string bytes) : bytes_(std::move(bytes)) {}
  void fill(std::span<unsigned char> out) override {
    for (unsigned char& byte : out) byte = at_ < bytes_.size() ? static_cast<unsigned char>(bytes_[at_++]) : 0;
  }

 private:
  const std::string bytes_;
  std::size_t at_ = 0;
};

inline model::TenantId tenant(char fill) { return model::TenantId::from_raw(std::string(16, fill)); }

inline std::string with_flipped_bit(std::string bytes, std::size_t bit) {
  bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
  return bytes;
}

/// Empty when there is no such regular file.
inline std::string read_file(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) return {};
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "coffer-crypto-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no scratch directory");
    path_ = pattern;
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace coffer::crypto::test

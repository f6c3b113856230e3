#pragma once
// Bytes of model's own formats: LEB128 varints in their shortest form, and strings behind their length. Used by payload,
// codec and forward_codec only; any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "model/secret.hpp"

namespace coffer::model::wire {

class Writer {
 public:
  explicit Writer(Secret* out) : out_(out) {}
  void varint(std::uint64_t value) {
    char bytes[10];
    std::size_t n = 0;
    for (; value >= 0x80; value >>= 7) bytes[n++] = static_cast<char>(value | 0x80);
    bytes[n++] = static_cast<char>(value);
    out_->append({bytes, n});
  }
  /// Zigzag, so that small negative numbers stay short.
  void signed_varint(std::int64_t value) {
    varint(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  void boolean(bool value) { varint(value ? 1 : 0); }
  void raw(std::string_view bytes) { out_->append(bytes); }
  void bytes(std::string_view bytes) {
    varint(bytes.size());
    raw(bytes);
  }

 private:
  Secret* out_;
};

/// Reads what a Writer wrote. After the first failure everything reads as zero or empty, and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;  // more than 64 bits
      if (byte == 0 && shift != 0) break;  // not the shortest form
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
  }
  bool boolean() {
    const std::uint64_t value = varint();
    if (value > 1) fail();
    return ok_ && value == 1;
  }
  std::string_view bytes() {
    const std::uint64_t size = varint();
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  std::string string() { return std::string(bytes()); }
  /// Exactly so many bytes.
  std::string_view raw(std::size_t size) {
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  /// The number of things that follow, each of at least one byte: what does not fit the rest is refused before anything
  /// is reserved for it.
  std::size_t count() {
    const std::uint64_t n = varint();
    if (n <= rest_.size()) return n;
    return fail();
  }
  std::uint64_t fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace coffer::model::wire

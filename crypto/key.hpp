#pragma once
// A 32-byte key in locked memory: never paged out, wiped on release, not copyable by accident, printed as [redacted].
// bytes() is the only way in; only crypto/ calls it. Any thread.

#include <array>
#include <cstddef>
#include <memory>
#include <ostream>
#include <string_view>

#include "crypto/random.hpp"
#include "model/result.hpp"

namespace coffer::crypto {

class Key {
 public:
  static constexpr std::size_t kSize = 32;
  Key(Key&&) noexcept;
  Key& operator=(Key&&) noexcept;
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;
  ~Key();

  static Key generate(Random& random);
  /// REQUIRES: raw.size() == kSize. The caller wipes his copy.
  static Key from_bytes(std::string_view raw);
  Key duplicate() const;
  std::string_view bytes() const;
  /// Constant time.
  friend bool operator==(const Key& a, const Key& b);
  friend std::ostream& operator<<(std::ostream& out, const Key&) { return out << "[redacted]"; }

 private:
  explicit Key(unsigned char* slot) : slot_(slot) {}
  unsigned char* slot_;  // in the locked arena
};

/// True when the arena's pages are really locked (RLIMIT_MEMLOCK may forbid it; the server then warns at start).
bool key_memory_is_locked();

}  // namespace coffer::crypto

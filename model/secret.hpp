#pragma once
// Plaintext has its own type: wiped on release, printed as [redacted], compared in constant time. Payloads of requests
// and replies live in it; keys live in crypto's locked memory. Values, any thread.

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace coffer::model {

/// Overwrites memory in a way that the compiler keeps.
void wipe(void* data, std::size_t size) noexcept;

/// std::allocator that wipes what it releases.
template <class T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <class U>
  WipingAllocator(const WipingAllocator<U>&) noexcept {}  // NOLINT
  T* allocate(std::size_t n) { return std::allocator<T>{}.allocate(n); }
  void deallocate(T* p, std::size_t n) noexcept {
    wipe(p, n * sizeof(T));
    std::allocator<T>{}.deallocate(p, n);
  }
  friend bool operator==(WipingAllocator, WipingAllocator) { return true; }
};

/// Bytes of a secret. expose() is the only way to them: one grep finds each use.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes) : bytes_(bytes.begin(), bytes.end()) {}
  static Secret of_size(std::size_t n) { Secret s; s.bytes_.resize(n); return s; }

  std::string_view expose() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }
  char* expose_mutable() { return reinterpret_cast<char*>(bytes_.data()); }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  void resize(std::size_t n) { bytes_.resize(n); }
  void append(std::string_view more) { bytes_.insert(bytes_.end(), more.begin(), more.end()); }

  /// Constant time in the content (not in the length).
  friend bool operator==(const Secret& a, const Secret& b);
  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "[redacted]"; }

 private:
  std::vector<unsigned char, WipingAllocator<unsigned char>> bytes_;
};

inline std::string to_string(const Secret&) { return "[redacted]"; }

}  // namespace coffer::model

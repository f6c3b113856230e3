#pragma once
// Plaintext has its own type: wiped on release, printed as [redacted], compared in constant time. Payloads of requests
// and replies live in it; keys live in crypto's locked memory. Values, any thread.

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

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

/// Bytes of a secret. expose() is the only way to them: one grep finds each use. A buffer of its own rather than a
/// vector: with an allocator of one's own, libstdc++ copies a vector byte by byte.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view bytes) { append(bytes); }
  /// n zero bytes.
  static Secret of_size(std::size_t n) {
    Secret s;
    s.resize(n);
    return s;
  }
  Secret(const Secret& other) { append(other.expose()); }
  Secret(Secret&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  Secret& operator=(Secret other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Secret() { release(); }

  std::string_view expose() const { return {data_, size_}; }
  char* expose_mutable() { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  /// New bytes are zero; bytes that are cut off are wiped.
  void resize(std::size_t n);
  /// Room for n bytes in all, so that appends up to there move nothing.
  void reserve(std::size_t n);
  void append(std::string_view more);
  /// Removes the first n bytes in place. REQUIRES: n <= size().
  void drop_front(std::size_t n);

  /// Constant time in the content (not in the length).
  friend bool operator==(const Secret& a, const Secret& b);
  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "[redacted]"; }

 private:
  void release() noexcept;
  void move_to(std::size_t capacity, std::string_view more);

  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

inline std::string to_string(const Secret&) { return "[redacted]"; }

}  // namespace coffer::model

// Wiping, growing and comparing secrets; any thread.

#include "model/secret.hpp"

#include <algorithm>
#include <cassert>
#include <cstdint>
#include <cstring>

#include "model/constant_time.hpp"

namespace coffer::model {

void wipe(void* data, std::size_t size) noexcept {
  if (size == 0) return;
  std::memset(data, 0, size);
  // The compiler must assume that this reads the memory, so it cannot drop the memset as a dead store.
  asm volatile("" : : "r"(data) : "memory");
}

void Secret::resize(std::size_t n) {
  if (n < size_) {
    wipe(data_ + n, size_ - n);
  } else if (n > size_) {
    reserve(n);
    std::memset(data_ + size_, 0, n - size_);
  }
  size_ = n;
}

void Secret::reserve(std::size_t n) {
  if (n > capacity_) move_to(n, {});
}

void Secret::append(std::string_view more) {
  if (more.empty()) return;
  if (more.size() <= capacity_ - size_) {
    std::memmove(data_ + size_, more.data(), more.size());
    size_ += more.size();
    return;
  }
  move_to(size_ == 0 ? more.size() : std::max(size_ + more.size(), 2 * capacity_), more);
}

void Secret::drop_front(std::size_t n) {
  assert(n <= size_);
  if (n == 0) return;
  std::memmove(data_, data_ + n, size_ - n);
  wipe(data_ + (size_ - n), n);
  size_ -= n;
}

void Secret::release() noexcept {
  if (data_ != nullptr) WipingAllocator<char>{}.deallocate(data_, capacity_);
}

// `more` may lie in the old buffer, which is therefore released last.
void Secret::move_to(std::size_t capacity, std::string_view more) {
  char* const data = WipingAllocator<char>{}.allocate(capacity);
  if (size_ != 0) std::memcpy(data, data_, size_);
  if (!more.empty()) std::memcpy(data + size_, more.data(), more.size());
  release();
  data_ = data;
  size_ += more.size();
  capacity_ = capacity;
}

namespace {

/// Hides the value from the optimiser, which might otherwise leave the loop at the first difference.
void hide(std::uint64_t& difference) { asm volatile("" : "+r"(difference)); }

}  // namespace

bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  std::uint64_t difference = 0;
  std::size_t at = 0;
  for (; a.size() - at >= sizeof difference; at += sizeof difference) {
    std::uint64_t one = 0, other = 0;
    std::memcpy(&one, a.data() + at, sizeof one);
    std::memcpy(&other, b.data() + at, sizeof other);
    difference |= one ^ other;
    hide(difference);
  }
  for (; at < a.size(); ++at) {
    difference |= static_cast<unsigned char>(a[at]) ^ static_cast<unsigned char>(b[at]);
    hide(difference);
  }
  return difference == 0;
}

bool operator==(const Secret& a, const Secret& b) { return equal_constant_time(a.expose(), b.expose()); }

}  // namespace coffer::model

#pragma once
// A table by number that only grows, up to a bound that is known from the beginning: elements never move, so that any
// thread may use what is there while another adds to it. For what belongs to groups, which are added and never go away.

#include <atomic>
#include <cstddef>
#include <memory>

namespace coffer::actors {

template <class T>
class GrowingTable {
 public:
  explicit GrowingTable(std::size_t most) : items_(std::make_unique<T[]>(most)), most_(most) {}
  std::size_t size() const { return size_.load(std::memory_order_acquire); }
  /// REQUIRES: less than size(), or less than most() for the one thread that fills it before it grows.
  T& operator[](std::size_t at) { return items_[at]; }
  const T& operator[](std::size_t at) const { return items_[at]; }
  T* begin() { return items_.get(); }
  T* end() { return items_.get() + size(); }
  const T* begin() const { return items_.get(); }
  const T* end() const { return items_.get() + size(); }
  std::size_t most() const { return most_; }
  /// What is in the new places is seen by whoever sees the new size. One thread at a time; REQUIRES: at most most().
  void grow(std::size_t size) { size_.store(size, std::memory_order_release); }
  /// As it began; when nobody else looks at it any more.
  void clear() {
    const std::size_t held = size();
    size_ = 0;
    for (std::size_t at = 0; at < held; ++at) items_[at] = T();
  }

 private:
  std::unique_ptr<T[]> items_;
  std::size_t most_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace coffer::actors

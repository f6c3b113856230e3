#pragma once
// A setting that can be replaced while listeners serve. Readers pay one load; every value that was ever in force is kept,
// because a reader may still look at it: a reload is rare, and a value has some hundred bytes.

#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "net/settings.hpp"

namespace coffer::net {

template <class T>
class Live {
 public:
  explicit Live(T value) { set(std::move(value)); }
  /// The reference stays good as long as this does.
  const T& get() const { return *current_.load(std::memory_order_acquire); }
  void set(T value) {
    const std::lock_guard lock(mutex_);
    all_.push_back(std::make_unique<const T>(std::move(value)));
    current_.store(all_.back().get(), std::memory_order_release);
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<const T>> all_;
  std::atomic<const T*> current_{nullptr};
};

using LiveLimits = Live<Limits>;

}  // namespace coffer::net

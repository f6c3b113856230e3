#pragma once
// Whose turn it is to touch something that an actor owns and that another thread may use in between. The actor waits for
// its turn, which others keep for microseconds; whoever else comes tries and goes away. Any thread.
//
// Not a mutex, because a thread whose own turn it is may try, and is refused. Not a std::semaphore either, whose release
// is a system call even when nobody waits.

#include <atomic>
#include <cstdint>

namespace coffer::actors {

class Turns {
 public:
  /// Until the end of the scope; false: it was somebody else's.
  class Turn {
   public:
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (turns_ != nullptr) turns_->release();
    }
    explicit operator bool() const { return turns_ != nullptr; }

   private:
    friend class Turns;
    explicit Turn(Turns* turns) : turns_(turns) {}
    Turns* turns_;
  };

  /// Waits. REQUIRES: it is not the caller's own turn.
  [[nodiscard]] Turn take() {
    acquire();
    return Turn(this);
  }
  /// Does not wait; also false when it is the caller's own.
  [[nodiscard]] Turn try_take() { return Turn(try_acquire() ? this : nullptr); }

 private:
  enum State : std::uint32_t { free, taken, awaited };
  bool try_acquire() {
    std::uint32_t expected = free;
    return state_.compare_exchange_strong(expected, taken, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void acquire() {
    if (try_acquire()) return;
    // Whoever has waited leaves the mark, for he cannot know whether others still wait.
    while (state_.exchange(awaited, std::memory_order_acquire) != free) state_.wait(awaited, std::memory_order_relaxed);
  }
  void release() {
    if (state_.exchange(free, std::memory_order_release) == awaited) state_.notify_one();
  }

  std::atomic<std::uint32_t> state_{free};
};

}  // namespace coffer::actors

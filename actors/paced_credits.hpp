#pragma once
// When the source of a snapshot hears that a chunk was written and sends the next one: not before its bytes' time has come
// (pace.hpp), however fast the disk takes them. Used by the snapshots' actor for each group that it receives; a value with
// the time passed in.

#include <cstdint>
#include <deque>
#include <optional>

#include "actors/pace.hpp"

namespace coffer::actors {

class PacedCredits {
 public:
  /// A chunk came and is being written; its credit may go at `due`. Numbers grow.
  void taken(std::uint64_t number, Pace::Clock::time_point due) { waiting_.push_back({number, due}); }
  /// Everything up to `number` is in the database.
  void written(std::uint64_t number) { written_ = number; }
  /// The next chunk whose credit may go now, if there is one.
  std::optional<std::uint64_t> next(Pace::Clock::time_point now) {
    if (waiting_.empty() || waiting_.front().number > written_ || waiting_.front().due > now) return std::nullopt;
    const std::uint64_t number = waiting_.front().number;
    waiting_.pop_front();
    return number;
  }

 private:
  struct Waiting {
    std::uint64_t number;
    Pace::Clock::time_point due;
  };
  std::deque<Waiting> waiting_;
  std::uint64_t written_ = 0;
};

}  // namespace coffer::actors

#pragma once
// What the simulations share: a seeded generator, a queue of timed events, a hash of everything that happened, and the
// command line. One thread, no clock: time is the queue's. The same seed is the same run.

#include <cstdint>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace coffer::sim {

/// A broken promise; the message says which.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};
inline void require(bool holds, const std::string& what) {
  if (!holds) {
    throw Violation(what);
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014): small, fast, the same everywhere.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  /// In [0, n). REQUIRES: n > 0.
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) { return low + below(high - low + 1); }
  bool chance(std::uint32_t per_mille) { return below(1000) < per_mille; }

 private:
  std::uint64_t state_;
};

/// FNV-1a over what happened, in order.
class Trace {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    }
  }
  void add(std::uint64_t number) {
    for (int i = 0; i < 8; ++i, number >>= 8) {
      hash_ = (hash_ ^ (number & 0xFF)) * 0x100000001B3ULL;
    }
  }
  std::uint64_t hash() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xCBF29CE484222325ULL;
};

/// Events by time, those of one time in the order of their making.
class Timeline {
 public:
  using Event = std::function<void()>;
  std::uint64_t now() const { return now_; }
  void after(std::uint64_t ms, Event event) { events_.emplace(std::pair(now_ + ms, made_++), std::move(event)); }
  /// Runs the next event; false when there is none.
  bool step() {
    if (events_.empty()) {
      return false;
    }
    auto first = events_.extract(events_.begin());
    now_ = first.key().first;
    first.mapped()();
    return true;
  }

 private:
  std::map<std::pair<std::uint64_t, std::uint64_t>, Event> events_;
  std::uint64_t now_ = 0;
  std::uint64_t made_ = 0;
};

struct CommandLine {
  bool given = false;  // any of the options: a long run instead of the tests
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t steps = 20000;
  std::uint64_t nodes = 0;  // 0: the simulator's choice
};
/// Reads --seed N (or --first N) --seeds N --steps N --nodes N; throws std::invalid_argument for anything else that is not --gtest_*.
CommandLine parse(int argc, char** argv);

/// Runs `run` for each seed and prints the seed of a failing one with its reason. Returns the number of failures.
int run_seeds(const CommandLine& line, const std::function<std::string(std::uint64_t seed)>& run);

}  // namespace coffer::sim

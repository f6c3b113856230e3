#pragma once
// Fuzz targets: functions of arbitrary bytes, each held against what must be true of every input. A target is written
// with COFFER_FUZZ in one of the sources beside this header; libFuzzer drives it without end (main_libfuzzer.cpp,
// `./dev fuzz`), the replayer over its corpus and some thousand seeded mutations in the tests (main_replay.cpp). One
// thread. tests/fuzz/corpus/<target> holds inputs worth beginning with, and every one that ever failed.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace coffer::fuzz {

struct Target {
  std::string_view name;
  void (*run)(std::string_view input) = nullptr;
};

/// All targets that are linked in. They enter themselves before main().
inline std::vector<Target>& targets() {
  static std::vector<Target> all;
  return all;
}
inline const Target* find_target(std::string_view name) {
  for (const Target& target : targets()) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

struct Enter {
  Enter(std::string_view name, void (*run)(std::string_view)) { targets().push_back({name, run}); }
};

/// Also in a build without asserts.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: this does not hold: %s\n", what);
  std::abort();
}

/// Takes choices and texts off the front of an input; when it is used up, zeros and empty texts.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::uint64_t below(std::uint64_t n) { return n <= 256 ? byte() % n : (byte() | byte() << 8) % n; }
  bool chance(unsigned percent) { return below(100) < percent; }
  /// Up to the next line feed.
  std::string_view line() {
    const std::string_view found = rest_.substr(0, rest_.find('\n'));
    rest_.remove_prefix(found.size() < rest_.size() ? found.size() + 1 : found.size());
    return found;
  }
  std::string_view rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace coffer::fuzz

/// COFFER_FUZZ(name) { ... input ... }
#define COFFER_FUZZ(name)                                              \
  static void fuzz_##name(std::string_view input);                     \
  static const ::coffer::fuzz::Enter enter_##name(#name, fuzz_##name); \
  static void fuzz_##name([[maybe_unused]] std::string_view input)

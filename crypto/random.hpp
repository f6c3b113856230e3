#pragma once
// Randomness is passed in: the system's generator in the program, a seeded one in tests and simulation. Any thread.

#include <cstdint>
#include <span>
#include <string>

namespace coffer::crypto {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills with unpredictable bytes; the system's generator ends the process when the kernel has none to give.
  virtual void fill(std::span<unsigned char> out) = 0;
  std::string bytes(std::size_t n);
};

/// OpenSSL's generator; thread-safe.
Random& system_random();

/// Deterministic; for tests and simulation only. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<unsigned char> out) override;

 private:
  std::uint64_t state_;
};

}  // namespace coffer::crypto

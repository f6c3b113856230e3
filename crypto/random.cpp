// The system's generator (OpenSSL's DRBG, seeded by the kernel) and a seeded one for tests and simulation.
// Thread rules are in the header.

#include "crypto/random.hpp"

#include <algorithm>

#include <openssl/rand.h>

#include "crypto/openssl.hpp"

namespace coffer::crypto {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    // RAND_bytes counts in int.
    constexpr std::size_t kMost = 1 << 20;
    while (!out.empty()) {
      const auto piece = out.first(std::min(out.size(), kMost));
      must(RAND_bytes(piece.data(), static_cast<int>(piece.size())) == 1, "RAND_bytes");
      out = out.subspan(piece.size());
    }
  }
};

}  // namespace

std::string Random::bytes(std::size_t n) {
  std::string out(n, '\0');
  fill({reinterpret_cast<unsigned char*>(out.data()), n});
  return out;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

// SplitMix64 (Steele, Lea, Flood 2014), little-endian; each fill starts at a new word. Golden files depend on it.
void SeededRandom::fill(std::span<unsigned char> out) {
  while (!out.empty()) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    const std::size_t n = std::min<std::size_t>(out.size(), 8);
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<unsigned char>(z >> (8 * i));
    out = out.subspan(n);
  }
}

}  // namespace coffer::crypto

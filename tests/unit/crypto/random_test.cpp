// The generators: the seeded one repeats itself, the system's does not.

#include "crypto/random.hpp"

#include <gtest/gtest.h>

#include <set>

#include "support.hpp"

namespace coffer::crypto {
namespace {

TEST(SeededRandom, FollowsSplitMix64) {
  SeededRandom random(0);
  EXPECT_EQ(random.bytes(16), test::unhex("afcd1d7b39a820e2f465b9a16a9e786e"));
}

TEST(SeededRandom, RepeatsWithTheSameSeedAndDiffersWithAnother) {
  SeededRandom a(7), b(7), c(8);
  const std::string first = a.bytes(33);
  EXPECT_EQ(first, b.bytes(33));
  EXPECT_NE(first, c.bytes(33));
  EXPECT_NE(first, a.bytes(33));
}

TEST(SystemRandom, FillsEveryByteAndNeverRepeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.insert(system_random().bytes(16)).second);
  // 3 MiB: more than one call of OpenSSL. Each of the 256 values occurs in each part.
  const std::string many = system_random().bytes(3 << 20);
  for (const std::size_t part : {0, 1, 2}) {
    EXPECT_EQ(std::set<char>(many.begin() + (part << 20), many.begin() + ((part + 1) << 20)).size(), 256U);
  }
}

}  // namespace
}  // namespace coffer::crypto

// Shamir's sharing: the field's arithmetic against its definition, every quorum, and what a mistyped share is told.

#include "crypto/shamir.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace coffer::crypto {
namespace {

constexpr std::string_view kSet = "set-0001";

/// Russian peasants' multiplication modulo x^8+x^4+x^3+x+1, with branches: the definition, for comparison.
unsigned slow_multiply(unsigned a, unsigned b) {
  unsigned product = 0;
  for (; b != 0; b >>= 1) {
    if (b & 1) product ^= a;
    a <<= 1;
    if (a & 0x100) a ^= 0x11b;
  }
  return product;
}

TEST(Gf256Test, MultipliesAsTheFieldIsDefined) {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      ASSERT_EQ(gf256::multiply(static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b)), slow_multiply(a, b));
    }
  }
  EXPECT_EQ(gf256::multiply(0x57, 0x83), 0xc1);  // FIPS 197 section 4.2
}

TEST(Gf256Test, InvertsEveryElementButZero) {
  EXPECT_EQ(gf256::invert(0), 0);
  for (unsigned a = 1; a < 256; ++a) {
    const auto x = static_cast<std::uint8_t>(a);
    ASSERT_EQ(gf256::multiply(x, gf256::invert(x)), 1);
  }
}

TEST(ShamirTest, EveryQuorumGivesTheKeyAndFewerDoNot) {
  SeededRandom random(1);
  const Key secret = Key::generate(random);
  const auto shares = split_key(secret, kSet, 3, 5, random);
  ASSERT_EQ(shares.size(), 5U);
  for (unsigned chosen = 1; chosen < 32; ++chosen) {
    std::vector<const Share*> some;
    for (unsigned i = 0; i < 5; ++i) {
      if (chosen >> i & 1) some.push_back(&shares[i]);
    }
    EXPECT_EQ(combine_shares(some) == secret, some.size() >= 3) << chosen;
  }
}

TEST(ShamirTest, AShareIsReadBackFromItsText) {
  SeededRandom random(2);
  const Key secret = Key::generate(random);
  const auto shares = split_key(secret, kSet, 2, 3, random);
  const auto text = share_text(shares[1]);
  const auto again = read_share(text.expose());
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->set, kSet);
  EXPECT_EQ(again->threshold, 2);
  EXPECT_EQ(again->number, 2);
  EXPECT_TRUE(again->bytes == shares[1].bytes);
}

TEST(ShamirTest, AMistypedShareIsRefusedWherever) {
  SeededRandom random(3);
  const auto shares = split_key(Key::generate(random), kSet, 2, 3, random);
  const std::string good(share_text(shares[0]).expose());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    const auto read = read_share(bad);
    ASSERT_FALSE(read.ok()) << i;
    EXPECT_EQ(read.error().code, model::Code::invalid_argument);
    EXPECT_EQ(std::string(read.error().message()).find(good.substr(8, 12)), std::string::npos);
  }
  EXPECT_FALSE(read_share(good.substr(1)).ok());
  EXPECT_FALSE(read_share(good + "A").ok());
  EXPECT_FALSE(read_share("").ok());
}

}  // namespace
}  // namespace coffer::crypto

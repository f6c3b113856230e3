// Sealing: what opens, and above all what must not.

#include "crypto/sealer.hpp"

#include <gtest/gtest.h>

#include <set>

#include <sys/wait.h>
#include <unistd.h>

#include "crypto/aead.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using model::Code;
using test::unhex;

/// The examples of AES-256-GCM in "The Galois/Counter Mode of Operation" (McGrew, Viega), test cases 13, 14 and 16.
struct GcmVector {
  std::string_view key, nonce, associated_data, plaintext, ciphertext, tag;
};
constexpr std::string_view kZeroKey = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr GcmVector kGcmVectors[] = {
    {kZeroKey, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {kZeroKey, "000000000000000000000000", "", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657"
     "ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0a"
     "bcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
};

TEST(Aead, MatchesThePublishedVectorsBothWays) {
  for (const GcmVector& v : kGcmVectors) {
    const std::string box = unhex(std::string(v.nonce) + std::string(v.ciphertext) + std::string(v.tag));
    const std::string plaintext = unhex(v.plaintext);
    const std::string data = unhex(v.associated_data);
    Aead aead(Key::from_bytes(unhex(v.key)));
    // Header and associated data are one sequence to the cipher, wherever it is cut.
    for (const std::size_t cut : {std::size_t{0}, data.size() / 2, data.size()}) {
      const auto header = std::string_view(data).substr(0, cut);
      const auto rest = std::string_view(data).substr(cut);
      test::FixedRandom random(unhex(v.nonce));
      NonceSource nonces(random);
      std::string sealed(plaintext.size() + Aead::kOverhead, '\0');
      aead.seal(nonces, header, rest, plaintext, sealed.data());
      EXPECT_EQ(sealed, box);
      std::string opened(plaintext.size(), '\0');
      EXPECT_TRUE(aead.open(header, rest, box, opened.data()));
      EXPECT_EQ(opened, plaintext);
    }
  }
}

class SealerTest : public ::testing::Test {
 protected:
  SealerTest() { sealer_.add_key(7, key_, true); }

  SeededRandom random_{11};
  const Key key_ = Key::generate(random_);
  Sealer sealer_{random_};
  const std::string identity_ = row_identity(std::string(16, 't'), "row-1");
};

TEST_F(SealerTest, OpensWhatItSealed) {
  for (const std::size_t size : {0, 1, 15, 16, 17, 255, 256, 65536, 1 << 20}) {
    const std::string plaintext = random_.bytes(size);
    const std::string sealed = sealer_.seal(plaintext, identity_);
    const auto opened = sealer_.open(sealed, identity_);
    ASSERT_TRUE(opened.ok()) << size;
    EXPECT_EQ(opened->expose(), plaintext);
  }
  EXPECT_EQ(sealer_.seals(), 9U);
}

TEST_F(SealerTest, WritesTheFormatOfItsHeader) {
  const std::string sealed = sealer_.seal("value", identity_);
  ASSERT_EQ(sealed.size(), 1 + 4 + 12 + 5 + 16U);
  EXPECT_EQ(sealed.substr(0, 5), unhex("0100000007"));
  EXPECT_EQ(sealed.find("value"), std::string::npos);
  const auto version = sealed_key_version(sealed);
  ASSERT_TRUE(version.ok());
  EXPECT_EQ(*version, 7U);
}

TEST_F(SealerTest, RefusesEveryFlippedBit) {
  const std::string sealed = sealer_.seal("a secret value", identity_);
  sealer_.add_key(6, key_, false);  // the same key under a neighbour's version: the version itself is protected
  sealer_.add_key(3, key_, false);
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    const auto opened = sealer_.open(test::with_flipped_bit(sealed, bit), identity_);
    ASSERT_FALSE(opened.ok()) << "bit " << bit;
    const bool version_byte = bit / 8 >= 1 && bit / 8 <= 4;
    EXPECT_TRUE(opened.error().code == Code::data_loss || (version_byte && opened.error().code == Code::key_mismatch))
        << bit;
  }
  EXPECT_TRUE(sealer_.open(sealed, identity_).ok());
}

TEST_F(SealerTest, RefusesEveryTruncationAndExtension) {
  const std::string sealed = sealer_.seal("a secret value", identity_);
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    const auto opened = sealer_.open(std::string_view(sealed).substr(0, size), identity_);
    ASSERT_FALSE(opened.ok()) << size;
    EXPECT_EQ(opened.error().code, Code::data_loss);
  }
  EXPECT_FALSE(sealer_.open(sealed + '\0', identity_).ok());
}

TEST_F(SealerTest, RefusesOtherAssociatedData) {
  const std::string sealed = sealer_.seal("a secret value", identity_);
  for (std::size_t bit = 0; bit < identity_.size() * 8; ++bit) {
    EXPECT_FALSE(sealer_.open(sealed, test::with_flipped_bit(identity_, bit)).ok());
  }
  EXPECT_FALSE(sealer_.open(sealed, "").ok());
  EXPECT_FALSE(sealer_.open(sealed, identity_ + "x").ok());
  EXPECT_FALSE(sealer_.open(sealed, identity_.substr(1)).ok());
}

TEST_F(SealerTest, RefusesAnotherKeyOfTheSameVersion) {
  Sealer other(random_);
  other.add_key(7, Key::generate(random_), true);
  const auto opened = other.open(sealer_.seal("value", identity_), identity_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::data_loss);
}

TEST_F(SealerTest, NamesAKeyVersionThatItLacks) {
  const std::string sealed = sealer_.seal("value", identity_);
  Sealer other(random_);
  other.add_key(8, key_, true);
  const auto opened = other.open(sealed, identity_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::key_mismatch);
  EXPECT_EQ(opened.error().message(), "The bytes are sealed under key version 7, which is not at hand.");
}

TEST_F(SealerTest, NamesAFormatThatItDoesNotKnow) {
  std::string sealed = sealer_.seal("value", identity_);
  sealed[0] = 2;
  const auto opened = sealer_.open(sealed, identity_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::data_loss);
  EXPECT_EQ(opened.error().message(), "The sealed bytes have format 2; this program reads format 1.");
  EXPECT_FALSE(sealed_key_version(sealed).ok());
  EXPECT_FALSE(sealed_key_version("").ok());
}

TEST_F(SealerTest, SealsUnderTheCurrentKeyAndOpensUnderAll) {
  const std::string old = sealer_.seal("old", identity_);
  sealer_.add_key(8, Key::generate(random_), true);
  sealer_.add_key(5, Key::generate(random_), false);
  EXPECT_EQ(sealer_.current_version(), 8U);
  const std::string fresh = sealer_.seal("fresh", identity_);
  EXPECT_EQ(*sealed_key_version(fresh), 8U);
  EXPECT_EQ(sealer_.open(old, identity_)->expose(), "old");
  EXPECT_EQ(sealer_.open(fresh, identity_)->expose(), "fresh");
}

TEST_F(SealerTest, OpensAgainAfterARefusalAndAfterAMove) {
  const std::string sealed = sealer_.seal("value", identity_);
  EXPECT_FALSE(sealer_.open(sealed, "other").ok());
  Sealer moved = std::move(sealer_);
  EXPECT_EQ(moved.open(sealed, identity_)->expose(), "value");
  EXPECT_EQ(moved.open(moved.seal("next", identity_), identity_)->expose(), "next");
}

std::string nonce_of(const std::string& sealed) { return sealed.substr(5, 12); }

TEST_F(SealerTest, NeverRepeatsANonce) {
  Sealer sealer(system_random());
  sealer.add_key(1, key_, true);
  std::set<std::string> nonces;
  for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(nonces.insert(nonce_of(sealer.seal("v", ""))).second) << i;
}

TEST_F(SealerTest, DoesNotShareNoncesWithAForkedChild) {
  Sealer sealer(system_random());
  sealer.add_key(1, key_, true);
  sealer.seal("draws a batch", "");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool written = true;
    for (int i = 0; i < 20; ++i) {
      const std::string nonce = nonce_of(sealer.seal("v", ""));
      written = written && ::write(ends[1], nonce.data(), nonce.size()) == 12;
    }
    ::_exit(written ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  std::set<std::string> nonces;
  for (int i = 0; i < 20; ++i) {
    std::string nonce(12, '\0');
    ASSERT_EQ(::read(ends[0], nonce.data(), nonce.size()), 12);
    ASSERT_TRUE(nonces.insert(nonce).second);
    ASSERT_TRUE(nonces.insert(nonce_of(sealer.seal("v", ""))).second) << i;
  }
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(RowIdentity, KeepsTenantAndRowApart) {
  EXPECT_NE(row_identity("ab", "c"), row_identity("a", "bc"));
  EXPECT_NE(row_identity("", "abc"), row_identity("abc", ""));
  EXPECT_EQ(row_identity("t", "r"), "row" + unhex("00000001") + "tr");
}

}  // namespace
}  // namespace coffer::crypto

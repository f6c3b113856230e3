// The box that is sealed to an owner's X25519 key.

#include <gtest/gtest.h>

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "crypto/key_ring.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using model::Code;
using test::unhex;

// RFC 7748 section 6.1.
constexpr std::string_view kAlicePrivate = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
constexpr std::string_view kAlicePublic = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
constexpr std::string_view kBobPrivate = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
constexpr std::string_view kBobPublic = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
constexpr std::string_view kShared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";

TEST(OwnerKey, DerivesThePublicKeysOfRfc7748) {
  test::FixedRandom random(unhex(kAlicePrivate) + unhex(kBobPrivate));
  const OwnerKeyPair alice = generate_owner_key(random);
  const OwnerKeyPair bob = generate_owner_key(random);
  EXPECT_EQ(hex(alice.public_key), kAlicePublic);
  EXPECT_EQ(hex(alice.private_key.expose()), kAlicePrivate);
  EXPECT_EQ(hex(bob.public_key), kBobPublic);
}

TEST(OwnerKey, SealsUnderTheSharedSecretOfRfc7748) {
  // Alice's key in the place of the ephemeral one; the box must then open with HKDF over the RFC's shared secret.
  test::FixedRandom random(unhex(kAlicePrivate));
  const auto box = seal_to_owner(unhex(kBobPublic), "a data key", "identity", random);
  ASSERT_TRUE(box.ok());
  EXPECT_EQ(hex(box->substr(0, 32)), kAlicePublic);
  std::string key(32, '\0');
  hkdf_sha256(unhex(kShared), {}, "coffer owner box" + unhex(kAlicePublic) + unhex(kBobPublic),
              {reinterpret_cast<unsigned char*>(key.data()), key.size()});
  Aead aead(Key::from_bytes(key));
  std::string opened(10, '\0');
  EXPECT_TRUE(aead.open({}, "identity", std::string_view(*box).substr(32), opened.data()));
  EXPECT_EQ(opened, "a data key");
}

class OwnerBoxTest : public ::testing::Test {
 protected:
  SeededRandom random_{31};
  const OwnerKeyPair owner_ = generate_owner_key(random_);
  const std::string box_ = *seal_to_owner(owner_.public_key, "a data key", "identity", random_);
};

TEST_F(OwnerBoxTest, OpensForTheOwner) {
  EXPECT_EQ(open_as_owner(owner_.private_key, box_, "identity")->expose(), "a data key");
  EXPECT_EQ(open_as_owner(owner_.private_key, *seal_to_owner(owner_.public_key, "", "", random_), "")->size(), 0U);
  EXPECT_EQ(box_.size(), 32 + 12 + 10 + 16U);
}

TEST_F(OwnerBoxTest, RefusesAnotherKeyAndOtherAssociatedData) {
  EXPECT_EQ(open_as_owner(generate_owner_key(random_).private_key, box_, "identity").error().code, Code::key_mismatch);
  EXPECT_EQ(open_as_owner(owner_.private_key, box_, "identity2").error().code, Code::key_mismatch);
  EXPECT_EQ(open_as_owner(model::Secret("short"), box_, "identity").error().code, Code::invalid_argument);
}

TEST_F(OwnerBoxTest, RefusesEveryFlippedBitAndTruncation) {
  for (std::size_t bit = 0; bit < box_.size() * 8; ++bit) {
    EXPECT_FALSE(open_as_owner(owner_.private_key, test::with_flipped_bit(box_, bit), "identity").ok()) << bit;
  }
  for (std::size_t size = 0; size < box_.size(); ++size) {
    EXPECT_FALSE(open_as_owner(owner_.private_key, std::string_view(box_).substr(0, size), "identity").ok()) << size;
  }
}

TEST_F(OwnerBoxTest, RefusesWhatIsNoPublicKey) {
  EXPECT_EQ(seal_to_owner("short", "x", "", random_).error().code, Code::invalid_argument);
  EXPECT_EQ(seal_to_owner(std::string(32, '\0'), "x", "", random_).error().code, Code::invalid_argument)
      << "a point of low order";
  EXPECT_FALSE(open_as_owner(owner_.private_key, std::string(32, '\0') + box_.substr(32), "identity").ok());
}

}  // namespace
}  // namespace coffer::crypto

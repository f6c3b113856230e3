// Tokens: minted ones verify, everything else gets one and the same refusal.

#include "crypto/token.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "crypto/hash.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using test::tenant;
using test::with_flipped_bit;

class TokenTest : public ::testing::Test {
 protected:
  SeededRandom random_{41};
  const KeyRing ring_ = KeyRing::generate(Key::generate(random_), random_, 0);
  const MintedToken minted_ = mint_token(ring_, tenant('t'), random_);
  const MintedToken operator_ = mint_token(ring_, model::TenantId{}, random_);
  const std::string text_{minted_.text.expose()};
  const std::string operator_text_{operator_.text.expose()};

  bool verifies(std::string_view text) const {
    const auto claims = verify_token(ring_, text);
    if (!claims.ok()) {
      // Every refusal is the same: nothing tells a forger how far he came.
      EXPECT_EQ(claims.error(), model::Error(model::Code::unauthenticated));
    }
    return claims.ok();
  }
};

TEST_F(TokenTest, NamesItsTenantAndHashesItsId) {
  ASSERT_EQ(text_.size(), 4 + 92U);
  EXPECT_EQ(text_.substr(0, 4), "cft_");
  const auto claims = verify_token(ring_, text_);
  ASSERT_TRUE(claims.ok());
  EXPECT_EQ(claims->tenant, tenant('t'));
  EXPECT_EQ(claims->id_hash, minted_.id_hash);
  const auto bytes = from_base64url(std::string_view(text_).substr(4));
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(minted_.id_hash, sha256(bytes->substr(21, 32)));
  EXPECT_EQ(minted_.public_id, hex(minted_.id_hash).substr(0, 16));
}

TEST_F(TokenTest, OfAnOperatorHasItsOwnPrefixAndTenantZero) {
  EXPECT_EQ(operator_text_.substr(0, 4), "cfo_");
  const auto claims = verify_token(ring_, operator_text_);
  ASSERT_TRUE(claims.ok());
  EXPECT_TRUE(claims->tenant.is_zero());
}

TEST_F(TokenTest, IsRefusedUnderTheOtherPrefix) {
  EXPECT_FALSE(verifies("cfo_" + text_.substr(4)));
  EXPECT_FALSE(verifies("cft_" + operator_text_.substr(4)));
  EXPECT_FALSE(verifies("CFT_" + text_.substr(4)));
}

TEST_F(TokenTest, IsRefusedWithAnyFlippedBitOfItsText) {
  for (const std::string& text : {text_, operator_text_}) {
    for (std::size_t bit = 0; bit < text.size() * 8; ++bit) EXPECT_FALSE(verifies(with_flipped_bit(text, bit))) << bit;
  }
}

TEST_F(TokenTest, IsRefusedWithAnyFlippedBitOfItsBytes) {
  const std::string bytes = *from_base64url(std::string_view(text_).substr(4));
  ASSERT_TRUE(verifies("cft_" + base64url(bytes)));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    EXPECT_FALSE(verifies("cft_" + base64url(with_flipped_bit(bytes, bit)))) << bit;
    EXPECT_FALSE(verifies("cfo_" + base64url(with_flipped_bit(bytes, bit)))) << bit;
  }
}

TEST_F(TokenTest, IsRefusedForAnotherTenantUnderTheSameMac) {
  std::string bytes = *from_base64url(std::string_view(text_).substr(4));
  bytes.replace(5, 16, std::string(16, 'u'));
  EXPECT_FALSE(verifies("cft_" + base64url(bytes)));
  bytes.replace(5, 16, std::string(16, '\0'));
  EXPECT_FALSE(verifies("cfo_" + base64url(bytes)));
}

TEST_F(TokenTest, OfAnUnknownFormatOrKeyVersionIsRefusedWhateverItsMac) {
  std::string body = from_base64url(std::string_view(text_).substr(4))->substr(0, 53);
  const auto with_mac = [&] { return "cft_" + base64url(body + ring_.token_mac(1, body).substr(0, 16)); };
  ASSERT_EQ(with_mac(), text_);
  body[0] = 2;
  EXPECT_FALSE(verifies(with_mac()));
  body[0] = 1;
  body[4] = 2;
  EXPECT_FALSE(verifies(with_mac()));
}

TEST_F(TokenTest, IsRefusedInAnyOtherSpelling) {
  EXPECT_FALSE(verifies(text_ + "="));
  EXPECT_FALSE(verifies(text_ + "===="));
  EXPECT_FALSE(verifies(text_ + "A"));
  EXPECT_FALSE(verifies(text_ + "\n"));
  EXPECT_FALSE(verifies(" " + text_));
  EXPECT_FALSE(verifies(""));
  EXPECT_FALSE(verifies("cft_"));
  for (std::size_t size = 0; size < text_.size(); ++size) EXPECT_FALSE(verifies(text_.substr(0, size)));
  // The other base64 alphabet: take a token in which the two differ.
  SeededRandom random(42);
  std::string text;
  do text = mint_token(ring_, tenant('t'), random).text.expose();
  while (text.find_first_of("-_", 4) == std::string::npos);
  ASSERT_TRUE(verifies(text));
  const std::size_t at = text.find_first_of("-_", 4);
  text[at] = text[at] == '-' ? '+' : '/';
  EXPECT_FALSE(verifies(text));
}

TEST_F(TokenTest, OfAnotherClusterIsRefused) {
  const KeyRing other = KeyRing::generate(Key::generate(random_), random_, 0);
  EXPECT_FALSE(verifies(mint_token(other, tenant('t'), random_).text.expose()));
}

TEST_F(TokenTest, IsNeverMintedTwiceNorPrinted) {
  EXPECT_NE(mint_token(ring_, tenant('t'), random_).text.expose(), text_);
  std::ostringstream out;
  out << minted_.text;
  EXPECT_EQ(out.str(), "[redacted]");
}

TEST_F(TokenTest, AVerifierThatKnowsATokenRefusesEveryChangeOfIt) {
  const TokenVerifier verifier(ring_);
  for (int again = 0; again < 2; ++again) {
    const auto claims = verifier.verify(text_);
    ASSERT_TRUE(claims.ok());
    EXPECT_EQ(claims->tenant, tenant('t'));
    EXPECT_EQ(claims->id_hash, minted_.id_hash);
  }
  const auto bytes = from_base64url(std::string_view(text_).substr(4));
  ASSERT_TRUE(bytes.ok());
  for (std::size_t bit = 0; bit < bytes->size() * 8; ++bit) {
    EXPECT_FALSE(verifier.verify("cft_" + base64url(with_flipped_bit(*bytes, bit))).ok()) << bit;
  }
  EXPECT_TRUE(verifier.verify(text_).ok()) << "a refused token took the place of a known one";
}

TEST_F(TokenTest, AVerifierTellsTenantsApartThatShareAnId) {
  const TokenVerifier verifier(ring_);
  SeededRandom same_a(7), same_b(7);
  const MintedToken a = mint_token(ring_, tenant('a'), same_a);
  const MintedToken b = mint_token(ring_, tenant('b'), same_b);
  ASSERT_EQ(a.id_hash, b.id_hash);
  EXPECT_EQ(verifier.verify(a.text.expose())->tenant, tenant('a'));
  EXPECT_EQ(verifier.verify(b.text.expose())->tenant, tenant('b'));
}

}  // namespace
}  // namespace coffer::crypto

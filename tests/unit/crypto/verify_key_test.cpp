// Signatures of JWS: the RFCs' own examples verify, and nothing that was altered, cut or made for another key does.

#include "crypto/verify_key.hpp"

#include <gtest/gtest.h>

#include "crypto/hash.hpp"
#include "crypto/signing_key.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

using model::JwsAlgorithm;
using test::with_flipped_bit;

std::string decoded(std::string_view text) {
  auto bytes = from_base64url(text);
  EXPECT_TRUE(bytes.ok()) << text;
  return bytes ? *bytes : std::string();
}

// RFC 7515 appendix A.2
constexpr std::string_view kClaims =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
constexpr std::string_view kRsaModulus =
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pC"
    "gNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg6"
    "65xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRW"
    "yuXpoQ";
constexpr std::string_view kRsaSignature =
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t"
    "1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12j"
    "zDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQ"
    "Ge77Rw";
// RFC 7515 appendix A.3
constexpr std::string_view kP256X = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
constexpr std::string_view kP256Y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
constexpr std::string_view kEcSignature =
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
// RFC 8037 appendix A.4
constexpr std::string_view kEdX = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
constexpr std::string_view kEdInput = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
constexpr std::string_view kEdSignature =
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

std::string input(std::string_view header) { return std::string(header).append(".").append(kClaims); }

struct Example {
  VerifyKey key;
  std::string message, signature;
};
std::vector<Example> examples() {
  return {
      {*VerifyKey::from_rsa(decoded(kRsaModulus), decoded("AQAB")), input("eyJhbGciOiJSUzI1NiJ9"),
       decoded(kRsaSignature)},
      {*VerifyKey::from_p256(decoded(kP256X), decoded(kP256Y)), input("eyJhbGciOiJFUzI1NiJ9"), decoded(kEcSignature)},
      {*VerifyKey::from_ed25519(decoded(kEdX)), std::string(kEdInput), decoded(kEdSignature)}};
}

TEST(VerifyKeyTest, TheExamplesOfTheRfcsVerify) {
  const auto all = examples();
  EXPECT_EQ(all[0].key.algorithm(), JwsAlgorithm::rs256);
  EXPECT_EQ(all[1].key.algorithm(), JwsAlgorithm::es256);
  EXPECT_EQ(all[2].key.algorithm(), JwsAlgorithm::eddsa);
  for (const Example& one : all) EXPECT_TRUE(one.key.verify(one.message, one.signature));
}

TEST(VerifyKeyTest, EveryAlteredBitIsRefused) {
  for (const Example& one : examples()) {
    for (std::size_t bit = 0; bit < 8 * one.signature.size(); bit += 7) {
      EXPECT_FALSE(one.key.verify(one.message, with_flipped_bit(one.signature, bit))) << bit;
    }
    EXPECT_FALSE(one.key.verify(with_flipped_bit(one.message, 3), one.signature));
  }
}

TEST(VerifyKeyTest, ASignatureOfAnotherLengthIsRefused) {
  for (const Example& one : examples()) {
    EXPECT_FALSE(one.key.verify(one.message, ""));
    EXPECT_FALSE(one.key.verify(one.message, one.signature.substr(1)));
    EXPECT_FALSE(one.key.verify(one.message, one.signature + std::string(1, '\0')));
    EXPECT_FALSE(one.key.verify(one.message, std::string(1, '\0') + one.signature));
    EXPECT_FALSE(one.key.verify(one.message, std::string(10000, 'x')));
  }
}

TEST(VerifyKeyTest, ZeroesAreNoEllipticCurveSignature) {
  // CVE-2022-21449: r = s = 0 verified everywhere in one implementation.
  EXPECT_FALSE(examples()[1].key.verify(examples()[1].message, std::string(64, '\0')));
  EXPECT_FALSE(examples()[2].key.verify(examples()[2].message, std::string(64, '\0')));
}

TEST(VerifyKeyTest, ADerSignatureIsNoJws) {
  // What OpenSSL itself would take: the right r and s, as DER.
  const std::string raw = decoded(kEcSignature);
  const std::string der = std::string("\x30\x45\x02\x20").append(raw.substr(0, 32)).append("\x02\x21", 2) +
                          std::string(1, '\0') + raw.substr(32);
  EXPECT_FALSE(examples()[1].key.verify(examples()[1].message, der));
}

TEST(VerifyKeyTest, WeakOrOddKeysAreRefused) {
  EXPECT_FALSE(VerifyKey::from_rsa(std::string(128, '\xc1'), decoded("AQAB")).ok()) << "1024 bits";
  EXPECT_FALSE(VerifyKey::from_rsa(std::string(1025, '\xc1'), decoded("AQAB")).ok()) << "more than 8192 bits";
  EXPECT_FALSE(VerifyKey::from_rsa(decoded(kRsaModulus), std::string(1, '\1')).ok()) << "exponent 1";
  EXPECT_FALSE(VerifyKey::from_rsa(decoded(kRsaModulus), std::string(1, '\4')).ok()) << "even exponent";
  EXPECT_FALSE(VerifyKey::from_rsa(decoded(kRsaModulus), decoded(kRsaModulus).substr(0, 255) + '\1').ok());
  EXPECT_FALSE(VerifyKey::from_rsa("", "").ok());
  EXPECT_FALSE(VerifyKey::from_p256(decoded(kP256X), decoded(kP256X)).ok()) << "not on the curve";
  EXPECT_FALSE(VerifyKey::from_p256(std::string(32, '\0'), std::string(32, '\0')).ok());
  EXPECT_FALSE(VerifyKey::from_p256(decoded(kP256X).substr(1), decoded(kP256Y)).ok());
  EXPECT_FALSE(VerifyKey::from_ed25519(decoded(kEdX).substr(1)).ok());
}

TEST(VerifyKeyTest, PemOfAnotherCurveOrKindIsRefused) {
  constexpr std::string_view kP384 =
      "-----BEGIN PUBLIC KEY-----\n"
      "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE2o3i9Pp/u7yx4D+9lpe6I3tTuwcNRZF+\n"
      "+2LWGMkn7YdmRFMWvqKEKMK5y6afkPNzRdm5oyCk1H/nTnyMDaWuwGqm8Yju0Oy8\n"
      "uF8YrCeKQ8P027IIobybfXntj/LqziAU\n"
      "-----END PUBLIC KEY-----\n";
  for (const std::string_view bad :
       {std::string_view(""), std::string_view("-----BEGIN PUBLIC KEY-----\n"), kP384, std::string_view("garbage")}) {
    const auto key = VerifyKey::from_pem(bad);
    ASSERT_FALSE(key.ok());
    EXPECT_EQ(key.error().code, model::Code::invalid_argument);
  }
  EXPECT_EQ(VerifyKey::from_pem(kP384).error().message(), "an elliptic curve key is not on P-256");
}

TEST(SigningKeyTest, WhatItSignsItsPublicHalfVerifiesAfterARoundTripThroughItsFile) {
  const SigningKey made = SigningKey::generate();
  const auto read = SigningKey::from_pem(made.private_pem());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->public_pem(), made.public_pem());
  const auto key = VerifyKey::from_pem(made.public_pem());
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->algorithm(), JwsAlgorithm::rs256);
  EXPECT_TRUE(key->verify("message", read->sign("message")));
  EXPECT_FALSE(key->verify("massage", read->sign("message")));
  EXPECT_FALSE(SigningKey::from_pem(model::Secret(made.public_pem())).ok());
}

}  // namespace
}  // namespace coffer::crypto

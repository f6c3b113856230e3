// Tokens taken apart: what a stranger can send, and none of it gets through.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jwt_support.hpp"
#include "net/jwt/token.hpp"

namespace coffer::net::jwt {
namespace {

using test::Signer;
using ::testing::HasSubstr;
using ::testing::Not;

const Signer& token_signer() {
  static const Signer kSigner = Signer::eddsa();
  return kSigner;
}
std::string with_header(const std::string& header) { return token_signer().token(header, R"({"sub":"alice"})"); }
std::string with_claims(const std::string& claims) { return token_signer().token(claims); }

/// Why the token is refused; empty when it is not.
std::string why_refused(const std::string& text) {
  const auto token = parse_token(text);
  if (token) return {};
  EXPECT_EQ(token.error().code, model::Code::unauthenticated);
  return std::string(token.error().message());
}

TEST(JwtTokenTest, AWellFormedTokenIsTakenApart) {
  const auto token =
      parse_token(token_signer().token(R"({"alg":"EdDSA","kid":"k1","typ":"JWT"})", R"({"sub":"alice"})"));
  ASSERT_TRUE(token.ok()) << token.error().message();
  EXPECT_EQ(token->algorithm, model::JwsAlgorithm::eddsa);
  EXPECT_EQ(token->kid, "k1");
  EXPECT_EQ(token->claims.at("sub").as_string(), "alice");
  EXPECT_EQ(token->signature.size(), 64U);
}

TEST(JwtTokenTest, NoneAndHmacAndUnknownAlgorithmsAreRefused) {
  for (const char* algorithm : {"none", "None", "NONE", "nOnE", "HS256", "HS384", "HS512", "RS384", "RS512", "PS256",
                                "ES384", "ES256K", "rs256", "RS256 ", "eddsa", ""}) {
    EXPECT_THAT(why_refused(with_header(R"({"alg":")" + std::string(algorithm) + "\"}")), HasSubstr("algorithm"))
        << algorithm;
  }
  EXPECT_THAT(why_refused(with_header("{}")), HasSubstr("no `alg`"));
  EXPECT_THAT(why_refused(with_header(R"({"alg":null})")), HasSubstr("no `alg`"));
  EXPECT_THAT(why_refused(with_header(R"({"alg":["EdDSA"]})")), HasSubstr("no `alg`"));
}

TEST(JwtTokenTest, ATokenThatBringsItsOwnKeyOrAnExtensionIsRefused) {
  for (const char* member :
       {R"("jwk":{"kty":"OKP"})", R"("jku":"https://evil.example/jwks")", R"("x5u":"https://evil.example")",
        R"("x5c":["MIIB"])", R"("crit":["exp"])", R"("crit":[])", R"("b64":false)", R"("b64":true)", R"("jwk":null)"}) {
    EXPECT_THAT(why_refused(with_header(R"({"alg":"EdDSA",)" + std::string(member) + "}")), HasSubstr("header has"))
        << member;
  }
}

TEST(JwtTokenTest, ATokenOfAnotherTypeIsRefused) {
  for (const char* type : {"JWT", "jwt", "at+jwt", "application/at+JWT"}) {
    EXPECT_EQ(why_refused(with_header(R"({"alg":"EdDSA","typ":")" + std::string(type) + "\"}")), "") << type;
  }
  for (const char* type : {"logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", ""}) {
    EXPECT_THAT(why_refused(with_header(R"({"alg":"EdDSA","typ":")" + std::string(type) + "\"}")), HasSubstr("typ"));
  }
  EXPECT_THAT(why_refused(with_header(R"({"alg":"EdDSA","typ":1})")), HasSubstr("typ"));
}

TEST(JwtTokenTest, RepeatedMembersAreRefusedAtEveryDepth) {
  EXPECT_THAT(why_refused(with_header(R"({"alg":"none","alg":"EdDSA"})")), HasSubstr("repeated"));
  EXPECT_THAT(why_refused(with_header(R"({"alg":"EdDSA","\u0061lg":"EdDSA"})")), HasSubstr("repeated"));
  EXPECT_THAT(why_refused(with_claims(R"({"sub":"alice","sub":"root"})")), HasSubstr("repeated"));
  EXPECT_THAT(why_refused(with_claims(R"({"a":[{"b":1,"b":1}]})")), HasSubstr("repeated"));
  EXPECT_EQ(why_refused(with_claims(R"({"a":{"b":1},"b":[{"b":1},{"b":1}]})")), "") << "in different objects";
}

TEST(JwtTokenTest, LargeDeepAndCrowdedTokensAreRefused) {
  EXPECT_THAT(why_refused(with_claims(R"({"sub":")" + std::string(8000, 'a') + "\"}")), HasSubstr("8192 bytes"));
  const auto nested = [](std::size_t depth) {
    return R"({"a":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(why_refused(with_claims(nested(8))), "");
  EXPECT_THAT(why_refused(with_claims(nested(9))), HasSubstr("nested too deeply"));
  EXPECT_THAT(why_refused(with_claims(nested(2000))), HasSubstr("nested too deeply"));
  std::string many = R"({"a":[1)";
  for (int i = 0; i < 300; ++i) many += ",1";
  EXPECT_THAT(why_refused(with_claims(many + "]}")), HasSubstr("too many"));
}

TEST(JwtTokenTest, AnythingButStrictBase64UrlIsRefused) {
  const std::string good = with_claims(R"({"sub":"alice"})");
  ASSERT_EQ(why_refused(good), "");
  EXPECT_NE(why_refused(good + "="), "");
  EXPECT_NE(why_refused(good + "\n"), "");
  EXPECT_NE(why_refused(" " + good), "");
  EXPECT_NE(why_refused(good + "."), "");
  EXPECT_NE(why_refused("." + good), "");
  EXPECT_NE(why_refused(good.substr(0, good.rfind('.') + 1)), "") << "no signature";
  EXPECT_NE(why_refused(good.substr(0, good.rfind('.'))), "");
  EXPECT_NE(why_refused(".."), "");
  EXPECT_NE(why_refused(""), "");
  for (const char foreign : {'+', '/', '=', ' ', '\0', '\x80', '%'}) {
    std::string text = good;
    text[3] = foreign;
    EXPECT_NE(why_refused(text), "") << static_cast<int>(foreign);
  }
  // 86 characters stand for 64 bytes and four bits that must be zero: else one signature has sixteen texts.
  std::string text = good;
  text.back() = text.back() == 'A' ? 'B' : static_cast<char>(text.back() + 1);
  EXPECT_NE(why_refused(text), "");
}

TEST(JwtTokenTest, WhatIsNoJsonObjectIsRefusedWithoutBeingQuoted) {
  for (const char* claims : {"", "1", "[]", "null", "\"a\"", "{", "{}x", "{} {}", "{\"a\":}", "{'a':1}", "{\"a\":1,}",
                             "\xef\xbb\xbf{}", "{\"a\":\"\xff\"}", "{\"a\":\"\\ud800\"}", "// c\n{}", "{\"a\":NaN}"}) {
    const std::string why = why_refused(with_claims(claims));
    EXPECT_NE(why, "") << claims;
  }
  EXPECT_THAT(why_refused(with_claims(R"({"canary":"canary")")), Not(HasSubstr("canary")));
}

TEST(JwtTokenTest, ClaimsAreFoundByPath) {
  const auto token = parse_token(with_claims(R"({"a":{"b.c":{"d":"x"}},"tapis/tenant_id":"dev","e":[1]})"));
  ASSERT_TRUE(token.ok());
  const auto find = [&](const char* path) { return find_claim(token->claims, *model::split_claim_path(path)); };
  ASSERT_NE(find(R"(a.b\.c.d)"), nullptr);
  EXPECT_EQ(find(R"(a.b\.c.d)")->as_string(), "x");
  EXPECT_NE(find("tapis/tenant_id"), nullptr);
  EXPECT_EQ(find("a.b"), nullptr);
  EXPECT_EQ(find("e.0"), nullptr);
  EXPECT_EQ(find("tapis/tenant_id.x"), nullptr);
}

}  // namespace
}  // namespace coffer::net::jwt

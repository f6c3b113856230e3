// The stored answers of changes of issuers and certificate rules: read back as they were, and their bytes as ever.

#include <gtest/gtest.h>

#include "golden.hpp"
#include "model/codec.hpp"

namespace coffer::model {
namespace {

Issuer any_issuer() {
  Issuer issuer;
  issuer.name = "corp";
  issuer.iss = "https://id.example";
  issuer.public_keys = {"one", "two"};
  issuer.jwks = "{}";
  issuer.jwks_url = "https://id.example/jwks";
  issuer.jwks_ca = "ca";
  issuer.audiences = {"coffer"};
  issuer.algorithms = 5;
  issuer.clock_skew_s = 30;
  issuer.mapping = "tapis";
  issuer.claims = {"t", "p", "r", "k", true};
  issuer.version = 300;
  issuer.changed_at = 1'700'000'000'000;
  issuer.changed_by = "operator";
  return issuer;
}

CertificateRule any_rule() {
  return {"web", "dns:web.example", "service:web", {"reader", "writer"}, 301, 1'700'000'000'001, "operator"};
}

TEST(StoredTrustReply, IsReadBackAsItWas) {
  const auto issuer = decode_reply(encode_reply(IssuerReply{any_issuer()}).expose());
  ASSERT_TRUE(issuer.ok());
  EXPECT_EQ(std::get<IssuerReply>(*issuer).issuer, any_issuer());
  const auto rule = decode_reply(encode_reply(CertificateRuleReply{any_rule()}).expose());
  ASSERT_TRUE(rule.ok());
  EXPECT_EQ(std::get<CertificateRuleReply>(*rule).rule, any_rule());
}

TEST(StoredTrustReply, HasTheBytesOfTheGoldenFiles) {
  test::expect_golden("reply_issuer", encode_reply(IssuerReply{any_issuer()}).expose());
  test::expect_golden("reply_certificate_rule", encode_reply(CertificateRuleReply{any_rule()}).expose());
}

}  // namespace
}  // namespace coffer::model

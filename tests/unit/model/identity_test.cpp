// What an issuer and a certificate rule must be before anybody trusts them.

#include "model/identity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace coffer::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Issuer issuer() {
  Issuer made;
  made.name = "corp";
  made.iss = "https://id.example";
  made.public_keys = {"pem"};
  made.algorithms = kAllJwsAlgorithms;
  return made;
}
std::string why(const Issuer& one) {
  const Status status = check_issuer(one);
  return status ? "" : std::string(status.error().message());
}
std::string why(const CertificateRule& rule) {
  const Status status = check_certificate_rule(rule);
  return status ? "" : std::string(status.error().message());
}

TEST(ClaimPathTest, DotsSeparateSlashesDoNotAndABackslashEscapes) {
  EXPECT_THAT(*split_claim_path("sub"), ElementsAre("sub"));
  EXPECT_THAT(*split_claim_path("realm_access.roles"), ElementsAre("realm_access", "roles"));
  EXPECT_THAT(*split_claim_path("tapis/tenant_id"), ElementsAre("tapis/tenant_id"));
  EXPECT_THAT(*split_claim_path(R"(https://x\.example/roles.a\\b)"), ElementsAre("https://x.example/roles", R"(a\b)"));
  for (const char* bad : {"", ".", "a.", ".a", "a..b", R"(a\)", R"(a\b)", "a.b.c.d.e.f.g.h.i"}) {
    EXPECT_FALSE(split_claim_path(bad).ok()) << bad;
  }
  EXPECT_FALSE(split_claim_path(std::string(257, 'a')).ok());
}

TEST(IssuerTest, EachFieldHasItsBounds) {
  EXPECT_EQ(why(issuer()), "");
  const auto changed = [](auto change) {
    Issuer one = issuer();
    change(one);
    return why(one);
  };
  EXPECT_THAT(changed([](Issuer& i) { i.name = "Corp"; }), HasSubstr("name"));
  EXPECT_THAT(changed([](Issuer& i) { i.iss = ""; }), HasSubstr("iss"));
  EXPECT_THAT(changed([](Issuer& i) { i.public_keys.clear(); }), HasSubstr("public_keys"));
  EXPECT_THAT(changed([](Issuer& i) { i.public_keys.assign(17, "pem"); }), HasSubstr("public_keys"));
  EXPECT_THAT(changed([](Issuer& i) { i.public_keys[0].assign(20'000, 'a'); }), HasSubstr("public_keys"));
  EXPECT_THAT(changed([](Issuer& i) { i.jwks.assign(70'000, 'a'); }), HasSubstr("jwks"));
  EXPECT_THAT(changed([](Issuer& i) { i.jwks_ca = "pem"; }), HasSubstr("jwks_ca"));
  EXPECT_THAT(changed([](Issuer& i) { i.jwks_url = "ftp://x"; }), HasSubstr("jwks_url"));
  EXPECT_THAT(changed([](Issuer& i) { i.jwks_url = "https://x\r\nhost: y"; }), HasSubstr("jwks_url"));
  EXPECT_THAT(changed([](Issuer& i) { i.audiences = {""}; }), HasSubstr("audiences"));
  EXPECT_THAT(changed([](Issuer& i) { i.audiences.assign(17, "a"); }), HasSubstr("audiences"));
  EXPECT_THAT(changed([](Issuer& i) { i.algorithms = 0; }), HasSubstr("algorithms"));
  EXPECT_THAT(changed([](Issuer& i) { i.clock_skew_s = 301; }), HasSubstr("clock_skew"));
  EXPECT_THAT(changed([](Issuer& i) { i.mapping = "okta"; }), HasSubstr("mapping"));
  EXPECT_THAT(changed([](Issuer& i) { i.mapping = "cloudforet", i.audiences = {"a"}; }), HasSubstr("audiences"));
  EXPECT_THAT(changed([](Issuer& i) { i.claims.tenant = "a..b"; }), HasSubstr("claims.tenant"));
}

TEST(CertificateRuleTest, NamesOneKindOfNameAndAPrincipalThatIsNotAnothersKind) {
  const CertificateRule good{"web", "uri:spiffe://prod/*", "service:web", {"reader"}, 0, 0, ""};
  EXPECT_EQ(why(good), "");
  const auto changed = [&](auto change) {
    CertificateRule rule = good;
    change(rule);
    return why(rule);
  };
  for (const char* san : {"", "web.example", "cn:web", "uri:", "dns:*", "email:*"}) {
    EXPECT_THAT(changed([&](CertificateRule& r) { r.san = san; }), HasSubstr("san")) << san;
  }
  for (const char* principal : {"web", "token:0011", "operator", "dev-root", "role:x", "cert:x", "user:"}) {
    EXPECT_THAT(changed([&](CertificateRule& r) { r.principal = principal; }), HasSubstr("principal")) << principal;
  }
  EXPECT_EQ(changed([](CertificateRule& r) { r.principal = ""; }), "");
  EXPECT_THAT(changed([](CertificateRule& r) { r.roles.assign(65, "r"); }), HasSubstr("roles"));
  EXPECT_THAT(changed([](CertificateRule& r) { r.roles = {""}; }), HasSubstr("roles"));
}

}  // namespace
}  // namespace coffer::model

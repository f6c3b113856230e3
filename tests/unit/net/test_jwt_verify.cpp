// Who is let in by a signature, and as whom.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/signing_key.hpp"
#include "jwt_support.hpp"
#include "net/jwt/mint.hpp"
#include "net/jwt/verify.hpp"

namespace coffer::net::jwt {
namespace {

using test::issuer_of;
using test::Signer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr model::TimeMs kVerifiedAt = 1'800'000'000'000;
const std::string kVerifiedClaims = R"({"iss":"https://issuer.example","sub":"alice","exp":1800000060)";

const Signer& rsa() {
  static const Signer kSigner = Signer::rs256();
  return kSigner;
}

TrustedIssuer trusted(model::Issuer issuer) {
  auto made = trust(std::move(issuer));
  EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message());
  return made ? std::move(*made) : TrustedIssuer{};
}
Token token_of(const std::string& text) {
  auto token = parse_token(text);
  EXPECT_TRUE(token.ok()) << (token ? "" : token.error().message());
  return token ? std::move(*token) : Token{};
}
model::Result<Bearer> bearer(const model::Issuer& issuer, const std::string& claims, model::TimeMs now = kVerifiedAt) {
  return read_bearer(trusted(issuer), token_of(rsa().token(claims)), now);
}
std::string why(const model::Issuer& issuer, const std::string& claims, model::TimeMs now = kVerifiedAt) {
  const auto read = bearer(issuer, claims, now);
  return read ? "" : std::string(read.error().message());
}

TEST(JwtSignatureTest, EachAlgorithmVerifiesWithItsKeyAndNoOther) {
  const std::vector<Signer> signers{Signer::rs256(), Signer::es256(), Signer::eddsa()};
  for (const Signer& signer : signers) {
    const Token token = token_of(signer.token(kVerifiedClaims + "}"));
    for (const Signer& other : signers) {
      EXPECT_EQ(check_signature(trusted(issuer_of(other)), token, nullptr),
                &signer == &other ? Signature::valid : Signature::invalid)
          << signer.algorithm << " with the key of " << other.algorithm;
    }
  }
}

TEST(JwtSignatureTest, AnHmacUnderThePublicKeyIsNoSignature) {
  // The classic confusion: HS256 with the PEM as its secret. The header cannot say HS256, and saying RS256 does not help.
  const std::string input = crypto::base64url(R"({"alg":"RS256"})") + "." + crypto::base64url(kVerifiedClaims + "}");
  const auto key = crypto::Key::from_bytes(crypto::sha256(rsa().public_pem()));
  const std::string forged = input + "." + crypto::base64url(crypto::hmac_sha256(key, input));
  EXPECT_EQ(check_signature(trusted(issuer_of(rsa())), token_of(forged), nullptr), Signature::invalid);
}

TEST(JwtSignatureTest, AnAlgorithmThatTheIssuerDoesNotUseIsRefused) {
  model::Issuer issuer = issuer_of(rsa());
  issuer.algorithms = static_cast<std::uint32_t>(model::JwsAlgorithm::es256);
  EXPECT_EQ(check_signature(trusted(issuer), token_of(rsa().token(kVerifiedClaims + "}")), nullptr),
            Signature::invalid);
}

TEST(JwtSignatureTest, AnAlteredTokenIsRefused) {
  const std::string good = rsa().token(kVerifiedClaims + "}");
  const std::string other = rsa().token(kVerifiedClaims + R"(,"roles":["admin"]})");
  const std::string mixed = other.substr(0, other.rfind('.')) + good.substr(good.rfind('.'));
  EXPECT_EQ(check_signature(trusted(issuer_of(rsa())), token_of(mixed), nullptr), Signature::invalid);
}

TEST(JwtSignatureTest, AKidChoosesTheKeyAndAnUnknownOneAsksForANewerSet) {
  Signer old = Signer::es256(), young = Signer::es256();
  old.kid = "2024";
  young.kid = "2025";
  model::Issuer settings = issuer_of(rsa());
  settings.public_keys.clear();
  settings.jwks_url = "https://issuer.example/jwks";
  const TrustedIssuer issuer = trusted(settings);
  const auto first = parse_jwks(R"({"keys":[)" + old.jwk() + "]}");
  const auto both = parse_jwks(R"({"keys":[)" + old.jwk() + "," + young.jwk() + "]}");
  ASSERT_TRUE(first.ok() && both.ok());
  const Token token = token_of(young.token(kVerifiedClaims + "}"));
  EXPECT_EQ(check_signature(issuer, token, nullptr), Signature::unknown_key);
  EXPECT_EQ(check_signature(issuer, token, &*first), Signature::unknown_key);
  EXPECT_EQ(check_signature(issuer, token, &*both), Signature::valid);
  // A forger who names a known key does not make the server fetch.
  young.kid = "2024";
  EXPECT_EQ(check_signature(issuer, token_of(young.token(kVerifiedClaims + "}")), &*first), Signature::invalid);
  // Without a URL there is nothing to ask.
  settings.jwks_url.clear();
  settings.jwks = R"({"keys":[)" + old.jwk() + "]}";
  EXPECT_EQ(check_signature(trusted(settings), token, nullptr), Signature::invalid);
}

TEST(JwtKeySetTest, KeysForOtherUsesAreLeftOutAndPrivateOnesRefused) {
  const Signer ec = Signer::es256();
  const auto count = [](const std::string& keys) {
    const auto set = parse_jwks(R"({"keys":[)" + keys + "]}");
    return set ? static_cast<int>(set->size()) : -1;
  };
  EXPECT_EQ(count(ec.jwk()), 1);
  EXPECT_EQ(count(ec.jwk(R"(,"use":"sig","alg":"ES256","key_ops":["verify"])")), 1);
  EXPECT_EQ(count(rsa().jwk() + "," + ec.jwk(R"(,"use":"enc")")), 1);
  EXPECT_EQ(count(ec.jwk() + "," + rsa().jwk(R"(,"alg":"RS512")")), 1) << "a key for another algorithm";
  EXPECT_EQ(count(ec.jwk() + "," + rsa().jwk(R"(,"key_ops":["sign"])")), 1);
  EXPECT_EQ(count(ec.jwk() + "," + Signer::weak_rsa().jwk()), 1);
  EXPECT_EQ(count(ec.jwk() + R"(,{"kty":"oct","k":"c2VjcmV0"},{"kty":"EC","crv":"P-384"},{"kty":"new"})"), 1);
  EXPECT_EQ(count(Signer::weak_rsa().jwk()), -1) << "none is left";
  EXPECT_EQ(count(ec.jwk(R"(,"d":"c2VjcmV0")")), -1);
  EXPECT_EQ(count(""), -1);
  std::string many = ec.jwk();
  for (int i = 0; i < 16; ++i) many += "," + ec.jwk();
  EXPECT_EQ(count(many), -1);
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[1]})", R"({"keys":[],"keys":[]})"}) {
    EXPECT_FALSE(parse_jwks(text).ok()) << text;
  }
}

TEST(JwtTrustTest, SettingsWithoutUsableKeysOrWithUnknownPathsAreRefused) {
  model::Issuer issuer = issuer_of(rsa());
  issuer.public_keys = {Signer::weak_rsa().public_pem()};
  EXPECT_THAT(std::string(trust(issuer).error().message()), HasSubstr("fewer than 2048"));
  issuer.public_keys.clear();
  EXPECT_FALSE(trust(issuer).ok());
  issuer = issuer_of(rsa());
  issuer.claims.principal = "a..b";
  EXPECT_FALSE(trust(issuer).ok());
  issuer.claims.principal = "";
  EXPECT_FALSE(trust(issuer).ok());
  issuer = issuer_of(rsa());
  issuer.mapping = "keycloak";
  EXPECT_FALSE(trust(issuer).ok());
  issuer = issuer_of(rsa());
  issuer.algorithms = 8;
  EXPECT_FALSE(trust(issuer).ok());
  issuer = issuer_of(rsa());
  issuer.jwks_url = "file:///etc/passwd";
  EXPECT_FALSE(trust(issuer).ok());
}

TEST(JwtBearerTest, TimesAreObeyedToTheSecondAndTheSkewWidensThem) {
  model::Issuer issuer = issuer_of(rsa());
  EXPECT_EQ(why(issuer, kVerifiedClaims + "}", 1'800'000'059'999), "");
  EXPECT_THAT(why(issuer, kVerifiedClaims + "}", 1'800'000'060'000), HasSubstr("expired"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"nbf":1800000001})"), HasSubstr("not valid yet"));
  EXPECT_EQ(why(issuer, kVerifiedClaims + R"(,"nbf":1800000000})"), "");
  issuer.clock_skew_s = 30;
  EXPECT_EQ(why(issuer, kVerifiedClaims + R"(,"nbf":1800000030})"), "");
  EXPECT_EQ(why(issuer, kVerifiedClaims + "}", 1'800'000'089'999), "");
  EXPECT_THAT(why(issuer, kVerifiedClaims + "}", 1'800'000'090'000), HasSubstr("expired"));
  EXPECT_EQ(bearer(issuer, kVerifiedClaims + "}")->expires_at, 1'800'000'090'000);
}

TEST(JwtBearerTest, ATokenWithoutAnEndIsRefused) {
  const model::Issuer issuer = issuer_of(rsa());
  for (const char* exp : {"", R"(,"exp":null)", R"(,"exp":"1800000060")", R"(,"exp":1e300)", R"(,"exp":-1)",
                          R"(,"exp":99999999999999999999)", R"(,"exp":{})"}) {
    EXPECT_THAT(why(issuer, R"({"iss":"https://issuer.example","sub":"a")" + std::string(exp) + "}"), HasSubstr("exp"))
        << exp;
  }
}

TEST(JwtBearerTest, AudienceAndIssuerMustBeOurs) {
  model::Issuer issuer = issuer_of(rsa());
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"aud":"somebody"})"), HasSubstr("aud"));
  EXPECT_THAT(why(issuer, R"({"iss":"https://issuer.example/","sub":"a","exp":1800000060})"), HasSubstr("issuer"));
  issuer.audiences = {"coffer", "vault"};
  EXPECT_THAT(why(issuer, kVerifiedClaims + "}"), HasSubstr("aud"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"aud":"Coffer"})"), HasSubstr("aud"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"aud":[]})"), HasSubstr("aud"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"aud":[["coffer"]]})"), HasSubstr("aud"));
  EXPECT_EQ(why(issuer, kVerifiedClaims + R"(,"aud":"coffer"})"), "");
  EXPECT_EQ(why(issuer, kVerifiedClaims + R"(,"aud":["x","vault"]})"), "");
}

TEST(JwtBearerTest, ClaimsAreMappedByTheirPaths) {
  model::Issuer issuer = issuer_of(rsa());
  issuer.claims = {"org/tenant", "user.name", "realm.roles", "", true};
  const auto read =
      bearer(issuer, kVerifiedClaims + R"(,"org/tenant":"acme","user":{"name":"ci"},"realm":{"roles":["a","b"]}})");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->tenant, "acme");
  EXPECT_EQ(read->principal, "service:ci");
  EXPECT_THAT(read->roles, ElementsAre("a", "b"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"user":{"name":"ci"}})"), HasSubstr("tenant"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"org/tenant":["acme"],"user":{"name":"ci"}})"), HasSubstr("tenant"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"org/tenant":"acme"})"), HasSubstr("bearer"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"org/tenant":"acme","user":{"name":"c\u0000i"}})"),
              HasSubstr("bearer"));
  EXPECT_THAT(why(issuer, kVerifiedClaims + R"(,"org/tenant":"acme","user":{"name":"ci"},"realm":{"roles":[1]}})"),
              HasSubstr("role"));
}

TEST(JwtBearerTest, CloudforetsClaimsAreReadAsItsIdentityServiceWritesThem) {
  model::Issuer issuer = issuer_of(rsa(), "spaceone.identity");
  issuer.mapping = "cloudforet";
  const std::string base = R"({"iss":"spaceone.identity","did":"domain-1","aud":"alice","exp":1800000060)";
  const auto user = bearer(issuer, base + R"(,"typ":"ACCESS_TOKEN","own":"USER","rol":"DOMAIN_ADMIN","ver":"2.0"})");
  ASSERT_TRUE(user.ok()) << user.error().message();
  EXPECT_EQ(user->tenant, "domain-1");
  EXPECT_EQ(user->principal, "user:alice");
  EXPECT_THAT(user->roles, ElementsAre("DOMAIN_ADMIN"));
  EXPECT_EQ(bearer(issuer, base + R"(,"typ":"CLIENT_SECRET","own":"APP"})")->principal, "service:alice");
  EXPECT_EQ(bearer(issuer, base + R"(,"cat":"ACCESS_TOKEN","user_type":"USER"})")->principal, "user:alice");
  const auto both = bearer(issuer, base + R"(,"cat":"ACCESS_TOKEN","own":"USER","user_type":"SYSTEM"})");
  EXPECT_EQ(both->cloudforet->owner, model::CloudforetClaims::Owner::user) << "who is called a user is no system";
  EXPECT_THAT(why(issuer, base + R"(,"typ":"REFRESH_TOKEN","own":"USER"})"), HasSubstr("access token"));
  EXPECT_THAT(why(issuer, base + R"(,"own":"ROBOT"})"), HasSubstr("service"));
}

TEST(JwtBearerTest, TapisClaimsAreReadAsItsTokensServiceWritesThem) {
  model::Issuer issuer = issuer_of(rsa(), "https://dev.tapis.io/v3/tokens");
  issuer.mapping = "tapis";
  const std::string base =
      R"({"iss":"https://dev.tapis.io/v3/tokens","exp":1800000060,"tapis/tenant_id":"dev","tapis/username":"alice")";
  const auto user = bearer(issuer, base + R"(,"tapis/account_type":"user","tapis/token_type":"access"})");
  ASSERT_TRUE(user.ok()) << user.error().message();
  EXPECT_EQ(user->tenant, "dev");
  EXPECT_EQ(user->principal, "user:alice");
  EXPECT_EQ(bearer(issuer, base + R"(,"tapis/account_type":"service"})")->principal, "service:alice");
  EXPECT_THAT(why(issuer, base + R"(,"tapis/account_type":"user","tapis/token_type":"refresh"})"),
              HasSubstr("access token"));
  EXPECT_THAT(why(issuer, base + "}"), HasSubstr("service"));
  EXPECT_THAT(why(issuer, base + R"(,"tapis/account_type":"user","aud":"x"})"), HasSubstr("aud"));
}

TEST(JwtMintTest, TheDevIssuersTrustWhatIsMintedForEachDoor) {
  const auto key = crypto::SigningKey::generate();
  const auto issuers = dev_issuers(key.public_pem());
  const std::vector<std::string> doors{"native", "cloudforet", "tapis"};
  for (std::size_t i = 0; i < doors.size(); ++i) {
    const auto text = mint_dev_token(key, {doors[i], "acme", "alice", {"admin"}}, kVerifiedAt, "id");
    ASSERT_TRUE(text.ok());
    const Token token = token_of(std::string(text->expose()));
    for (std::size_t j = 0; j < issuers.size(); ++j) {
      const TrustedIssuer issuer = trusted(issuers[j]);
      EXPECT_EQ(check_signature(issuer, token, nullptr), Signature::valid);
      EXPECT_EQ(read_bearer(issuer, token, kVerifiedAt).ok(), i == j) << doors[i] << " by " << issuers[j].name;
    }
    const auto read = read_bearer(trusted(issuers[i]), token, kVerifiedAt);
    ASSERT_TRUE(read.ok()) << read.error().message();
    EXPECT_EQ(read->tenant, "acme");
    EXPECT_EQ(read->principal, "user:alice");
    EXPECT_THAT(read->roles, ElementsAre("admin"));
    EXPECT_EQ(read->expires_at, kVerifiedAt + 3'600'000);
  }
  EXPECT_FALSE(mint_dev_token(key, {"dapr", "acme", "alice", {}}, kVerifiedAt, "id").ok());
  EXPECT_FALSE(mint_dev_token(key, {"native", "acme", "", {}}, kVerifiedAt, "id").ok());
  EXPECT_FALSE(mint_dev_token(key, {"cloudforet", "acme", "alice", {"a", "b"}}, kVerifiedAt, "id").ok());
}

}  // namespace
}  // namespace coffer::net::jwt

// JWTs and certificates on their way to the actors: what is verified goes on as somebody, nothing else goes on at all.

#include "identity_fixture.hpp"

namespace coffer::net::identity_test {
namespace {

using ::testing::ElementsAre;

TEST_F(IdentityGatewayTest, AVerifiedTokenGoesOnAsItsBearerAndTheTokenItselfDoesNot) {
  ASSERT_EQ(present(signer().token(kClaims)), Code::ok);
  EXPECT_EQ(passed().kind, CredentialKind::jwt);
  EXPECT_EQ(passed().principal, "user:alice");
  EXPECT_EQ(passed().tenant, inner.trusts["acme"].tenant);
  EXPECT_EQ(passed().issuer, "main");
  EXPECT_EQ(passed().issuer_version, 7U);
  EXPECT_EQ(passed().expires_at, 1'800'000'060'000);
  EXPECT_FALSE(passed().of_node);
  EXPECT_TRUE(passed().token.empty());
}

TEST_F(IdentityGatewayTest, NothingElseReachesTheActors) {
  const Signer forger = Signer::es256();
  EXPECT_EQ(present(forger.token(kClaims)), Code::unauthenticated);
  EXPECT_EQ(present(signer().token(kClaims), "other"), Code::unauthenticated) << "a tenant that does not trust it";
  EXPECT_EQ(present(signer().token(kClaims), "missing"), Code::unauthenticated)
      << "the same as for one that is missing";
  EXPECT_EQ(present(signer().token(R"({"iss":"https://other.example","sub":"alice","exp":1800000060})")),
            Code::unauthenticated);
  EXPECT_EQ(present("a.b.c"), Code::unauthenticated);
  EXPECT_EQ(present(".."), Code::unauthenticated);
  EXPECT_EQ(present(std::string(8193, 'a') + ".b.c"), Code::unauthenticated);
  EXPECT_EQ(present("not-a-token"), Code::unauthenticated) << "for the actors' own check";
  EXPECT_TRUE(inner.requests.empty());
}

TEST_F(IdentityGatewayTest, ATokenThatNobodyHereSignedCostsAsMuchAsAForgedOne) {
  const Signer forger = Signer::es256();
  ASSERT_EQ(present(forger.token(kClaims)), Code::unauthenticated);
  const std::uint64_t before = sample("coffer_credentials_decoys_total");
  ASSERT_EQ(present(forger.token(kClaims)), Code::unauthenticated);
  EXPECT_EQ(sample("coffer_credentials_decoys_total"), before) << "the tenant's own key refused it";
  for (const Signer& stranger : {Signer::es256(), Signer::rs256(), Signer::eddsa()}) {
    const std::uint64_t checked = sample("coffer_credentials_decoys_total");
    EXPECT_EQ(present(stranger.token(kClaims), "missing"), Code::unauthenticated);
    EXPECT_EQ(present(stranger.token(kClaims), "other"), Code::unauthenticated);
    EXPECT_EQ(sample("coffer_credentials_decoys_total"), checked + 2) << stranger.algorithm;
  }
}

TEST_F(IdentityGatewayTest, AnIssuerIsNotKnownByWhatNoneOfItsKeysCouldHaveSigned) {
  Signer known = Signer::es256();
  known.kid = "known";
  model::Issuer issuer = issuer_of(known);
  issuer.public_keys.clear();
  issuer.jwks = R"({"keys":[)" + known.jwk() + "]}";
  inner.trusts["acme"].issuers = {issuer};
  const auto decoys = [this](const Signer& forger) {
    const std::uint64_t before = sample("coffer_credentials_decoys_total");
    EXPECT_EQ(present(forger.token(kClaims)), Code::unauthenticated);
    return sample("coffer_credentials_decoys_total") - before;
  };
  start();
  EXPECT_EQ(decoys(Signer::es256()), 0U) << "without a kid every key of the type tries";
  EXPECT_EQ(decoys(Signer::rs256()), 1U) << "no key of the type";
  EXPECT_EQ(decoys(Signer::eddsa()), 1U) << "no key of the type";
  Signer other = Signer::es256();
  other.kid = "other";
  EXPECT_EQ(decoys(other), 1U) << "no key of that name";
  issuer.algorithms = static_cast<std::uint32_t>(model::JwsAlgorithm::rs256);
  inner.trusts["acme"].issuers = {issuer};
  ++inner.changes;
  EXPECT_EQ(decoys(Signer::es256()), 1U) << "not an algorithm of the issuer's";
}

TEST_F(IdentityGatewayTest, OtherCredentialsPassThrough) {
  EXPECT_EQ(present("tenant-token"), Code::ok);
  EXPECT_EQ(passed().kind, CredentialKind::token);
}

TEST_F(IdentityGatewayTest, OperationsOfTheDirectoryAreNotForTenantsPeople) {
  start();
  WaitingCall call;
  call.request.credential = std::move(*gateway->authenticate(signer().token(kClaims), model::Door::admin));
  call.request.operation = model::DirectoryOperation(model::CreateTenant{});
  gateway->submit(&call);
  EXPECT_EQ(call.wait(), Code::permission_denied);
  EXPECT_TRUE(inner.requests.empty());
}

TEST_F(IdentityGatewayTest, AKnownTokenIsNotVerifiedAgainUntilSomethingChanges) {
  const std::string token = signer().token(kClaims);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(present(token), Code::ok);
  EXPECT_EQ(inner.lookups, 1);
  EXPECT_EQ(sample("coffer_credentials_verified_total"), 1U);
  EXPECT_EQ(sample("coffer_credentials_remembered_total"), 4U);
  // What is known for one tenant is nothing in another.
  EXPECT_EQ(present(token, "other"), Code::unauthenticated);
  // The tenant trusts somebody else now.
  inner.trusts["acme"].issuers.clear();
  ++inner.changes;
  EXPECT_EQ(present(token), Code::unauthenticated);
}

TEST_F(IdentityGatewayTest, ATenantOfTheSameNameIsAnotherTenant) {
  const std::string token = signer().token(kClaims);
  ASSERT_EQ(present(token), Code::ok);
  inner.trusts["acme"].tenant.bytes.fill('z');
  ASSERT_EQ(present(token), Code::ok);
  EXPECT_EQ(passed().tenant, inner.trusts["acme"].tenant);
}

TEST_F(IdentityGatewayTest, AKnownTokenExpires) {
  const std::string token = signer().token(kClaims);
  ASSERT_EQ(present(token), Code::ok);
  now = 1'800'000'060'000;
  EXPECT_EQ(present(token), Code::unauthenticated);
  EXPECT_EQ(inner.requests.size(), 1U);
}

TEST_F(IdentityGatewayTest, MemoryStaysBoundedHoweverManyTokensCome) {
  settings.cached_credentials = 64;
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(present(signer().token(R"({"iss":"https://issuer.example","sub":"u)" + std::to_string(i) +
                                     R"(","exp":1800000060})")),
              Code::ok);
  }
  EXPECT_LE(sample("coffer_credentials_cached"), 64U);
  // What is refused is not remembered at all.
  const auto before = sample("coffer_credentials_cached");
  for (int i = 0; i < 100; ++i) present(signer().token(kClaims), "invented-" + std::to_string(i));
  EXPECT_EQ(sample("coffer_credentials_cached"), before);
}

TEST_F(IdentityGatewayTest, TheTokensTenantMustBeTheOneThatIsAsked) {
  model::Issuer issuer = issuer_of(signer());
  issuer.claims.tenant = "tenant";
  inner.trusts["acme"].issuers = {issuer};
  inner.trusts["other"].issuers = {issuer};
  const auto token = [](const std::string& tenant) {
    return signer().token(R"({"iss":"https://issuer.example","sub":"a","exp":1800000060,"tenant":")" + tenant + "\"}");
  };
  EXPECT_EQ(present(token("acme")), Code::ok);
  EXPECT_EQ(present(token("other")), Code::permission_denied);
  EXPECT_EQ(present(token("missing")), Code::permission_denied);
  EXPECT_EQ(present(token("acme"), "other"), Code::permission_denied);
}

TEST_F(IdentityGatewayTest, ADomainsIdLeadsToItsTenantAndATenantsNameDoesNot) {
  // The domain `domain-1` opened the tenant acme; another domain is called as that tenant.
  model::Issuer issuer = issuer_of(signer(), "spaceone.identity");
  issuer.mapping = "cloudforet";
  inner.trusts["acme"].issuers = {issuer};
  inner.trusts["door:domain-1"].tenant = inner.trusts["acme"].tenant;
  const auto token = [](const std::string& domain) {
    return signer().token(R"({"iss":"spaceone.identity","aud":"a","own":"USER","exp":1800000060,"did":")" + domain +
                          "\"}");
  };
  EXPECT_EQ(present(token("domain-1")), Code::ok);
  EXPECT_EQ(present(token("acme")), Code::permission_denied);
  EXPECT_EQ(present(token("other")), Code::permission_denied);
}

TEST_F(IdentityGatewayTest, TheNodesIssuersAreTrustedInEveryTenantAndInThoseToCome) {
  const Signer dev = Signer::rs256();
  model::Issuer issuer = issuer_of(dev, "coffer-dev");
  issuer.claims.tenant = "tenant";
  settings.issuers = {issuer};
  const auto token = [&](const std::string& tenant) {
    return dev.token(R"({"iss":"coffer-dev","sub":"a","exp":1800000060,"tenant":")" + tenant + "\"}");
  };
  EXPECT_EQ(present(token("other"), "other"), Code::ok);
  EXPECT_TRUE(passed().of_node);
  EXPECT_EQ(present(token("new"), "new"), Code::ok);
  EXPECT_TRUE(passed().tenant.is_zero());
  EXPECT_EQ(present(token("new"), "new-too"), Code::permission_denied) << "though neither exists";
  EXPECT_EQ(present(token("new"), "other"), Code::permission_denied);
}

TEST_F(IdentityGatewayTest, ACallWhoseTimeIsOverIsNotVerified) {
  deadline = kAskedAt;
  EXPECT_EQ(present(signer().token(kClaims)), Code::deadline_exceeded);
  EXPECT_EQ(inner.lookups, 0);
}

TEST_F(IdentityGatewayTest, AFullQueueRefusesAndNothingIsLost) {
  settings.most_waiting = 0;
  EXPECT_EQ(present(signer().token(kClaims)), Code::overloaded);
  EXPECT_EQ(sample("coffer_credentials_dropped_total"), 1U);
}

TEST_F(IdentityGatewayTest, CallsThatWaitAtTheEndAreAnswered) {
  settings.threads = 0;  // nobody verifies
  start();
  WaitingCall call;
  call.request.credential = std::move(*gateway->authenticate(signer().token(kClaims), model::Door::native));
  call.request.tenant.name = "acme";
  call.request.operation = model::TenantOperation(model::ListTokens{});
  gateway->submit(&call);
  gateway->stop();
  EXPECT_EQ(call.wait(), Code::unavailable);
}

TEST_F(IdentityGatewayTest, ATokenWaitsForTheFirstFetchOfItsIssuersKeys) {
  model::Issuer issuer = issuer_of(signer());
  issuer.public_keys.clear();
  issuer.jwks_url = "https://issuer.example/jwks";
  inner.trusts["acme"].issuers = {issuer};
  jwks = R"({"keys":[)" + signer().jwk() + "]}";
  EXPECT_EQ(present(signer().token(kClaims)), Code::ok);
  EXPECT_EQ(present(signer().token(kClaims)), Code::ok);
  EXPECT_EQ(fetches, 1);
}

TEST_F(IdentityGatewayTest, AFetchThatEndsWhileATokenIsLookedAtIsNotMissed) {
  model::Issuer issuer = issuer_of(signer());
  issuer.public_keys.clear();
  jwks = R"({"keys":[)" + signer().jwk() + "]}";
  for (int i = 0; i < 200; ++i) {
    issuer.jwks_url = "https://issuer.example/" + std::to_string(i);
    inner.trusts["acme"].issuers = {issuer};
    ++inner.changes;
    ASSERT_EQ(present(signer().token(kClaims)), Code::ok) << i;
  }
}

TEST_F(IdentityGatewayTest, ARotatedKeyIsFetchedOnceAndForgedKidsDoNotMakeItFetchMore) {
  Signer old = Signer::es256(), young = Signer::es256();
  old.kid = "1";
  young.kid = "2";
  model::Issuer issuer = issuer_of(old);
  issuer.public_keys.clear();
  issuer.jwks_url = "https://issuer.example/jwks";
  inner.trusts["acme"].issuers = {issuer};
  jwks = R"({"keys":[)" + old.jwk() + "]}";
  ASSERT_EQ(present(old.token(kClaims)), Code::ok);
  now += 20'000;
  {
    const std::lock_guard lock(mutex);
    jwks = R"({"keys":[)" + young.jwk() + "]}";
  }
  EXPECT_EQ(present(young.token(kClaims)), Code::ok);
  EXPECT_EQ(fetches, 2);
  Signer forger = Signer::es256();
  for (int i = 0; i < 20; ++i) {
    forger.kid = "forged-" + std::to_string(i);
    EXPECT_EQ(present(forger.token(kClaims)), Code::unauthenticated);
  }
  EXPECT_EQ(fetches, 2) << "not more than one in ten seconds";
}

TEST_F(IdentityGatewayTest, WhileTheKeysCannotBeFetchedTheCallerIsToldToTryAgain) {
  model::Issuer issuer = issuer_of(signer());
  issuer.public_keys.clear();
  issuer.jwks_url = "https://issuer.example/jwks";
  inner.trusts["acme"].issuers = {issuer};
  EXPECT_EQ(present(signer().token(kClaims)), Code::unavailable);
  EXPECT_EQ(sample("coffer_jwks_failures_total"), 1U);
}

TEST_F(IdentityGatewayTest, ATokenThatNobodyVerifiedCountsAgainstItsSourceWhateverItIsTold) {
  settings.guard =
      std::make_shared<SourceGuard>(GuardSettings{.failures_per_second = 1, .burst = 3, .spares_loopback = true});
  model::Issuer issuer = issuer_of(signer());
  issuer.public_keys.clear();
  issuer.jwks_url = "https://issuer.example/jwks";
  inner.trusts["acme"].issuers = {issuer};
  const Signer forger = Signer::es256();
  const auto is_admitted = [&](const std::string& from, bool loopback) {
    return settings.guard->admit(from, loopback, Clock::now()).ok();
  };
  for (const char* from : {"192.0.2.7:40812", "127.0.0.1:40812"}) {
    address = from;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(present(forger.token(kClaims)), Code::unavailable);
  }
  EXPECT_FALSE(is_admitted("192.0.2.7:1", false));
  EXPECT_TRUE(is_admitted("192.0.2.8:1", false));
  EXPECT_TRUE(is_admitted("127.0.0.1:1", true)) << "spared there as by the listeners";
  // What the actors say of somebody who is known is not counted.
  inner.trusts["acme"].issuers = {issuer_of(signer())};
  ++inner.changes;
  inner.reply = model::Error(Code::unavailable);
  address = "192.0.2.9:40812";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(present(signer().token(kClaims)), Code::unavailable);
  EXPECT_TRUE(is_admitted("192.0.2.9:1", false));
}

TEST_F(IdentityGatewayTest, ACertificateIsWhoTheTenantsRuleSays) {
  trust("acme", 'a').certificate_rules = {{"web", "uri:spiffe://prod/web", "service:web", {"reader"}, 9, 0, ""},
                                          {"any", "dns:*.example", "", {}, 0, 0, ""},
                                          {"host", "dns:WEB.example", "", {}, 10, 0, ""}};
  EXPECT_EQ(present_certificate("uri:spiffe://prod/web\ndns:x"), Code::ok);
  EXPECT_EQ(passed().kind, CredentialKind::certificate);
  EXPECT_EQ(passed().principal, "service:web");
  EXPECT_THAT(passed().roles, ElementsAre("reader"));
  EXPECT_EQ(passed().issuer, "web");
  EXPECT_EQ(passed().issuer_version, 9U);
  EXPECT_EQ(present_certificate("dns:web.EXAMPLE"), Code::ok) << "hosts have no case";
  EXPECT_EQ(passed().principal, "cert:dns:web.EXAMPLE");
  for (const char* names : {"uri:spiffe://prod/web2", "uri:spiffe://prod/we", "email:spiffe://prod/web",
                            "uri:SPIFFE://prod/web", "dns:spiffe://prod/web", "uri:x-uri:spiffe://prod/web"}) {
    EXPECT_EQ(present_certificate(names), Code::unauthenticated) << names;
  }
  EXPECT_EQ(present_certificate("uri:spiffe://prod/web", "other"), Code::unauthenticated);
  EXPECT_EQ(present_certificate("uri:spiffe://prod/web", "missing"), Code::unauthenticated);
}

TEST_F(IdentityGatewayTest, OfSeveralRulesThatFitItIsTheSameOneInWhateverOrderTheyAreStored) {
  std::vector<model::CertificateRule> rules = {{"all", "uri:spiffe://*", "service:all", {}, 1, 0, ""},
                                               {"prod", "uri:spiffe://prod/*", "service:prod", {}, 2, 0, ""},
                                               {"web", "uri:spiffe://prod/web", "service:web", {}, 3, 0, ""},
                                               {"web-2", "uri:spiffe://prod/web", "service:web-2", {}, 4, 0, ""}};
  do {
    trust("acme", 'a').certificate_rules = rules;
    ++inner.changes;
    EXPECT_EQ(present_certificate("uri:spiffe://prod/web"), Code::ok);
    ASSERT_EQ(passed().principal, "service:web");
    EXPECT_EQ(present_certificate("uri:spiffe://prod/other"), Code::ok);
    ASSERT_EQ(passed().principal, "service:prod");
    EXPECT_EQ(present_certificate("uri:spiffe://test"), Code::ok);
    ASSERT_EQ(passed().principal, "service:all");
  } while (std::ranges::next_permutation(rules, {}, &model::CertificateRule::name).found);
}

TEST_F(IdentityGatewayTest, ACertificateEndsAlsoOnAConnectionThatStaysOpen) {
  trust("acme", 'a').certificate_rules = {{"web", "dns:web.example", "service:web", {}, 9, 0, ""}};
  settings.certificates = {{{"all", "dns:node.example", "", {}, 0, 0, ""}, "*"}};
  for (const char* names : {"dns:web.example", "dns:node.example"}) {
    now = kAskedAt;
    EXPECT_EQ(present_certificate(names, "acme", kAskedAt + 1'000), Code::ok);
    EXPECT_EQ(passed().expires_at, kAskedAt + 1'000) << "for the shard, whose watches last longer than a look here";
    now = kAskedAt + 999;
    EXPECT_EQ(present_certificate(names, "acme", kAskedAt + 1'000), Code::ok);
    // Its successor has the same names, and an end of its own.
    EXPECT_EQ(present_certificate(names, "acme", kAskedAt + 9'000), Code::ok);
    EXPECT_EQ(passed().expires_at, kAskedAt + 9'000);
    now = kAskedAt + 1'000;
    EXPECT_EQ(present_certificate(names, "acme", kAskedAt + 1'000), Code::unauthenticated);
    EXPECT_EQ(present_certificate(names, "acme", kAskedAt + 9'000), Code::ok);
    EXPECT_EQ(present_certificate(names, "acme", 0), Code::unauthenticated) << "no end is none that was read";
  }
}

TEST_F(IdentityGatewayTest, TheNodesRulesHoldWhereTheySayAndAfterTheTenants) {
  settings.certificates = {{{"all", "uri:spiffe://node/*", "", {}, 0, 0, ""}, "*"},
                           {{"one", "dns:one.example", "user:one", {}, 0, 0, ""}, "other"}};
  EXPECT_EQ(present_certificate("uri:spiffe://node/x"), Code::ok);
  EXPECT_EQ(passed().principal, "cert:uri:spiffe://node/x");
  EXPECT_TRUE(passed().of_node);
  EXPECT_EQ(present_certificate("dns:one.example"), Code::unauthenticated);
  EXPECT_EQ(present_certificate("dns:one.example", "other"), Code::ok);
  EXPECT_EQ(passed().principal, "user:one");
  trust("acme", 'a').certificate_rules = {{"mine", "uri:spiffe://node/x", "user:mine", {}, 3, 0, ""}};
  ++inner.changes;
  EXPECT_EQ(present_certificate("uri:spiffe://node/x"), Code::ok);
  EXPECT_EQ(passed().principal, "user:mine");
  EXPECT_FALSE(passed().of_node);
}

TEST_F(IdentityGatewayTest, AReloadForgetsKeysAndVerifiedTokensAndKeepsAllWhenItIsRefused) {
  model::Issuer& issuer = trust("acme", 'a').issuers.front();
  issuer.public_keys.clear();
  issuer.jwks_url = "https://issuer.example/jwks";
  const auto serve = [&](const Signer& key) {
    const std::lock_guard lock(mutex);
    jwks = R"({"keys":[)" + key.jwk() + "]}";
  };
  serve(signer());
  const std::string token = signer().token(kClaims);
  EXPECT_EQ(present(token), Code::ok);
  static const Signer kOther = Signer::es256();
  serve(kOther);
  EXPECT_EQ(present(token), Code::ok) << "it was verified, and keys are kept for minutes";
  EXPECT_EQ(gateway->reload({model::Issuer{}}, {}).error().code, Code::invalid_argument);
  EXPECT_EQ(present(token), Code::ok);
  ASSERT_TRUE(gateway->reload({}, {}).ok());
  EXPECT_EQ(present(token), Code::unauthenticated) << "the issuer has withdrawn its key";
}

TEST_F(IdentityGatewayTest, SettingsThatCannotBeMeantAreRefused) {
  settings.issuers = {model::Issuer{}};
  EXPECT_EQ(make_identity_gateway(inner, settings).error().code, Code::invalid_argument);
  settings.issuers.clear();
  settings.certificates = {{{"all", "uri:*", "", {}, 0, 0, ""}, "*"}};
  EXPECT_EQ(make_identity_gateway(inner, settings).error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace coffer::net::identity_test

// Whom a tenant trusts, and what that is worth on the next request: issuers of JWTs and certificate rules.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "actors/trust_lookup.hpp"
#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

model::Issuer issuer(std::string name, std::string iss = "https://id.example") {
  model::Issuer made;
  made.name = std::move(name);
  made.iss = std::move(iss);
  made.public_keys = {"a key"};
  made.algorithms = 1;
  return made;
}

class TenantIssuersTest : public ::testing::Test, public CoreFixture {
 protected:
  TenantIssuersTest() {
    deps.trust_changed = [this](const model::TenantId& id, model::GroupId, model::Index at) {
      EXPECT_EQ(id, tenant);
      changed_at.push_back(at.value);
    };
  }
  model::Issuer put_issuer(model::Issuer one) {
    auto reply = run(*core, model::PutIssuer{std::move(one)});
    EXPECT_TRUE(reply.ok()) << reply.error().message();
    return reply ? std::get<model::IssuerReply>(reply->body).issuer : model::Issuer{};
  }
  std::vector<std::string> names() {
    auto reply = run(*core, model::ListIssuers{});
    std::vector<std::string> all;
    if (reply) {
      for (const auto& one : std::get<model::IssuersReply>(reply->body).issuers) all.push_back(one.name);
    }
    return all;
  }
  /// What net makes of a token that it has verified by this issuer.
  model::Credential jwt(const model::Issuer& by) {
    model::Credential credential;
    credential.kind = model::CredentialKind::jwt;
    credential.tenant = tenant;
    credential.principal = "user:alice";
    credential.issuer = by.name;
    credential.issuer_version = by.version;
    credential.expires_at = now + 60'000;
    return credential;
  }
  Code run_as(const model::Credential& credential, model::TenantOperation operation = get("a")) {
    auto made = call(std::move(operation));
    made->request.credential = credential;
    send(*core, *made);
    commit_all(*core);
    return made->reply ? Code::ok : made->reply.error().code;
  }

  std::vector<std::uint64_t> changed_at;
  std::unique_ptr<TenantCore> core = open();
};

TEST_F(TenantIssuersTest, AreListedByNameAndSurviveTheShard) {
  const auto second = put_issuer(issuer("b"));
  const auto first = put_issuer(issuer("a"));
  EXPECT_GT(first.version, second.version);
  EXPECT_EQ(first.changed_by, "dev-root");
  EXPECT_EQ(first.changed_at, now);
  EXPECT_THAT(names(), ElementsAre("a", "b"));
  core = open();
  auto reply = run(*core, model::ListIssuers{});
  EXPECT_THAT(std::get<model::IssuersReply>(reply->body).issuers, ElementsAre(first, second));
}

TEST_F(TenantIssuersTest, AreSealedAndTheirNamesAreNowhereInTheWriteSet) {
  put_issuer(issuer("canary-issuer", "https://canary.example"));
  EXPECT_THAT(last_write_set, Not(HasSubstr("canary")));
}

TEST_F(TenantIssuersTest, AVerifiedTokenIsWhoItsIssuerSays) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  const auto by = put_issuer(issuer("corp"));
  // Known, and without a right of its own.
  EXPECT_EQ(run_as(jwt(by)), Code::permission_denied);
  EXPECT_EQ(run_as(jwt(by), model::PutIssuer{issuer("mine")}), Code::permission_denied);
  EXPECT_EQ(run_as(jwt(by), model::ListIssuers{}), Code::permission_denied);
}

TEST_F(TenantIssuersTest, ATokenOfADeletedIssuerIsRefusedOnTheNextRequest) {
  const auto by = put_issuer(issuer("corp"));
  ASSERT_EQ(run_as(jwt(by)), Code::permission_denied) << "authenticated";
  ASSERT_TRUE(run(*core, model::DeleteIssuer{"corp"}).ok());
  EXPECT_EQ(run_as(jwt(by)), Code::unauthenticated);
  // The same name again is another issuer: what the old one vouched for stays refused.
  const auto again = put_issuer(issuer("corp"));
  EXPECT_NE(again.version, by.version);
  EXPECT_EQ(run_as(jwt(by)), Code::unavailable);
  EXPECT_EQ(run_as(jwt(again)), Code::permission_denied);
}

TEST_F(TenantIssuersTest, ATokenOfAChangedIssuerMustBeVerifiedAnew) {
  const auto by = put_issuer(issuer("corp"));
  ASSERT_EQ(run_as(jwt(by)), Code::permission_denied);
  const auto changed = put_issuer(issuer("corp", "https://other.example"));
  EXPECT_EQ(run_as(jwt(by)), Code::unavailable);
  EXPECT_EQ(run_as(jwt(changed)), Code::permission_denied);
}

TEST_F(TenantIssuersTest, AReadFromMemoryTrustsOnlyWhatIsInMemoryAndStillTrue) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  ASSERT_TRUE(run(*core, get("a")).ok());  // into memory
  const auto by = put_issuer(issuer("corp"));
  model::Request request;
  request.credential = jwt(by);
  request.operation = model::TenantOperation(get("a"));
  model::Result<model::Reply> reply{Code::internal};
  EXPECT_FALSE(core->get_from_memory(request, reply)) << "the issuer's row is still to be read";
  ASSERT_EQ(run_as(jwt(by)), Code::permission_denied);
  ASSERT_TRUE(core->get_from_memory(request, reply));
  ASSERT_TRUE(run(*core, model::DeleteIssuer{"corp"}).ok());
  EXPECT_TRUE(!core->get_from_memory(request, reply) || reply.error().code == Code::unauthenticated);
  EXPECT_EQ(run_as(jwt(by)), Code::unauthenticated);
}

TEST_F(TenantIssuersTest, AnUncommittedChangeHasNoEffectYet) {
  const auto by = put_issuer(issuer("corp"));
  auto deletion = call(model::DeleteIssuer{"corp"});
  send(*core, *deletion);
  auto read = call(get("a"));
  read->request.credential = jwt(by);
  send(*core, *read);
  EXPECT_EQ(read->reply.error().code, Code::permission_denied) << "still trusted";
  commit_all(*core);
  EXPECT_EQ(run_as(jwt(by)), Code::unauthenticated);
}

TEST_F(TenantIssuersTest, AnExpiredTokenIsRefusedThoughItWasVerified) {
  auto credential = jwt(put_issuer(issuer("corp")));
  credential.expires_at = now;
  EXPECT_EQ(run_as(credential), Code::unauthenticated);
}

TEST_F(TenantIssuersTest, WhatWasVerifiedForAnotherTenantOrNotAtAllIsRefused) {
  auto credential = jwt(put_issuer(issuer("corp")));
  credential.tenant.bytes.fill(1);
  EXPECT_EQ(run_as(credential), Code::permission_denied);
  credential = {};
  credential.kind = model::CredentialKind::presented;
  credential.token = model::Secret("a.b.c");
  EXPECT_EQ(run_as(credential), Code::unauthenticated);
}

TEST_F(TenantIssuersTest, ACertificateRuleIsNoIssuerOfTheSameName) {
  auto reply = run(*core, model::PutCertificateRule{{"web", "dns:web.example", "", {"reader"}, 0, 0, ""}});
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  const auto& rule = std::get<model::CertificateRuleReply>(reply->body).rule;
  model::Credential credential = jwt(issuer("web"));
  credential.issuer_version = rule.version;
  EXPECT_EQ(run_as(credential), Code::unauthenticated);
  credential.kind = model::CredentialKind::certificate;
  EXPECT_EQ(run_as(credential), Code::permission_denied);
  const model::TimeMs end = std::exchange(credential.expires_at, 1);
  EXPECT_EQ(run_as(credential), Code::unauthenticated) << "it ends as a JWT does";
  credential.expires_at = end;
  ASSERT_TRUE(run(*core, model::DeleteCertificateRule{"web"}).ok());
  EXPECT_EQ(run_as(credential), Code::unauthenticated);
}

TEST_F(TenantIssuersTest, TheDevIssuersBearerMayDoEverythingButAdminister) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  auto credential = jwt(issuer("dev-native"));
  credential.of_node = true;
  EXPECT_EQ(run_as(credential), Code::ok);
  EXPECT_EQ(run_as(credential, put("b", "2")), Code::ok);
  EXPECT_EQ(run_as(credential, model::ListIssuers{}), Code::permission_denied);
  EXPECT_EQ(entry_of(run(*core, get("b"))).entry.created_by, "user:alice");
  credential.door = model::Door::tapis;
  EXPECT_EQ(run_as(credential), Code::permission_denied) << "there it is a user as any other";
}

TEST_F(TenantIssuersTest, ATenantHasABoundedNumberOfThem) {
  for (std::size_t i = 0; i < model::kMaxIssuers; ++i) put_issuer(issuer("i" + std::to_string(i)));
  EXPECT_EQ(run(*core, model::PutIssuer{issuer("more")}).error().code, Code::quota_exceeded);
  EXPECT_TRUE(run(*core, model::PutIssuer{issuer("i3")}).ok()) << "changing one needs no more room";
  ASSERT_TRUE(run(*core, model::DeleteIssuer{"i3"}).ok());
  EXPECT_TRUE(run(*core, model::PutIssuer{issuer("more")}).ok());
  EXPECT_EQ(run(*core, model::DeleteIssuer{"i3"}).error().code, Code::entry_not_found);
}

TEST_F(TenantIssuersTest, ARetriedChangeIsMadeOnce) {
  const auto first = run(*core, model::PutIssuer{issuer("corp")}, "id-1");
  const auto again = run(*core, model::PutIssuer{issuer("corp")}, "id-1");
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(std::get<model::IssuerReply>(first->body).issuer, std::get<model::IssuerReply>(again->body).issuer);
  EXPECT_EQ(run(*core, model::PutIssuer{issuer("corp", "x")}, "id-1").error().code, Code::request_id_reused);
}

TEST_F(TenantIssuersTest, AChangeIsAnnouncedBeforeItIsAnsweredAndIsFoundWithoutTheShard) {
  auto change = call(model::PutIssuer{issuer("corp")});
  send(*core, *change);
  EXPECT_TRUE(changed_at.empty());
  commit(*core);
  EXPECT_THAT(changed_at, ElementsAre(index));
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  EXPECT_EQ(changed_at.size(), 1U) << "other writes announce nothing";
  core.reset();
  auto trust = read_trust(*engine, ring, random, model::GroupId{1}, model::Generation{1}, tenant);
  ASSERT_TRUE(trust.ok()) << trust.error().message();
  EXPECT_EQ(trust->tenant, tenant);
  EXPECT_THAT(trust->issuers, ElementsAre(std::get<model::IssuerReply>(change->reply->body).issuer));
  model::TenantId other;
  other.bytes.fill(9);
  EXPECT_TRUE(read_trust(*engine, ring, random, model::GroupId{1}, model::Generation{1}, other)->issuers.empty());
}

}  // namespace
}  // namespace coffer::actors

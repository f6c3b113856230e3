// What tokens may do to themselves, and from where they work.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using ::testing::HasSubstr;

class SelfTest : public ::testing::Test, public CoreFixture {
 protected:
  model::CreateToken request(model::TimeMs ttl = 0, model::TimeMs max_ttl = 0) {
    model::CreateToken made;
    made.scopes = {{static_cast<std::uint32_t>(model::Capability::read_value), {"kv"}, {"*"}}};
    if (ttl != 0) made.expires_at = now + ttl;
    made.renewable = max_ttl != 0;
    made.max_ttl = max_ttl;
    return made;
  }
  model::Credential token(const model::CreateToken& create) { return credential_of(create_token(*core, create)); }
  static const model::TokenInfo& info(const model::Result<model::Reply>& reply) {
    return std::get<model::TokenReply>(reply->body).token;
  }
  Code code_of(const model::Credential& credential, model::TenantOperation operation,
               std::string from = "127.0.0.1:5") {
    const auto reply = run_as(*core, credential, std::move(operation), std::move(from));
    return reply ? Code::ok : reply.error().code;
  }
  std::unique_ptr<TenantCore> core = open();
};

TEST_F(SelfTest, ATokenLooksItselfUpWithoutItsSecret) {
  const auto made = create_token(*core, request(1000));
  const auto reply = run_as(*core, credential_of(made), model::LookupSelf{});
  ASSERT_TRUE(reply.ok()) << reply.error().message();
  EXPECT_EQ(info(reply), made.token);
  EXPECT_TRUE(std::get<model::TokenReply>(reply->body).secret.empty());
}

TEST_F(SelfTest, ACallerWithoutATokenHasNoneToLookUp) {
  for (const model::TenantOperation& operation :
       {model::TenantOperation(model::LookupSelf{}), model::TenantOperation(model::RenewSelf{}),
        model::TenantOperation(model::RevokeSelf{})}) {
    EXPECT_EQ(run(*core, operation).error().code, Code::token_not_found);
  }
}

TEST_F(SelfTest, ARenewableTokenRenewsItselfUpToItsEnd) {
  const auto credential = token(request(1000, 2500));
  const model::TimeMs start = now;
  now += 900;
  auto renewed = run_as(*core, credential, model::RenewSelf{});
  ASSERT_TRUE(renewed.ok()) << renewed.error().message();
  EXPECT_EQ(info(renewed).expires_at, start + 1900);
  now += 900;
  EXPECT_EQ(code_of(credential, get("a")), Code::entry_not_found) << "beyond its first life";
  renewed = run_as(*core, credential, model::RenewSelf{});
  EXPECT_EQ(info(renewed).expires_at, start + 2500) << "not beyond its maximum";
  core = open();
  now = start + 2499;
  EXPECT_EQ(code_of(credential, get("a")), Code::entry_not_found);
  now = start + 2500;
  EXPECT_EQ(code_of(credential, model::RenewSelf{}), Code::unauthenticated) << "what has expired is not renewed";
}

TEST_F(SelfTest, ARenewalMayBeShorterOrLongerButNeverTakesTimeAway) {
  const auto credential = token(request(1000, 100'000));
  auto renewed = run_as(*core, credential, model::RenewSelf{10});
  EXPECT_EQ(info(renewed).expires_at, now + 1000);
  renewed = run_as(*core, credential, model::RenewSelf{5000});
  EXPECT_EQ(info(renewed).expires_at, now + 5000);
}

TEST_F(SelfTest, OtherTokensAreNotRenewable) {
  const auto credential = token(request(1000));
  EXPECT_EQ(code_of(credential, model::RenewSelf{}), Code::permission_denied);
}

TEST_F(SelfTest, ATokenRevokesItselfAtOnce) {
  const auto credential = token(request());
  EXPECT_EQ(code_of(credential, get("a")), Code::entry_not_found);
  const auto revoked = run_as(*core, credential, model::RevokeSelf{});
  ASSERT_TRUE(revoked.ok()) << revoked.error().message();
  EXPECT_EQ(info(revoked).revoked_at, now);
  EXPECT_EQ(code_of(credential, get("a")), Code::unauthenticated);
}

TEST_F(SelfTest, ARevocationIsNotUndoneByARenewalOnItsWay) {
  const auto credential = token(request(1000, 100'000));
  auto revoke = call(model::RevokeSelf{}), renew = call(model::RenewSelf{5000});
  revoke->request.credential = renew->request.credential = credential;
  send(*core, *revoke);
  send(*core, *renew);
  commit_all(*core);
  EXPECT_EQ(renew->reply.error().code, Code::unauthenticated);
  EXPECT_EQ(code_of(credential, get("a")), Code::unauthenticated);
}

TEST_F(SelfTest, ABoundTokenWorksFromItsAddressesOnly) {
  auto create = request();
  create.addresses = {"10.0.0.0/8", "2001:db8::/32"};
  const auto credential = token(create);
  EXPECT_EQ(code_of(credential, get("a"), "10.1.2.3:4711"), Code::entry_not_found);
  EXPECT_EQ(code_of(credential, get("a"), "[2001:db8::7]:4711"), Code::entry_not_found);
  EXPECT_EQ(code_of(credential, get("a"), "[::ffff:10.1.2.3]:4711"), Code::entry_not_found);
  for (const char* elsewhere : {"11.1.2.3:4711", "[2001:db9::7]:4711", "", "unix:"}) {
    EXPECT_EQ(code_of(credential, get("a"), elsewhere), Code::permission_denied) << elsewhere;
  }
  const auto refused = run_as(*core, credential, get("a"), "11.1.2.3:4711");
  EXPECT_THAT(std::string(refused.error().message()), HasSubstr("does not work from the address \"11.1.2.3:4711\""));
  core = open();
  EXPECT_EQ(code_of(credential, get("a"), "11.1.2.3:4711"), Code::permission_denied) << "also after a restart";
}

TEST_F(SelfTest, ARenewalMustBeAbleToBegin) {
  auto create = request(1000, 500);
  EXPECT_EQ(run(*core, create).error(),
            model::Error(Code::invalid_argument,
                         "max_ttl: it ends before expires_at, which is what a renewal would reach first"));
}

}  // namespace
}  // namespace coffer::actors

// coffer token against a fake server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli_fixture.hpp"

namespace coffer::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class Token : public testing::Test {
 protected:
  Token() {
    secrets.token.set_id("0123456789abcdef");
    secrets.token.set_description("ci");
    secrets.token.mutable_max_expires_at()->set_seconds(1'800'000'000);
    secrets.token.add_addresses("10.0.0.0/8");
  }
  test::Ran run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "token");
    shell.env["COFFER_ADDR"] = server.address;
    shell.env["COFFER_TOKEN"] = "cft_mine";
    return shell.run(std::move(arguments));
  }
  test::FakeSecrets secrets;
  test::FakeServer server{{&secrets}};
  test::Shell shell;
};

TEST_F(Token, ShowsWhatItMayDoAndNotItself) {
  auto ran = run({"show", "--tenant", "acme"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(secrets.lookup_self.tenant(), "acme");
  EXPECT_EQ(secrets.authorization, "Bearer cft_mine");
  EXPECT_THAT(ran.out, AllOf(HasSubstr("0123456789abcdef"), HasSubstr("by the tenant's policy"),
                             HasSubstr("2027-01-15T08:00:00Z"), HasSubstr("10.0.0.0/8"), Not(HasSubstr("cft_mine"))));
  auto* scope = secrets.token.add_scopes();
  scope->add_capabilities("read");
  scope->add_spaces("kv");
  scope->add_names("app/*");
  EXPECT_THAT(run({"show"}).out, HasSubstr("read:kv:app/*"));
  EXPECT_THAT(run({"show", "-o", "json"}).out, HasSubstr("\"id\": \"0123456789abcdef\""));
}

TEST_F(Token, RenewsAndRevokesWithARequestId) {
  EXPECT_EQ(run({"renew", "--ttl", "2h"}).code, 0);
  EXPECT_EQ(secrets.renew_self.ttl_seconds(), 7200);
  EXPECT_THAT(secrets.renew_self.request_id(), SizeIs(32));
  EXPECT_EQ(run({"renew"}).code, 0);
  EXPECT_EQ(secrets.renew_self.ttl_seconds(), 0);
  EXPECT_EQ(run({"renew", "--ttl", "long"}).code, 2);
  EXPECT_EQ(run({"revoke"}).code, 0);
  EXPECT_THAT(secrets.revoke_self.request_id(), SizeIs(32));
}

TEST_F(Token, ARefusalHasItsExitCode) {
  secrets.always = {grpc::StatusCode::PERMISSION_DENIED, "the token is not renewable"};
  const auto ran = run({"renew"});
  EXPECT_EQ(ran.code, 5);
  EXPECT_THAT(ran.err, HasSubstr("not renewable"));
}

}  // namespace
}  // namespace coffer::app

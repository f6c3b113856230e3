// coffer dev-token: reads the key that a --dev server made, and prints nothing but the token.

#include <gmock/gmock.h>

#include <sys/stat.h>

#include "app/dev_key.hpp"
#include "cli_fixture.hpp"
#include "net/jwt/mint.hpp"
#include "net/jwt/verify.hpp"

namespace coffer::app {
namespace {

using test::kNow;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DevTokenTest : public ::testing::Test {
 protected:
  DevTokenTest() { std::filesystem::create_directories(data_.path("dev")); }
  test::Ran run(std::vector<std::string> more) {
    std::vector<std::string> all{"dev-token", "--data", data_.path("")};
    all.insert(all.end(), more.begin(), more.end());
    return shell_.run(all);
  }
  test::TemporaryDirectory data_;
  test::Shell shell_;
};

TEST_F(DevTokenTest, AMintedTokenIsTrustedByTheIssuerOfTheSameDataDirectory) {
  const auto key = open_dev_key(dev_key_path(data_.path("")));
  ASSERT_TRUE(key.ok());
  const auto ran = run({"--door", "tapis", "--tenant", "acme", "--user", "alice", "--role", "a", "--role", "b"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto token = net::jwt::parse_token(ran.out.substr(0, ran.out.size() - 1));
  ASSERT_TRUE(token.ok());
  const auto issuer = net::jwt::trust(net::jwt::dev_issuers(key->public_pem())[2]);
  ASSERT_TRUE(issuer.ok());
  EXPECT_EQ(net::jwt::check_signature(*issuer, *token, nullptr), net::jwt::Signature::valid);
  const auto bearer = net::jwt::read_bearer(*issuer, *token, kNow);
  ASSERT_TRUE(bearer.ok());
  EXPECT_EQ(bearer->principal, "user:alice");
  EXPECT_EQ(bearer->tenant, "acme");
  EXPECT_THAT(bearer->roles, ElementsAre("a", "b"));
  EXPECT_EQ(bearer->expires_at, kNow + 3'600'000);
}

TEST_F(DevTokenTest, TheKeyIsItsOwnersAloneAndIsKept) {
  const std::string path = dev_key_path(data_.path(""));
  const auto made = open_dev_key(path);
  const auto again = open_dev_key(path);
  ASSERT_TRUE(made.ok() && again.ok());
  EXPECT_EQ(made->public_pem(), again->public_pem());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(DevTokenTest, WithoutADevServerItSaysWhatToDo) {
  const auto ran = run({"--user", "alice"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("coffer server --dev"));
}

TEST_F(DevTokenTest, WhatCannotBeMintedIsAUsageError) {
  ASSERT_TRUE(open_dev_key(dev_key_path(data_.path(""))).ok());
  EXPECT_EQ(run({}).code, 2) << "no user";
  EXPECT_EQ(run({"--user", "alice", "--door", "dapr"}).code, 2);
  EXPECT_EQ(run({"--user", "alice", "--expires", "never"}).code, 2);
  EXPECT_EQ(run({"--user", "alice", "--door", "cloudforet", "--role", "a", "--role", "b"}).code, 2);
  EXPECT_EQ(run({"--user", "s", "--door", "tapis", "--system"}).code, 2) << "only Cloudforet has them";
  EXPECT_EQ(run({"--user", "s", "--door", "cloudforet", "--system", "--service"}).code, 2);
  EXPECT_EQ(run({"--user", "s", "--door", "cloudforet", "--system", "--role", "DOMAIN_ADMIN"}).code, 2);
}

TEST_F(DevTokenTest, ASystemTokenOfCloudforetIsOne) {
  const auto key = open_dev_key(dev_key_path(data_.path("")));
  ASSERT_TRUE(key.ok());
  const auto issuer = net::jwt::trust(net::jwt::dev_issuers(key->public_pem())[1]);
  ASSERT_TRUE(issuer.ok());
  const auto owner = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--door", "cloudforet", "--tenant", "domain-dev", "--user", "u"});
    const auto ran = run(more);
    const auto token = net::jwt::parse_token(ran.out.substr(0, ran.out.size() - 1));
    const auto bearer = token ? net::jwt::read_bearer(*issuer, *token, kNow) : token.error();
    if (!bearer || !bearer->cloudforet) ADD_FAILURE() << ran.err;
    return bearer->cloudforet->owner;
  };
  EXPECT_EQ(owner({"--system"}), model::CloudforetClaims::Owner::system);
  EXPECT_EQ(owner({"--service"}), model::CloudforetClaims::Owner::app);
  EXPECT_EQ(owner({}), model::CloudforetClaims::Owner::user);
}

}  // namespace
}  // namespace coffer::app

// The native door's calls on a secret's permissions and on the caller's own token.

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/net/native_door_fixture.hpp"

namespace coffer::net {
namespace {

using model::Category;

TEST_F(NativeDoorTest, SetsAndShowsPermissions) {
  model::EntryReply reply = entry();
  reply.entry.owner = "user:ann";
  reply.entry.permissions = {{"role:ops", model::Level::read}, {"user:bob", model::Level::admin}};
  gateway.answer(reply);
  auto set = of<v1::SetPermissionRequest>();
  set.set_subject("user:bob");
  set.set_level("ADMIN");
  set.set_request_id("id-1");
  const auto outcome = run<v1::Permissions>("SetPermission", set);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(gateway.request().info.request_id, "id-1");
  const auto operation = gateway.operation<model::SetPermission>();
  EXPECT_EQ(operation.subject, "user:bob");
  EXPECT_EQ(operation.level, model::Level::admin);
  EXPECT_EQ(outcome.out.owner(), "user:ann");
  ASSERT_EQ(outcome.out.permissions_size(), 2);
  EXPECT_EQ(outcome.out.permissions(0).level(), "READ");
  EXPECT_EQ(outcome.out.permissions(1).subject(), "user:bob");

  gateway.requests.clear();
  set.set_level("NONE");
  ASSERT_TRUE(run<v1::Permissions>("SetPermission", set).ok());
  EXPECT_FALSE(gateway.operation<model::SetPermission>().level.has_value());
  gateway.requests.clear();
  for (const char* level : {"", "admin", "OWNER"}) {
    set.set_level(level);
    EXPECT_EQ(run<v1::Permissions>("SetPermission", set).code(), Category::invalid_argument) << level;
  }
  EXPECT_TRUE(gateway.requests.empty()) << "a level that is mistyped takes nothing away";

  ASSERT_TRUE(run<v1::Permissions>("GetPermissions", of<v1::GetPermissionsRequest>()).ok());
  EXPECT_FALSE(gateway.operation<model::Get>().with_payload);
}

TEST_F(NativeDoorTest, AnswersTheCallersOwnTokenWithoutItsSecret) {
  model::TokenReply reply;
  reply.token = {"3fa9", "ci", "operator", {{5, {"kv"}, {"app/*"}}}, 1000, 2000, 0, {"10.0.0.0/8"}, true, 500, 9000};
  reply.secret = model::Secret("cft_secret");
  gateway.answer(reply);
  const auto outcome = run<v1::Token>("LookupSelf", v1::LookupSelfRequest());
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(outcome.out.id(), "3fa9");
  EXPECT_EQ(outcome.out.scopes(0).capabilities(1), "read-value");
  EXPECT_EQ(outcome.out.expires_at().seconds(), 2);
  EXPECT_EQ(outcome.out.max_expires_at().seconds(), 9);
  EXPECT_EQ(outcome.out.addresses(0), "10.0.0.0/8");
  EXPECT_FALSE(outcome.out.has_revoked_at());
  EXPECT_EQ(outcome.out.SerializeAsString().find("cft_secret"), std::string::npos);
  gateway.operation<model::LookupSelf>();

  gateway.requests.clear();
  v1::RenewSelfRequest renew;
  renew.set_ttl_seconds(60);
  ASSERT_TRUE(run<v1::Token>("RenewSelf", renew).ok());
  EXPECT_EQ(gateway.operation<model::RenewSelf>().ttl, 60'000);
  gateway.requests.clear();
  renew.set_ttl_seconds(std::numeric_limits<std::int64_t>::max());
  ASSERT_TRUE(run<v1::Token>("RenewSelf", renew).ok());
  EXPECT_GT(gateway.operation<model::RenewSelf>().ttl, 60'000) << "it does not wrap around";
  gateway.requests.clear();
  ASSERT_TRUE(run<v1::Token>("RevokeSelf", v1::RevokeSelfRequest()).ok());
  gateway.operation<model::RevokeSelf>();
}

}  // namespace
}  // namespace coffer::net

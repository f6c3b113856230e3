// The admin door's quotas: what a message asks of the shard and how the answer is shown.

#include <gtest/gtest.h>

#include "coffer/admin/v1/admin.pb.h"
#include "net/admin/door.hpp"
#include "net/admin/quota_messages.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {
namespace {

namespace api = ::coffer::admin::v1;
using model::Category;
using model::Limit;

constexpr model::TimeMs kQuotaTime = 1'700'000'000'000;

class QuotaDoorTest : public ::testing::Test {
 protected:
  QuotaDoorTest() { caller.headers["authorization"] = "Bearer operator-token"; }
  template <class In>
  Outcome<api::TenantQuota> run(const std::string& method, const In& in) {
    const auto door = make_admin_door({}, gateway, [] { return kQuotaTime; });
    return call<api::TenantQuota>(*door, gateway, caller, "coffer.admin.v1." + method, in);
  }
  FakeGateway gateway;
  FakeCaller caller;
};

TEST_F(QuotaDoorTest, SetsWhatIsGivenAndInheritsWhatIsNamed) {
  model::QuotaReply reply;
  reply.own[Limit::entries] = 0;
  reply.own.version = 4;
  reply.own.changed_at = kQuotaTime;
  reply.own.changed_by = "operator";
  reply.limits[Limit::reads] = 9;
  reply.entries = 3;
  reply.bytes = 40;
  gateway.answer(reply);
  api::SetQuotaRequest in;
  in.set_tenant("acme");
  in.set_request_id("r1");
  in.mutable_quota()->set_entries(0);
  in.mutable_quota()->set_other_burst(6);
  in.add_inherit("bytes");
  const auto outcome = run("Quotas.Set", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  const auto set = gateway.operation<model::SetQuota>();
  ASSERT_EQ(set.changes.size(), 3U);
  EXPECT_EQ(set.changes[0].limit, Limit::entries);
  EXPECT_EQ(set.changes[0].value, 0U);
  EXPECT_EQ(set.changes[1].limit, Limit::other_burst);
  EXPECT_EQ(set.changes[1].value, 6U);
  EXPECT_EQ(set.changes[2].limit, Limit::bytes);
  EXPECT_FALSE(set.changes[2].value);
  EXPECT_EQ(gateway.request().tenant.name, "acme");
  EXPECT_EQ(gateway.request().info.request_id, "r1");
  EXPECT_TRUE(outcome.out.own().has_entries());
  EXPECT_FALSE(outcome.out.own().has_bytes());
  EXPECT_TRUE(outcome.out.limits().has_bytes());
  EXPECT_EQ(outcome.out.limits().reads_per_second(), 9U);
  EXPECT_EQ(outcome.out.held_entries(), 3U);
  EXPECT_EQ(outcome.out.held_bytes(), 40U);
  EXPECT_EQ(outcome.out.version(), 4U);
  EXPECT_EQ(outcome.out.changed_by(), "operator");
}

TEST_F(QuotaDoorTest, EveryLimitIsAFieldOfItsName) {
  api::SetQuotaRequest in;
  for (const Limit limit : model::kAllLimits) {
    const auto* field = api::Quota::descriptor()->FindFieldByName(std::string(model::limit_name(limit)));
    ASSERT_NE(field, nullptr) << model::limit_name(limit);
    in.mutable_quota()->GetReflection()->SetUInt64(in.mutable_quota(), field, static_cast<std::uint64_t>(limit) + 1);
  }
  EXPECT_EQ(api::Quota::descriptor()->field_count(), static_cast<int>(model::kLimits));
  const auto set = admin::to_set_quota(in);
  ASSERT_TRUE(set.ok());
  for (const auto& [limit, value] : set->changes) EXPECT_EQ(value, static_cast<std::uint64_t>(limit) + 1);
}

TEST_F(QuotaDoorTest, RefusesALimitThatDoesNotExistAndATenantsToken) {
  api::SetQuotaRequest in;
  in.set_tenant("acme");
  in.add_inherit("reads");
  const auto outcome = run("Quotas.Set", in);
  EXPECT_EQ(outcome.code(), Category::invalid_argument);
  EXPECT_TRUE(gateway.requests.empty());
  caller.headers["authorization"] = "Bearer tenant-token";
  api::GetQuotaRequest get;
  get.set_tenant("acme");
  EXPECT_EQ(run("Quotas.Get", get).code(), Category::permission_denied);
}

}  // namespace
}  // namespace coffer::net

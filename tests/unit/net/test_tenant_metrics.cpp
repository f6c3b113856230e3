// Numbers by tenant, where they are switched on: bounded, and only of tenants that there are.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_gateway.hpp"
#include "net/server.hpp"
#include "net/tenant_metrics.hpp"

namespace coffer::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class PlainCall final : public actors::Call {
 public:
  void complete() noexcept override { ++completed; }
  int completed = 0;
};

class TenantMetricsTest : public ::testing::Test {
 protected:
  TenantMetricsTest() {
    for (const char* name : {"acme", "other", "third", "door:ns"}) inner.trusts[name].tenant.bytes.fill('a');
    inner.answer(model::EntryReply{});
  }
  void call(const std::string& tenant, const std::string& external = {}) {
    PlainCall one;
    one.request.tenant.name = tenant;
    one.request.tenant.door = {model::Door::direktiv, external};
    one.request.operation = model::TenantOperation(model::Get{"kv", "a", 0, true});
    counted->submit(&one);
    EXPECT_EQ(one.completed, 1);
    EXPECT_EQ(one.request.tenant.name, tenant) << "the call is given back as it was";
    EXPECT_EQ(one.reply.ok(), inner.reply.ok());
  }
  std::string text() const { return Metrics(*counted).text(); }

  FakeGateway inner;
  std::unique_ptr<actors::Gateway> counted = count_by_tenant(inner, 2);
};

TEST_F(TenantMetricsTest, ATenantsCallsAreCountedByStatusUnderItsName) {
  call("acme");
  call("acme");
  inner.reply = model::Code::entry_not_found;
  call("acme");
  call("", "ns");
  EXPECT_THAT(text(), HasSubstr(R"(coffer_tenant_requests_total{tenant="acme",status="OK"} 2)"));
  EXPECT_THAT(text(), HasSubstr(R"(coffer_tenant_requests_total{tenant="acme",status="NOT_FOUND"} 1)"));
  EXPECT_THAT(text(), HasSubstr(R"(coffer_tenant_requests_total{tenant="direktiv:ns",status="NOT_FOUND"} 1)"));
  EXPECT_THAT(text(), HasSubstr(R"(coffer_tenant_request_seconds_total{tenant="acme"})"));
}

TEST_F(TenantMetricsTest, WhoeverComesAfterTheBoundIsCountedWithTheOthers) {
  for (const char* name : {"acme", "other", "third", "third"}) call(name);
  EXPECT_THAT(text(), HasSubstr(R"x(tenant="(others)",status="OK"} 2)x"));
  EXPECT_THAT(text(), Not(HasSubstr("third")));
}

TEST_F(TenantMetricsTest, ATenantsQuotaIsShownWithWhatItHoldsAndHowOftenItRefused) {
  counted = count_by_tenant(inner, 1, [](const model::TenantId&) {
    model::QuotaUse use{3, 4096, {}};
    use.limits[model::Limit::entries] = 10;
    return std::optional(use);
  });
  call("acme");
  inner.reply =
      model::Error(model::Code::quota_exceeded, "the tenant's limit reads_per_second = 5 is reached; retry", 1);
  call("acme");
  call("other");
  const std::string shown = text();
  EXPECT_THAT(shown, HasSubstr(R"(coffer_tenant_quota_used{tenant="acme",limit="entries"} 3)"));
  EXPECT_THAT(shown, HasSubstr(R"(coffer_tenant_quota_used{tenant="acme",limit="bytes"} 4096)"));
  EXPECT_THAT(shown, HasSubstr(R"(coffer_tenant_quota_limit{tenant="acme",limit="entries"} 10)"));
  EXPECT_THAT(shown, Not(HasSubstr(R"(coffer_tenant_quota_limit{tenant="acme",limit="bytes"})"))) << "it has none";
  EXPECT_THAT(shown, HasSubstr(R"(coffer_tenant_quota_refused_total{tenant="acme",limit="reads_per_second"} 1)"));
  EXPECT_THAT(shown, HasSubstr(R"x(coffer_tenant_quota_refused_total{tenant="(others)",limit="reads_per_second"} 1)x"));
  EXPECT_THAT(shown, Not(HasSubstr(R"x(coffer_tenant_quota_used{tenant="(others)")x")));
}

TEST_F(TenantMetricsTest, ATenantWhoseShardRunsElsewhereShowsNoUse) {
  counted = count_by_tenant(inner, 1, [](const model::TenantId&) { return std::optional<model::QuotaUse>(); });
  call("acme");
  EXPECT_THAT(text(), Not(HasSubstr("coffer_tenant_quota_used{")));
}

TEST_F(TenantMetricsTest, WhatItDoesNotCountPassesThrough) {
  inner.kinds["cft_x"] = model::CredentialKind::token;
  inner.tenants.insert("ns");
  inner.node.tenants = 7;
  inner.changes = 3;
  model::TenantRef acme, door;
  acme.name = "acme";
  door.door = {model::Door::direktiv, "ns"};
  EXPECT_EQ(counted->authenticate("cft_x", model::Door::native)->token_hash, "hash of cft_x");
  EXPECT_TRUE(counted->tenant_exists(door));
  EXPECT_FALSE(counted->tenant_exists(acme));
  EXPECT_EQ(counted->find_tenant(acme), inner.find_tenant(acme));
  EXPECT_TRUE(counted->trust_basis(acme) == inner.trust_basis(acme));
  bool asked = false;
  counted->ask_trust(acme, 0, [&](const model::Result<actors::TenantTrust>& trust) { asked = trust.ok(); });
  EXPECT_TRUE(asked);
  EXPECT_EQ(counted->status().tenants, 7U);
  EXPECT_EQ(counted->audit(), inner.audit());
}

TEST_F(TenantMetricsTest, NamesOfStrangersAndOfNoTenantMakeNoSeries) {
  call("missing");
  inner.reply = model::Code::unauthenticated;
  call("acme");
  EXPECT_THAT(text(), Not(HasSubstr("coffer_tenant_requests_total{")));
}

}  // namespace
}  // namespace coffer::net

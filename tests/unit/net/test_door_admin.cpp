// The admin door: who may call it, what its messages become, and what it shows.

#include <gtest/gtest.h>

#include <functional>
#include <sstream>

#include "coffer/admin/v1/admin.pb.h"
#include "net/admin/door.hpp"
#include "net/admin/resident.hpp"
#include "tests/unit/net/fake_gateway.hpp"
#include "tests/unit/net/jwt_support.hpp"

namespace coffer::net {
namespace {

namespace api = ::coffer::admin::v1;
using model::Category;
using model::Code;
using model::Error;

constexpr model::TimeMs kNow = 1'700'000'000'000;

class AdminDoorTest : public ::testing::Test {
 protected:
  AdminDoorTest() { caller.headers["authorization"] = "Bearer operator-token"; }
  template <class Out, class In>
  Outcome<Out> run(const std::string& method, const In& in) {
    Doors settings;
    settings.version = "1.2.3";
    const auto door = make_admin_door(settings, gateway, [] { return kNow; });
    return call<Out>(*door, gateway, caller, "coffer.admin.v1." + method, in);
  }
  static model::TenantReply tenant_reply() {
    model::TenantReply reply;
    reply.tenant.id = test_tenant_id();
    reply.tenant.name = "acme";
    reply.tenant.group = model::GroupId{7};
    reply.tenant.doors = {{model::Door::direktiv, "ns"}};
    reply.tenant.created_at = 1500;
    return reply;
  }
  FakeGateway gateway;
  FakeCaller caller;
};

TEST_F(AdminDoorTest, NeedsAnOperatorsOrTheRootToken) {
  gateway.answer(tenant_reply());
  api::GetTenantRequest in;
  in.set_name("acme");
  caller.headers.clear();
  EXPECT_EQ(run<api::Tenant>("Tenants.Get", in).code(), Category::unauthenticated);
  caller.headers["authorization"] = "Bearer forged";
  EXPECT_EQ(run<api::Tenant>("Tenants.Get", in).code(), Category::unauthenticated);
  caller.headers["authorization"] = "Bearer tenant-token";
  EXPECT_EQ(run<api::Tenant>("Tenants.Get", in).code(), Category::permission_denied);
  EXPECT_EQ(run<api::StatusResponse>("Server.Status", api::StatusRequest()).code(), Category::permission_denied);
  EXPECT_TRUE(gateway.requests.empty());
  for (const char* token : {"Bearer root-token", "Bearer operator-token"}) {
    caller.headers["authorization"] = token;
    EXPECT_TRUE(run<api::Tenant>("Tenants.Get", in).ok());
  }
}

TEST_F(AdminDoorTest, CreatesATenantWithItsDoors) {
  gateway.answer(tenant_reply());
  api::CreateTenantRequest in;
  in.set_name("acme");
  in.set_request_id("r1");
  in.add_doors()->set_door("direktiv");
  in.mutable_doors(0)->set_external_id("ns");
  const auto outcome = run<api::Tenant>("Tenants.Create", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  const auto create = gateway.directory_operation<model::CreateTenant>();
  EXPECT_EQ(create.name, "acme");
  EXPECT_EQ(create.doors, (std::vector<model::DoorName>{{model::Door::direktiv, "ns"}}));
  EXPECT_FALSE(create.with_owner_key);
  EXPECT_EQ(gateway.request().info.request_id, "r1");
  EXPECT_EQ(gateway.request().info.door, model::Door::admin);
  EXPECT_EQ(outcome.out.name(), "acme");
  EXPECT_EQ(outcome.out.id(), "30313233343536373839616263646566");
  EXPECT_EQ(outcome.out.group(), 7u);
  EXPECT_EQ(outcome.out.state(), "active");
  EXPECT_EQ(outcome.out.doors(0).door(), "direktiv");
  EXPECT_EQ(outcome.out.doors(0).external_id(), "ns");
  EXPECT_EQ(outcome.out.created_at().seconds(), 1);
  EXPECT_EQ(outcome.out.created_at().nanos(), 500'000'000);
  EXPECT_FALSE(outcome.out.has_deleted_at());
}

TEST_F(AdminDoorTest, RefusesBadNamesAndDoorsAndSubmitsNothing) {
  api::CreateTenantRequest create;
  for (const char* name : {"", "Upper", "a b", "-x"}) {
    create.set_name(name);
    EXPECT_EQ(run<api::Tenant>("Tenants.Create", create).code(), Category::invalid_argument) << name;
  }
  create.set_name("acme");
  create.add_doors()->set_door("dapr");
  EXPECT_EQ(run<api::Tenant>("Tenants.Create", create).message(), "door is none of direktiv, cloudforet and tapis");
  api::CreateTokenRequest token;
  token.set_tenant("UPPER");
  EXPECT_EQ(run<api::CreateTokenResponse>("Tokens.Create", token).code(), Category::invalid_argument);
  token.set_tenant("acme");
  token.add_scopes()->add_capabilities("fly");
  const auto outcome = run<api::CreateTokenResponse>("Tokens.Create", token);
  EXPECT_EQ(outcome.code(), Category::invalid_argument);
  EXPECT_TRUE(outcome.message().starts_with("scopes[0]: ")) << outcome.message();
  EXPECT_EQ(run<api::Token>("Tokens.Revoke", api::RevokeTokenRequest()).code(), Category::invalid_argument);
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(AdminDoorTest, ErrorsKeepTheirCategoryAndText) {
  api::CreateTenantRequest in;
  in.set_name("acme");
  gateway.reply = Error(Code::tenant_exists, "tenant acme exists");
  const auto outcome = run<api::Tenant>("Tenants.Create", in);
  EXPECT_EQ(outcome.code(), Category::already_exists);
  EXPECT_EQ(outcome.message(), "tenant acme exists");
}

TEST_F(AdminDoorTest, ListsTenantsByPagesThatBelongToTheirQuery) {
  model::TenantsReply reply;
  reply.tenants.push_back(tenant_reply().tenant);
  reply.more = true;
  gateway.answer(reply);
  api::ListTenantsRequest in;
  in.set_prefix("a");
  const auto first = run<api::ListTenantsResponse>("Tenants.List", in);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(gateway.directory_operation<model::ListTenants>().limit, 100u);
  ASSERT_EQ(first.out.tenants_size(), 1);
  gateway.requests.clear();
  in.set_page_token(first.out.next_page_token());
  in.set_page_size(5);
  ASSERT_TRUE(run<api::ListTenantsResponse>("Tenants.List", in).ok());
  EXPECT_EQ(gateway.directory_operation<model::ListTenants>().after, "acme");
  EXPECT_EQ(gateway.directory_operation<model::ListTenants>().limit, 5u);
  in.set_show_deleted(true);
  EXPECT_EQ(run<api::ListTenantsResponse>("Tenants.List", in).code(), Category::invalid_argument);
  in.set_show_deleted(false);
  in.set_page_size(1001);
  EXPECT_EQ(run<api::ListTenantsResponse>("Tenants.List", in).message(), "page_size is 1001: at most 1000");
}

TEST_F(AdminDoorTest, DeletesTenantsAndOpensDoors) {
  gateway.answer(tenant_reply());
  api::DeleteTenantRequest del;
  del.set_name("acme");
  ASSERT_TRUE(run<api::Tenant>("Tenants.Delete", del).ok());
  EXPECT_EQ(gateway.directory_operation<model::DeleteTenant>().name, "acme");
  gateway.requests.clear();
  api::OpenDoorRequest open;
  open.set_name("acme");
  open.mutable_door()->set_door("tapis");
  open.mutable_door()->set_external_id("site.tenant");
  ASSERT_TRUE(run<api::Tenant>("Tenants.OpenDoor", open).ok());
  EXPECT_EQ(gateway.directory_operation<model::OpenDoor>().door, (model::DoorName{model::Door::tapis, "site.tenant"}));
}

TEST_F(AdminDoorTest, CreatesATokenInItsTenantAndShowsTheSecretOnce) {
  model::TokenReply reply;
  reply.token.id = "3fa9";
  reply.token.scopes = {
      {static_cast<std::uint32_t>(model::Capability::read) | static_cast<std::uint32_t>(model::Capability::read_value),
       {"kv"},
       {"app/*"}}};
  reply.token.expires_at = kNow + 1;
  reply.secret = model::Secret("cft_secret");
  gateway.answer(reply);
  api::CreateTokenRequest in;
  in.set_tenant("acme");
  in.set_description("d");
  in.mutable_expires_at()->set_seconds(2'000'000'000);
  auto* scope = in.add_scopes();
  scope->add_capabilities("read");
  scope->add_capabilities("read-value");
  scope->add_spaces("kv");
  scope->add_names("app/*");
  const auto outcome = run<api::CreateTokenResponse>("Tokens.Create", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(gateway.request().tenant.name, "acme");
  EXPECT_FALSE(gateway.request().tenant.create_at_first_use);
  const auto create = gateway.operation<model::CreateToken>();
  EXPECT_EQ(create.description, "d");
  EXPECT_EQ(create.expires_at, 2'000'000'000'000);
  EXPECT_EQ(create.scopes, reply.token.scopes);
  EXPECT_EQ(outcome.out.secret(), "cft_secret");
  EXPECT_EQ(outcome.out.token().state(), "active");
  ASSERT_EQ(outcome.out.token().scopes(0).capabilities_size(), 2);
  EXPECT_EQ(outcome.out.token().scopes(0).capabilities(1), "read-value");
}

TEST_F(AdminDoorTest, ShowsTokensAsActiveExpiredOrRevoked) {
  model::TokensReply reply;
  reply.tokens.resize(4);
  reply.tokens[1].expires_at = kNow;
  reply.tokens[2].expires_at = kNow + 1;
  reply.tokens[3].expires_at = kNow - 1;
  reply.tokens[3].revoked_at = 5;
  gateway.answer(reply);
  api::ListTokensRequest in;
  in.set_tenant("acme");
  const auto outcome = run<api::ListTokensResponse>("Tokens.List", in);
  ASSERT_EQ(outcome.out.tokens_size(), 4);
  EXPECT_EQ(outcome.out.tokens(0).state(), "active");
  EXPECT_EQ(outcome.out.tokens(1).state(), "expired");
  EXPECT_EQ(outcome.out.tokens(2).state(), "active");
  EXPECT_EQ(outcome.out.tokens(3).state(), "revoked");

  gateway.requests.clear();
  gateway.answer(model::TokenReply{reply.tokens[3], {}});
  api::RevokeTokenRequest revoke;
  revoke.set_tenant("acme");
  revoke.set_id("3fa9");
  EXPECT_EQ(run<api::Token>("Tokens.Revoke", revoke).out.state(), "revoked");
  EXPECT_EQ(gateway.operation<model::RevokeToken>().id, "3fa9");
}

TEST_F(AdminDoorTest, PutsAnIssuerWithItsKeysLookedAt) {
  static const auto kSigner = jwt::test::Signer::eddsa();
  api::PutIssuerRequest in;
  in.set_tenant("acme");
  in.set_request_id("id-1");
  api::Issuer& issuer = *in.mutable_issuer();
  issuer.set_name("corp");
  issuer.set_iss("https://id.example");
  issuer.add_public_keys(kSigner.public_pem());
  issuer.add_audiences("coffer");
  issuer.set_clock_skew_seconds(30);
  issuer.mutable_claims()->set_tenant("org/tenant");
  issuer.mutable_claims()->set_service(true);
  model::IssuerReply reply;
  reply.issuer.name = "corp";
  reply.issuer.algorithms = 5;
  reply.issuer.version = 9;
  reply.issuer.changed_at = kNow;
  gateway.answer(reply);
  const auto outcome = run<api::Issuer>("Issuers.Put", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(gateway.request().tenant.name, "acme");
  EXPECT_EQ(gateway.request().info.request_id, "id-1");
  const model::Issuer put = gateway.operation<model::PutIssuer>().issuer;
  EXPECT_EQ(put.name, "corp");
  EXPECT_EQ(put.public_keys, std::vector<std::string>{kSigner.public_pem()});
  EXPECT_EQ(put.algorithms, model::kAllJwsAlgorithms) << "none named: all three";
  EXPECT_EQ(put.claims, (model::ClaimMapping{"org/tenant", "sub", "", "", true}));
  EXPECT_EQ(put.clock_skew_s, 30U);
  EXPECT_EQ(outcome.out.version(), 9U);
  EXPECT_EQ(outcome.out.algorithms_size(), 2);
  EXPECT_EQ(outcome.out.algorithms(1), "EdDSA");

  gateway.requests.clear();
  for (const auto& spoil : std::vector<std::function<void(api::Issuer&)>>{
           [](api::Issuer& i) { i.set_public_keys(0, "no key"); }, [](api::Issuer& i) { i.set_jwks("{}"); },
           [](api::Issuer& i) { i.add_algorithms("HS256"); }, [](api::Issuer& i) { i.set_mapping("okta"); },
           [](api::Issuer& i) { i.set_name(""); }}) {
    api::PutIssuerRequest bad = in;
    spoil(*bad.mutable_issuer());
    EXPECT_EQ(run<api::Issuer>("Issuers.Put", bad).code(), model::Category::invalid_argument);
  }
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(AdminDoorTest, ListsAndDeletesIssuersAndCertificateRules) {
  model::IssuersReply issuers;
  issuers.issuers.resize(2);
  issuers.issuers[1].mapping = "tapis";
  gateway.answer(issuers);
  api::ListIssuersRequest list;
  list.set_tenant("acme");
  const auto shown = run<api::ListIssuersResponse>("Issuers.List", list);
  ASSERT_EQ(shown.out.issuers_size(), 2);
  EXPECT_EQ(shown.out.issuers(0).claims().principal(), "sub");
  EXPECT_FALSE(shown.out.issuers(1).has_claims());

  gateway.requests.clear();
  gateway.answer(model::IssuerReply{});
  api::DeleteIssuerRequest del;
  del.set_tenant("acme");
  del.set_name("corp");
  EXPECT_TRUE(run<api::Issuer>("Issuers.Delete", del).ok());
  EXPECT_EQ(gateway.operation<model::DeleteIssuer>().name, "corp");

  gateway.requests.clear();
  gateway.answer(model::CertificateRuleReply{{"web", "dns:web", "service:web", {"r"}, 4, kNow, "operator"}});
  api::PutCertificateRequest put;
  put.set_tenant("acme");
  put.mutable_rule()->set_name("web");
  put.mutable_rule()->set_san("dns:web");
  put.mutable_rule()->set_principal("service:web");
  put.mutable_rule()->add_roles("r");
  const auto rule = run<api::CertificateRule>("Certificates.Put", put);
  ASSERT_TRUE(rule.ok()) << rule.message();
  EXPECT_EQ(gateway.operation<model::PutCertificateRule>().rule.san, "dns:web");
  EXPECT_EQ(rule.out.roles(0), "r");
  EXPECT_EQ(rule.out.version(), 4U);
  put.mutable_rule()->set_san("cn:web");
  EXPECT_EQ(run<api::CertificateRule>("Certificates.Put", put).code(), model::Category::invalid_argument);
}

TEST_F(AdminDoorTest, AJwtIsNoOperatorsToken) {
  caller.headers["authorization"] = "Bearer a.jwt.token";
  EXPECT_EQ(run<api::StatusResponse>("Server.Status", api::StatusRequest()).code(), model::Category::permission_denied);
  api::ListIssuersRequest list;
  list.set_tenant("acme");
  EXPECT_EQ(run<api::ListIssuersResponse>("Issuers.List", list).code(), model::Category::permission_denied);
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(AdminDoorTest, StatusShowsTheNodeAndItsGroups) {
  gateway.node.node_id = 3;
  gateway.node.cluster_id = "c1";
  gateway.node.sealed = true;
  gateway.node.tenants = 9;
  gateway.node.active_shards = 2;
  gateway.node.groups.push_back({model::GroupId{1}, "leader", 4, 30, 29, 20});
  const auto outcome = run<api::StatusResponse>("Server.Status", api::StatusRequest());
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.out.version(), "1.2.3");
  EXPECT_EQ(outcome.out.node_id(), 3u);
  EXPECT_EQ(outcome.out.cluster_id(), "c1");
  EXPECT_EQ(outcome.out.seal(), "sealed");
  EXPECT_EQ(outcome.out.tenants(), 9u);
  EXPECT_EQ(outcome.out.active_shards(), 2u);
  EXPECT_EQ(outcome.out.groups(0).role(), "leader");
  EXPECT_EQ(outcome.out.groups(0).applied_index(), 29u);
  EXPECT_GT(outcome.out.resident_bytes(), 1u << 20);
  EXPECT_TRUE(gateway.requests.empty());
}

TEST(ResidentMemory, IsTheSecondNumberInPages) {
  std::istringstream statm("2000 300 100 1 0 50 0\n"), nothing("");
  EXPECT_EQ(admin::resident_bytes(statm, 4096), 300u * 4096);
  EXPECT_EQ(admin::resident_bytes(nothing, 4096), 0u);
}

}  // namespace
}  // namespace coffer::net

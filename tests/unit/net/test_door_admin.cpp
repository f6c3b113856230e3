// The admin door: who may call it, what its messages become, and what it shows.

#include <gtest/gtest.h>

#include <functional>
#include <limits>
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
}

TEST_F(AdminDoorTest, PassesOnWhereATokenWorksAndHowLongItRenews) {
  model::TokenReply reply;
  reply.token.addresses = {"10.0.0.0/8"};
  reply.token.renewable = true;
  reply.token.max_expires_at = 5'000;
  gateway.answer(reply);
  api::CreateTokenRequest in;
  in.set_tenant("acme");
  in.add_addresses("10.0.0.0/8");
  in.set_renewable(true);
  in.set_max_ttl_seconds(60);
  const auto outcome = run<api::CreateTokenResponse>("Tokens.Create", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  const auto create = gateway.operation<model::CreateToken>();
  EXPECT_EQ(create.addresses, reply.token.addresses);
  EXPECT_TRUE(create.renewable);
  EXPECT_EQ(create.max_ttl, 60'000);
  EXPECT_EQ(outcome.out.token().addresses(0), "10.0.0.0/8");
  EXPECT_EQ(outcome.out.token().max_expires_at().seconds(), 5);
  gateway.requests.clear();
  in.set_max_ttl_seconds(std::numeric_limits<std::int64_t>::max());
  run<api::CreateTokenResponse>("Tokens.Create", in);
  EXPECT_GT(gateway.operation<model::CreateToken>().max_ttl, 60'000) << "it does not wrap around";
}

api::Policy policy_message() {
  api::Policy policy;
  auto* role = policy.add_roles();
  role->set_name("reader");
  role->set_description("reads");
  auto* grant = role->add_grants();
  grant->set_effect("deny");
  grant->add_capabilities("read");
  grant->add_capabilities("read-value");
  grant->add_spaces("kv");
  grant->add_names("app/*");
  grant->mutable_not_before()->set_seconds(10);
  grant->mutable_expires_at()->set_seconds(20);
  auto* binding = policy.add_bindings();
  binding->set_role("reader");
  binding->add_subjects("user:ann");
  binding->mutable_expires_at()->set_seconds(30);
  return policy;
}

model::PolicySet policy_value() {
  constexpr auto kRead = static_cast<std::uint32_t>(model::Capability::read);
  constexpr auto kReadValue = static_cast<std::uint32_t>(model::Capability::read_value);
  return {0,
          {{"reader", "reads", {{model::Effect::deny, kRead | kReadValue, {"kv"}, {"app/*"}, {10'000, 20'000}}}}},
          {{"reader", {"user:ann"}, {0, 30'000}}},
          0,
          {}};
}

TEST_F(AdminDoorTest, AppliesAPolicyAndAnswersTheDifference) {
  gateway.answer(model::PolicyReply{{4, {}, {}, kNow, "operator"}, {"+ role reader"}});
  api::ApplyPolicyRequest in;
  in.set_tenant("acme");
  *in.mutable_policy() = policy_message();
  in.set_expected_version(3);
  in.set_request_id("id-1");
  auto outcome = run<api::ApplyPolicyResponse>("Policies.Apply", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(gateway.request().tenant.name, "acme");
  EXPECT_EQ(gateway.request().info.request_id, "id-1");
  auto apply = gateway.operation<model::ApplyPolicy>();
  EXPECT_EQ(apply.policy, policy_value());
  EXPECT_EQ(apply.expected, 3u);
  EXPECT_FALSE(apply.dry_run);
  EXPECT_EQ(outcome.out.version(), 4u);
  EXPECT_EQ(outcome.out.difference(0), "+ role reader");

  gateway.requests.clear();
  in.clear_expected_version();
  in.set_dry_run(true);
  in.mutable_policy()->mutable_roles(0)->mutable_grants(0)->clear_effect();
  run<api::ApplyPolicyResponse>("Policies.Apply", in);
  apply = gateway.operation<model::ApplyPolicy>();
  EXPECT_TRUE(apply.dry_run);
  EXPECT_FALSE(apply.expected.has_value());
  EXPECT_EQ(apply.policy.roles[0].grants[0].effect, model::Effect::allow);
}

TEST_F(AdminDoorTest, ShowsAPolicyAsItIsApplied) {
  auto policy = policy_value();
  policy.version = 4;
  policy.changed_at = kNow;
  policy.changed_by = "operator";
  gateway.answer(model::PolicyReply{policy, {}});
  api::GetPolicyRequest in;
  in.set_tenant("acme");
  const auto outcome = run<api::Policy>("Policies.Get", in);
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  EXPECT_EQ(outcome.out.version(), 4u);
  EXPECT_EQ(outcome.out.changed_by(), "operator");
  EXPECT_EQ(outcome.out.changed_at().seconds(), kNow / 1000);
  api::Policy shown = outcome.out;
  shown.clear_version();
  shown.clear_changed_at();
  shown.clear_changed_by();
  EXPECT_EQ(shown.SerializeAsString(), policy_message().SerializeAsString());
}

TEST_F(AdminDoorTest, NamesThePlaceInAPolicyThatCannotBeRead) {
  const auto refused = [&](auto change) {
    api::ApplyPolicyRequest in;
    in.set_tenant("acme");
    *in.mutable_policy() = policy_message();
    change(*in.mutable_policy());
    const auto outcome = run<api::ApplyPolicyResponse>("Policies.Apply", in);
    EXPECT_EQ(outcome.code(), Category::invalid_argument);
    return std::string(outcome.message());
  };
  EXPECT_EQ(refused([](api::Policy& p) { p.mutable_roles(0)->mutable_grants(0)->set_effect("Deny"); }),
            "roles[0]: grants[0]: effect: it is allow or deny");
  EXPECT_TRUE(refused([](api::Policy& p) {
                p.mutable_roles(0)->mutable_grants(0)->add_capabilities("fly");
              }).starts_with("roles[0]: grants[0]: capability \"fly\" does not exist"));
  EXPECT_TRUE(refused([](api::Policy& p) {
                p.mutable_bindings(0)->mutable_expires_at()->set_seconds(-1);
              }).starts_with("bindings[0]: expires_at"));
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

// The operators' commands against a fake server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/scope.hpp"
#include "cli_fixture.hpp"

namespace coffer::app {
namespace {

namespace admin = coffer::admin::v1;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

struct FakeTenants final : admin::Tenants::Service {
  grpc::Status Create(grpc::ServerContext*, const admin::CreateTenantRequest* r, admin::Tenant* out) override {
    created = *r;
    *out = tenant;
    return grpc::Status::OK;
  }
  grpc::Status Get(grpc::ServerContext*, const admin::GetTenantRequest* r, admin::Tenant* out) override {
    if (r->name() != tenant.name()) return {grpc::StatusCode::NOT_FOUND, "There is no such tenant."};
    *out = tenant;
    return grpc::Status::OK;
  }
  grpc::Status List(grpc::ServerContext*, const admin::ListTenantsRequest* r,
                    admin::ListTenantsResponse* out) override {
    listed = *r;
    *out->add_tenants() = tenant;
    if (r->page_token().empty()) out->set_next_page_token("next");
    return grpc::Status::OK;
  }
  grpc::Status Delete(grpc::ServerContext*, const admin::DeleteTenantRequest* r, admin::Tenant* out) override {
    deleted = *r;
    *out = tenant;
    return grpc::Status::OK;
  }
  grpc::Status OpenDoor(grpc::ServerContext*, const admin::OpenDoorRequest* r, admin::Tenant* out) override {
    opened = *r;
    *out = tenant;
    return grpc::Status::OK;
  }
  admin::Tenant tenant;
  admin::CreateTenantRequest created;
  admin::ListTenantsRequest listed;
  admin::DeleteTenantRequest deleted;
  admin::OpenDoorRequest opened;
};

struct FakeTokens final : admin::Tokens::Service {
  grpc::Status Create(grpc::ServerContext*, const admin::CreateTokenRequest* r,
                      admin::CreateTokenResponse* out) override {
    created = *r;
    out->mutable_token()->set_id("0123456789abcdef");
    out->set_secret("cft_secret");
    return grpc::Status::OK;
  }
  grpc::Status List(grpc::ServerContext*, const admin::ListTokensRequest*, admin::ListTokensResponse* out) override {
    auto* token = out->add_tokens();
    token->set_id("0123456789abcdef");
    token->set_state("active");
    *token->add_scopes() = *cli::parse_scope("read,list:kv:a*,b");
    return grpc::Status::OK;
  }
  grpc::Status Revoke(grpc::ServerContext*, const admin::RevokeTokenRequest* r, admin::Token* out) override {
    revoked = *r;
    out->set_id(r->id());
    out->set_state("revoked");
    return grpc::Status::OK;
  }
  admin::CreateTokenRequest created;
  admin::RevokeTokenRequest revoked;
};

struct FakePolicies final : admin::Policies::Service {
  grpc::Status Get(grpc::ServerContext*, const admin::GetPolicyRequest* r, admin::Policy* out) override {
    asked = *r;
    *out = policy;
    return grpc::Status::OK;
  }
  grpc::Status Apply(grpc::ServerContext*, const admin::ApplyPolicyRequest* r,
                     admin::ApplyPolicyResponse* out) override {
    applied = *r;
    ++calls;
    *out = answer;
    return refusal;
  }
  int calls = 0;
  grpc::Status refusal;
  admin::Policy policy;
  admin::GetPolicyRequest asked;
  admin::ApplyPolicyRequest applied;
  admin::ApplyPolicyResponse answer;
};

struct FakeStatus final : admin::Server::Service {
  grpc::Status Status(grpc::ServerContext*, const admin::StatusRequest*, admin::StatusResponse* out) override {
    out->set_version("0.1.0");
    out->set_seal("open");
    out->set_uptime_seconds(90);
    auto* group = out->add_groups();
    group->set_role("leader");
    group->set_term(2);
    return grpc::Status::OK;
  }
};

class Admin : public testing::Test {
 protected:
  Admin() { tenants.tenant.set_name("acme"); }
  test::Ran run(std::vector<std::string> arguments, const std::string& in = "") {
    arguments.insert(arguments.begin(), "admin");
    shell.env["COFFER_ADMIN_ADDR"] = server.address;
    return shell.run(std::move(arguments), in);
  }
  test::TemporaryDirectory directory;
  FakeTenants tenants;
  FakeTokens tokens;
  FakePolicies policies;
  FakeStatus status;
  test::FakeServer server{{&tenants, &tokens, &policies, &status}};
  test::Shell shell;
};

TEST_F(Admin, CreatesATenantWithItsDoors) {
  const auto ran = run({"tenants", "create", "acme", "--door", "direktiv=ns", "--door", "tapis=a=b"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(tenants.created.name(), "acme");
  ASSERT_THAT(tenants.created.doors(), SizeIs(2));
  EXPECT_EQ(tenants.created.doors(1).door(), "tapis");
  EXPECT_EQ(tenants.created.doors(1).external_id(), "a=b");
  EXPECT_THAT(tenants.created.request_id(), SizeIs(32));
  EXPECT_EQ(run({"tenants", "create", "acme", "--door", "direktiv"}).code, 2);
}

TEST_F(Admin, ListsAllPagesOfTenants) {
  EXPECT_EQ(run({"tenants", "list"}).out, "NAME  STATE  GROUP  CREATED  DOORS\nacme         0\nacme         0\n");
  const auto ran = run({"tenants", "list", "--prefix", "a", "--deleted"});
  EXPECT_THAT(ran.out, testing::StartsWith("NAME  STATE  ID  GROUP  CREATED  DELETED  PURGE AT  PURGED  DOORS\nacme "));
  EXPECT_EQ(tenants.listed.page_token(), "next");
  EXPECT_TRUE(tenants.listed.show_deleted());
}

TEST_F(Admin, ShowsATenantOrEndsWithThree) {
  EXPECT_THAT(run({"tenants", "show", "acme", "-o", "json"}).out, HasSubstr("\"name\": \"acme\""));
  const auto ran = run({"tenants", "show", "other"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_THAT(ran.err, HasSubstr("coffer admin tenants list"));
}

TEST_F(Admin, DeletesATenantOnlyAfterItsNameWasTyped) {
  EXPECT_EQ(run({"tenants", "delete", "acme"}).code, 2);
  shell.terminal = true;
  EXPECT_EQ(run({"tenants", "delete", "acme"}, "yes\n").code, 1);
  EXPECT_EQ(tenants.deleted.name(), "");
  EXPECT_EQ(run({"tenants", "delete", "acme"}, "acme\n").code, 0);
  EXPECT_EQ(tenants.deleted.name(), "acme");
  shell.terminal = false;
  EXPECT_EQ(run({"tenants", "delete", "other", "--yes"}).code, 0);
  EXPECT_EQ(tenants.deleted.name(), "other");
}

TEST_F(Admin, OpensADoor) {
  EXPECT_EQ(run({"tenants", "open-door", "acme", "direktiv", "Name Space"}).code, 0);
  EXPECT_EQ(tenants.opened.door().door(), "direktiv");
  EXPECT_EQ(tenants.opened.door().external_id(), "Name Space");
}

TEST_F(Admin, PrintsANewTokenAloneSoThatItCanBeRedirected) {
  const auto ran =
      run({"tokens", "create", "--tenant", "acme", "--scope", "read,read-value:kv:app/*", "--expires", "30d"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "cft_secret\n");
  EXPECT_THAT(ran.err, AllOf(HasSubstr("0123456789abcdef"), Not(HasSubstr("cft_secret"))));
  EXPECT_EQ(tokens.created.tenant(), "acme");
  EXPECT_EQ(tokens.created.expires_at().seconds(), test::kNow / 1000 + 30 * 86'400);
  ASSERT_THAT(tokens.created.scopes(), SizeIs(1));
  EXPECT_THAT(tokens.created.scopes(0).capabilities(), ElementsAre("read", "read-value"));
}

TEST_F(Admin, WritesANewTokenToAFile) {
  const auto path = directory.path("token");
  const auto ran = run({"tokens", "create", "--scope", "list:*:*", "--out", path});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(test::read_all(path), "cft_secret\n");
  EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("cft_secret")));
}

TEST_F(Admin, ATokenNeedsAScopeThatIsOne) {
  EXPECT_EQ(run({"tokens", "create"}).code, 2);
  for (const auto* scope : {"read", "read:kv", "red:kv:*", "read::*", "read:kv:", ":kv:*", "read:kv:a,"}) {
    EXPECT_EQ(run({"tokens", "create", "--scope", scope}).code, 2) << scope;
  }
  EXPECT_EQ(tokens.created.scopes_size(), 0);
}

TEST_F(Admin, ATokenWithoutScopesMustBeMeant) {
  auto ran = run({"tokens", "create", "--by-policy"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(tokens.created.scopes_size(), 0);
  ran = run({"tokens", "create", "--by-policy", "--scope", "read:kv:*"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("contradict"));
}

TEST_F(Admin, BindsATokenToAddressesAndMakesItRenewable) {
  const auto ran = run({"tokens", "create", "--scope", "read:kv:*", "--address", "10.0.0.0/8", "--address", "::1",
                        "--renewable", "--expires", "1h", "--max-ttl", "30d"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(tokens.created.addresses(), ElementsAre("10.0.0.0/8", "::1"));
  EXPECT_TRUE(tokens.created.renewable());
  EXPECT_EQ(tokens.created.max_ttl_seconds(), 30 * 86'400);
  EXPECT_EQ(run({"tokens", "create", "--scope", "read:kv:*", "--max-ttl", "soon"}).code, 2);
}

TEST_F(Admin, WhatPolicyGetPrintsPolicyApplyReads) {
  auto* role = policies.policy.add_roles();
  role->set_name("reader");
  auto* grant = role->add_grants();
  grant->set_effect("deny");
  grant->add_capabilities("read-value");
  grant->add_spaces("kv");
  grant->add_names("app/*");
  grant->mutable_expires_at()->set_seconds(1'800'000'000);
  auto* binding = policies.policy.add_bindings();
  binding->set_role("reader");
  binding->add_subjects("user:ann");
  policies.policy.set_version(7);
  const auto got = run({"policy", "get", "--tenant", "acme"});
  EXPECT_EQ(got.code, 0) << got.err;
  EXPECT_EQ(policies.asked.tenant(), "acme");
  policies.answer.set_version(8);
  policies.answer.add_difference("+ role reader");
  const auto ran = run({"policy", "apply", "--tenant", "acme", "-f", directory.write("p.json", got.out)});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(policies.applied.policy().SerializeAsString(), policies.policy.SerializeAsString());
  EXPECT_EQ(policies.applied.expected_version(), 7u) << "made from version 7, it replaces only that";
  EXPECT_FALSE(policies.applied.dry_run());
  EXPECT_THAT(policies.applied.request_id(), SizeIs(32));
  EXPECT_EQ(ran.out, "+ role reader\n");
  EXPECT_THAT(ran.err, HasSubstr("version 8 of the policy of tenant acme is in force"));
  EXPECT_THAT(run({"policy", "get", "-o", "table"}).out, HasSubstr("reader  deny    read-value    kv      app/*"));
}

TEST_F(Admin, ADryRunOfAPolicyFromStdinSaysThatItIsOne) {
  policies.answer.set_version(3);
  policies.answer.add_difference("- role reader");
  auto ran = run({"policy", "apply", "-f", "-", "--dry-run"}, "{}");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_TRUE(policies.applied.dry_run());
  EXPECT_FALSE(policies.applied.has_expected_version()) << "a document without a version replaces whatever there is";
  EXPECT_EQ(ran.out, "- role reader\n");
  EXPECT_THAT(ran.err, HasSubstr("a dry run: version 3"));
  policies.answer.clear_difference();
  ran = run({"policy", "apply", "-f", "-"}, "{}");
  EXPECT_EQ(ran.out, "");
  EXPECT_THAT(ran.err, HasSubstr("nothing changes"));
}

TEST_F(Admin, AFileThatIsNoPolicyIsNotSent) {
  for (const auto* text : {"", "[]", "roles", R"({"roels": []})", R"({"roles": [{"grants": [{"spcae": "kv"}]}]})",
                           R"({"roles": [{"grants": [{"expires_at": "tomorrow"}]}]})"}) {
    const auto ran = run({"policy", "apply", "-f", "-"}, text);
    EXPECT_EQ(ran.code, 2) << text;
    EXPECT_THAT(ran.err, HasSubstr("is no policy")) << text;
  }
  EXPECT_EQ(run({"policy", "apply", "-f", directory.path("missing")}).code, 2);
  EXPECT_EQ(policies.calls, 0);
}

TEST_F(Admin, ARefusedPolicyHasTheExitCodeOfItsReason) {
  policies.refusal = {grpc::StatusCode::ABORTED, "expected version 3 of the policy, current version is 4"};
  EXPECT_EQ(run({"policy", "apply", "-f", "-"}, "{}").code, 4);
  policies.refusal = {grpc::StatusCode::INVALID_ARGUMENT, "roles[0]: name: ..."};
  const auto ran = run({"policy", "apply", "-f", "-"}, "{}");
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("roles[0]: name"));
}

TEST_F(Admin, ListsAndRevokesTokens) {
  EXPECT_THAT(run({"tokens", "list"}).out,
              HasSubstr("0123456789abcdef  active                    read,list:kv:a*,b\n"));
  EXPECT_EQ(run({"tokens", "revoke", "--tenant", "acme", "0123456789abcdef"}).out,
            "token 0123456789abcdef is revoked\n");
  EXPECT_EQ(tokens.revoked.tenant(), "acme");
}

TEST_F(Admin, ShowsTheServersState) {
  EXPECT_THAT(run({"status"}).out, AllOf(HasSubstr("uptime:      90s"), HasSubstr("0      leader  2")));
  EXPECT_THAT(run({"status", "--output", "json"}).out, HasSubstr("\"uptime_seconds\": 90"));
}

TEST(AdminInit, MakesWhatFileAndOptionsName) {
  const test::TemporaryDirectory directory;
  test::Shell shell;
  Config seen;
  std::string token;
  shell.init_node = [&](const Config& config, const std::string& file) {
    seen = config;
    token = file;
    return 4;
  };
  const auto file = directory.write("c.toml", "data = \"/d\"\n[seal]\nkey_file = \"/k\"\n");
  EXPECT_EQ(shell.run({"admin", "init", "--config", file, "--operator-token", "/t"}).code, 4);
  EXPECT_EQ(seen.data_dir, "/d");
  EXPECT_EQ(seen.seal_key_file, "/k");
  EXPECT_EQ(token, "/t");
  EXPECT_EQ(shell.run({"admin", "init", "--data", "/e", "--seal-key", "/l"}).code, 4);
  EXPECT_EQ(seen.data_dir, "/e");
  EXPECT_EQ(seen.seal_key_file, "/l");
}

TEST(AdminInit, MakesNothingFromAConfigurationThatIsWrong) {
  test::Shell shell;
  bool made = false;
  shell.init_node = [&](const Config&, const std::string&) {
    made = true;
    return 0;
  };
  const auto ran = shell.run({"admin", "init"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_THAT(ran.err, HasSubstr("seal.key_file: is needed"));
  EXPECT_FALSE(made);
}

TEST(Scope, TakesNamesWithColons) {
  const auto scope = cli::parse_scope("read:kv,x.*:a:b/*,c");
  ASSERT_TRUE(scope.ok());
  EXPECT_THAT(scope->spaces(), ElementsAre("kv", "x.*"));
  EXPECT_THAT(scope->names(), ElementsAre("a:b/*", "c"));
}

}  // namespace
}  // namespace coffer::app

// The Dapr door over HTTP: the statuses and exact bodies of its contract, under both settings of dapr.statuses.

#include <gtest/gtest.h>

#include "net/dapr/attributes.hpp"
#include "tests/unit/net/dapr_door_fixture.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::Error;

constexpr const char* kText = "text/plain; charset=utf-8";

class DaprHttp : public DaprDoorTest {
 protected:
  DaprHttp() { caller.over = Transport::http; }
};

TEST_F(DaprHttp, GetShowsTheSecretUnderItsNameWithANewline) {
  gateway.answer(entry("db", model::Payload::of_text("p<&>w")));
  expect(get("single", "db"), 200, "{\"db\":\"p\\u003c\\u0026\\u003ew\"}\n");
  const auto operation = gateway.operation<model::Get>();
  EXPECT_EQ(operation.space, "kv");
  EXPECT_EQ(operation.name, "db");
  EXPECT_EQ(operation.version, 0u);
  const auto& request = gateway.request();
  EXPECT_EQ(request.tenant.name, "acme");
  EXPECT_FALSE(request.tenant.create_at_first_use);
  EXPECT_EQ(request.info.door, model::Door::dapr);
  EXPECT_EQ(request.credential.kind, model::CredentialKind::token);
  EXPECT_EQ(request.credential.door, model::Door::dapr);
}

TEST_F(DaprHttp, AMultiValueStoreShowsTheMapWithoutTheName) {
  model::Payload map{model::PayloadKind::map, {}, {}};
  map.map.emplace_back("pass", model::Secret("2"));
  map.map.emplace_back("user", model::Secret("1"));
  gateway.answer(entry("db", std::move(map)));
  expect(get("multi", "db"), 200, "{\"pass\":\"2\",\"user\":\"1\"}\n");
  expect(get("single", "db"), 200, "{\"db\":\"{\\\"pass\\\":\\\"2\\\",\\\"user\\\":\\\"1\\\"}\"}\n");
}

TEST_F(DaprHttp, BytesThatAreNoTextAreMarked) {
  gateway.answer(entry("b", model::Payload::of_bytes("\xff")));
  expect(get("single", "b"), 200, "{\"b\":\"/w==\",\"b.encoding\":\"base64\"}\n");
}

TEST_F(DaprHttp, TheFirstVersionIdCounts) {
  gateway.answer(entry("db", model::Payload::of_text("v")));
  get("single", "db",
      {{"other", "x"}, {"version_id", "9"}, {"metadata.version_id", "4"}, {"metadata.version_id", "5"}});
  EXPECT_EQ(gateway.operation<model::Get>().version, 4u);
}

TEST_F(DaprHttp, FailuresHaveTheReferencePagesStatusesByDefault) {
  const struct {
    Error error;
    int status;
    std::string body;
  } table[] = {
      {Code::tenant_not_found, 400,
       R"({"errorCode":"ERR_SECRET_STORE_NOT_FOUND","message":"failed finding secret store with key single"})"},
      {Code::permission_denied, 403,
       R"({"errorCode":"ERR_PERMISSION_DENIED","message":"access denied by policy to get \"db\" from \"single\""})"},
      {Code::write_only, 403,
       R"({"errorCode":"ERR_PERMISSION_DENIED","message":"access denied by policy to get \"db\" from \"single\""})"},
      {Error(Code::unavailable, "retry"), 500,
       R"({"errorCode":"ERR_SECRET_GET","message":"failed getting secret with key db from secret store single: retry"})"},
      {Error(Code::data_loss, "damaged"), 500,
       R"({"errorCode":"ERR_SECRET_GET","message":"failed getting secret with key db from secret store single: damaged"})"},
      {Error(Code::too_large, "name: long"), 400,
       R"({"errorCode":"ERR_MALFORMED_REQUEST","message":"failed getting secret with key db from secret store single: name: long"})"},
  };
  for (const auto& row : table) {
    gateway.reply = row.error;
    expect(get("single", "db"), row.status, row.body);
  }
  for (const Code code : {Code::entry_not_found, Code::version_not_found, Code::not_active}) {
    gateway.reply = code;
    expect(get("single", "db"), 204, "", "");
  }
}

TEST_F(DaprHttp, FailuresHaveTheRuntimesStatusesWhenToldSo) {
  settings.dapr_runtime_statuses = true;
  for (const Code code : {Code::entry_not_found, Code::version_not_found, Code::not_active}) {
    gateway.reply = code;
    expect(
        get("single", "db"), 500,
        R"({"errorCode":"ERR_SECRET_GET","message":"failed getting secret with key db from secret store single: secret db not found"})");
  }
  const std::string no_store =
      R"({"errorCode":"ERR_SECRET_STORE_NOT_FOUND","message":"failed finding secret store with key nope"})";
  expect(get("nope", "db"), 401, no_store);
  expect(bulk("nope"), 401, no_store);
  EXPECT_EQ(get("closed", "db").status, 403) << "whatever is true of the secret";
  const auto malformed = get("single", "db", {{"metadata.version_id", "x"}});
  EXPECT_EQ(malformed.status, 500);
  EXPECT_TRUE(malformed.answer_body.starts_with(R"({"errorCode":"ERR_SECRET_GET",)")) << malformed.answer_body;
}

TEST_F(DaprHttp, StoreScopeAndVersionAreCheckedInThatOrder) {
  const std::string no_store =
      R"({"errorCode":"ERR_SECRET_STORE_NOT_FOUND","message":"failed finding secret store with key nope"})";
  expect(get("nope", "db", {{"metadata.version_id", "x"}}), 400, no_store);
  expect(bulk("nope"), 400, no_store);
  EXPECT_EQ(get("Single", "db").status, 400) << "names are case-sensitive";
  expect(
      get("closed", "s\"2", {{"metadata.version_id", "x"}}), 403,
      R"({"errorCode":"ERR_PERMISSION_DENIED","message":"access denied by policy to get \"s\\\"2\" from \"closed\""})");
  expect(
      get("single", "db", {{"metadata.version_id", "x"}}), 400,
      R"({"errorCode":"ERR_MALFORMED_REQUEST","message":"failed getting secret with key db from secret store single: metadata version_id is not a number"})");
  expect(get("single", "db", {{"metadata.version_id", "99999999999999999999"}}), 204, "", "");
  for (const auto& request : gateway.requests) {
    EXPECT_FALSE(std::get<model::Get>(std::get<model::TenantOperation>(request.operation)).with_payload);
  }
  gateway.answer(entry("s1", model::Payload::of_text("v")));
  EXPECT_EQ(get("closed", "s1").status, 200);
}

TEST_F(DaprHttp, WhomTheTenantDoesNotKnowLearnsNothingOfScopesAndVersions) {
  const auto refusal = "invalid api token\n";
  gateway.reply = model::Code::unauthenticated;
  for (const char* token : {"a.jwt.token", "tenant-token"}) {
    caller.headers["dapr-api-token"] = token;
    expect(get("closed", "s2"), 401, refusal, "text/plain; charset=utf-8");
    expect(get("single", "db", {{"metadata.version_id", "x"}}), 401, refusal, "text/plain; charset=utf-8");
    expect(get("single", "db", {{"metadata.version_id", "99999999999999999999"}}), 401, refusal,
           "text/plain; charset=utf-8");
  }
  gateway.reply = model::Code::tenant_not_found;
  EXPECT_EQ(get("closed", "s2").status, 403) << "whoever is known is told of the scope, whatever is behind it";
  gateway.reply = model::Code::unavailable;
  EXPECT_EQ(get("closed", "s2").status, 500);
}

TEST_F(DaprHttp, WithoutAnyStoreEvenABogusNameIsNotConfigured) {
  settings.dapr_stores.clear();
  const std::string body =
      R"({"errorCode":"ERR_SECRET_STORES_NOT_CONFIGURED","message":"secret store is not configured"})";
  expect(get("bogus", "db"), 500, body);
  expect(bulk("bogus"), 500, body);
}

TEST_F(DaprHttp, BulkShowsEverySecretThatTheScopesAllow) {
  model::ListReply reply;
  for (const char* name : {"s2", "s1"}) reply.entries.push_back(entry(name, model::Payload::of_text("v")));
  gateway.answer(reply);
  expect(bulk("single"), 200, "{\"s1\":{\"s1\":\"v\"},\"s2\":{\"s2\":\"v\"}}\n");
  const auto list = gateway.operation<model::List>();
  EXPECT_EQ(list.space, "kv");
  EXPECT_EQ(list.limit, 0u);
  EXPECT_TRUE(list.with_payload);
  expect(bulk("closed"), 200, "{\"s1\":{\"s1\":\"v\"}}\n");
  gateway.answer(model::ListReply{});
  expect(bulk("single"), 200, "{}\n");
}

TEST_F(DaprHttp, BulksFailuresHaveTheirOwnText) {
  gateway.reply = Error(Code::overloaded, "busy");
  expect(bulk("single"), 500,
         R"({"errorCode":"ERR_SECRET_GET","message":"failed getting secrets from secret store single: busy"})");
  gateway.reply = Code::permission_denied;
  expect(bulk("single"), 403,
         R"({"errorCode":"ERR_PERMISSION_DENIED","message":"access denied by policy to get secrets from \"single\""})");
}

TEST_F(DaprHttp, ABodyMustBeJsonOfTheRequestAndIsOtherwiseIgnored) {
  gateway.answer(entry("db", model::Payload::of_text("v")));
  for (const char* body : {"", "{}", R"({"storeName":"other","key":"x","metadata":{"version_id":"7"},"more":1})"}) {
    EXPECT_EQ(get("single", "db", {}, body).status, 200) << body;
  }
  for (const auto& request : gateway.requests) {
    EXPECT_EQ(std::get<model::Get>(std::get<model::TenantOperation>(request.operation)).version, 0u);
  }
  gateway.requests.clear();
  for (const char* body : {"{x", "[]", "hunter2"}) {
    expect(
        get("single", "db", {}, body), 400,
        R"({"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: it is not the JSON of this request"})");
  }
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(DaprHttp, AWrongOrMissingTokenIs401InTextOnEveryPathButHealth) {
  for (const char* token : {"", "forged", "operator-token"}) {
    caller.headers["dapr-api-token"] = token;
    expect(get("single", "db"), 401, "invalid api token\n", kText);
    expect(get("nope", "db"), 401, "invalid api token\n", kText);
    expect(bulk("single"), 401, "invalid api token\n", kText);
    expect(plain("/v1.0/metadata"), 401, "invalid api token\n", kText);
    const WireStatus unknown = door()->unknown_path(caller, "id");
    EXPECT_EQ(unknown.http_status, 401);
    EXPECT_EQ(unknown.http_body, "invalid api token\n");
    expect(plain("/v1.0/healthz"), 204, "", "");
    expect(plain("/v1.0/healthz/outbound"), 204, "", "");
  }
  EXPECT_TRUE(gateway.requests.empty());
  caller.headers = {{"authorization", "Bearer tenant-token"}};
  EXPECT_EQ(plain("/v1.0/metadata").status, 200);
}

TEST_F(DaprHttp, ATokenThatTheShardRefusesIs401InText) {
  gateway.reply = Error(Code::unauthenticated, "revoked");
  expect(get("single", "db"), 401, "invalid api token\n", kText);
}

TEST_F(DaprHttp, UnknownPathsAreDirectInvocationsWithoutAnAppId) {
  const std::string body =
      R"({"errorCode":"ERR_DIRECT_INVOKE","message":"failed getting app id either from the URL path or the header dapr-app-id"})";
  EXPECT_EQ(door()->path_prefixes(), std::vector<std::string>{"/v1.0/"});
  const WireStatus unknown = door()->unknown_path(caller, "id");
  EXPECT_EQ(unknown.http_status, 404);
  EXPECT_EQ(unknown.http_body, body);
  const WireStatus bad_escape = door()->http_failure(Error(Code::invalid_argument, "'%zz'"), "id");
  EXPECT_EQ(bad_escape.http_status, 400);
  EXPECT_EQ(bad_escape.http_content_type, kText);
  EXPECT_EQ(bad_escape.http_body, "failed to unescape request parameter: '%zz'\n");
  const WireStatus large = door()->http_failure(Error(Code::too_large, "the body is too large"), "id");
  EXPECT_EQ(large.http_status, 400);
  EXPECT_EQ(large.http_body,
            R"({"errorCode":"ERR_BODY_READ","message":"failed to read request body: the body is too large"})");
}

TEST_F(DaprHttp, HealthFollowsTheNode) {
  caller.headers.clear();
  expect(plain("/v1.0/healthz"), 204, "", "");
  expect(plain("/v1.0/healthz", {{"appid", "coffer"}}), 204, "", "");
  expect(plain("/v1.0/healthz", {{"appid", "other"}}), 500,
         R"({"errorCode":"ERR_HEALTH_APPID_NOT_MATCH","message":"dapr app-id does not match"})");
  gateway.node.ready = false;
  expect(plain("/v1.0/healthz"), 500, R"({"errorCode":"ERR_HEALTH_NOT_READY","message":"dapr is not ready"})");
  expect(plain("/v1.0/healthz/outbound"), 500,
         R"({"errorCode":"ERR_OUTBOUND_HEALTH_NOT_READY","message":"dapr outbound is not ready"})");
}

TEST_F(DaprHttp, MetadataHidesStoresFromATenantsTokenAndShowsItsOwnAttributes) {
  expect(plain("/v1.0/metadata"), 200,
         "{\"id\":\"coffer\",\"runtimeVersion\":\"1.2.3\",\"extended\":{\"daprRuntimeVersion\":\"1.2.3\"}}\n");
  FakeExchange put(caller);
  put.variables = {{"key", "cliPID"}};
  put.content = "4<2";
  drive(*door(), gateway, "PUT", "/v1.0/metadata/{key}", put);
  expect(put, 204, "", "");
  expect(plain("/v1.0/metadata"), 200,
         "{\"id\":\"coffer\",\"runtimeVersion\":\"1.2.3\",\"extended\":{\"cliPID\":\"4\\u003c2\","
         "\"daprRuntimeVersion\":\"1.2.3\"}}\n");
  FakeExchange refused(caller);
  refused.variables = {{"key", "k"}};
  refused.content = std::string(5000, 'x');
  drive(*door(), gateway, "PUT", "/v1.0/metadata/{key}", refused);
  EXPECT_EQ(refused.status, 400);
  caller.headers["dapr-api-token"] = "root-token";
  settings.dapr_stores.resize(2);
  remake();
  expect(plain("/v1.0/metadata"), 200,
         "{\"id\":\"coffer\",\"runtimeVersion\":\"1.2.3\",\"components\":["
         "{\"name\":\"single\",\"type\":\"secretstores.coffer\",\"version\":\"v1\",\"capabilities\":[]},"
         "{\"name\":\"multi\",\"type\":\"secretstores.coffer\",\"version\":\"v1\",\"capabilities\":[\"MULTIPLE_KEY_"
         "VALUES_PER_SECRET\"]}],"
         "\"extended\":{\"daprRuntimeVersion\":\"1.2.3\"}}\n");
}

TEST(DaprAttributes, ATokenHasItsShareAndNobodyIsKeptOutByOthers) {
  dapr::Attributes attributes;
  const auto of = [](int n) {
    model::Credential owner;
    owner.token_hash = "token-" + std::to_string(n);
    return owner;
  };
  for (std::size_t i = 0; i < dapr::Attributes::kMostOfOne; ++i) {
    EXPECT_TRUE(attributes.set(of(0), "k" + std::to_string(i), "v"));
  }
  EXPECT_FALSE(attributes.set(of(0), "one-more", "v"));
  EXPECT_TRUE(attributes.set(of(0), "k5", "changed"));
  for (int n = 1; n < 17; ++n) {
    for (std::size_t i = 0; i < dapr::Attributes::kMostOfOne; ++i) {
      EXPECT_TRUE(attributes.set(of(n), "k" + std::to_string(i), "v")) << n;
    }
  }
  EXPECT_TRUE(attributes.of(of(0)).empty()) << "the oldest made room";
  EXPECT_EQ(attributes.of(of(16)).size(), dapr::Attributes::kMostOfOne);
}

TEST_F(DaprHttp, DevHasAStoreOfTheDefaultTenantAndOneForEachNamespaceThatExists) {
  settings.dev = true;
  settings.dapr_stores.clear();
  caller.headers.clear();
  caller.loopback = true;
  gateway.tenants = {"ns"};
  gateway.answer(entry("n", model::Payload::of_text("v")));
  EXPECT_EQ(get("coffer", "n").status, 200);
  EXPECT_EQ(gateway.request().tenant.name, "default");
  EXPECT_TRUE(gateway.request().tenant.create_at_first_use);
  EXPECT_EQ(gateway.operation<model::Get>().space, "kv");
  EXPECT_EQ(gateway.request().credential.kind, model::CredentialKind::open_door);
  gateway.requests.clear();
  EXPECT_EQ(get("direktiv-ns", "n").status, 200);
  EXPECT_EQ(gateway.request().tenant.door, (model::DoorName{model::Door::direktiv, "ns"}));
  EXPECT_FALSE(gateway.request().tenant.create_at_first_use);
  EXPECT_EQ(gateway.operation<model::Get>().space, "direktiv");
  EXPECT_EQ(get("direktiv-unknown", "n").status, 400);
  EXPECT_EQ(get("direktiv-", "n").status, 400);
}

TEST_F(DaprHttp, OutsideDevThereAreOnlyTheConfiguredStores) {
  gateway.tenants = {"ns"};
  EXPECT_EQ(get("coffer", "n").status, 400);
  EXPECT_EQ(get("direktiv-ns", "n").status, 400);
  caller.headers.clear();
  caller.loopback = true;
  EXPECT_EQ(get("single", "n").status, 401) << "loopback opens the door in dev only";
}

TEST_F(DaprHttp, AJwtThatNobodyHasCheckedLearnsNothingOfTheStores) {
  caller.headers = {{"authorization", "Bearer a.jwt.token"}};
  EXPECT_EQ(get("unknown", "n").status, 401);
  FakeExchange metadata(caller);
  drive(*door(), gateway, "GET", "/v1.0/metadata", metadata);
  EXPECT_EQ(metadata.status, 401);
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(DaprHttp, AConfiguredStoreGoesBeforeDevsOwn) {
  settings.dev = true;
  settings.dapr_stores = {{"coffer", "acme", "other"}};
  gateway.answer(entry("n", model::Payload::of_text("v")));
  get("coffer", "n");
  EXPECT_EQ(gateway.request().tenant.name, "acme");
  EXPECT_TRUE(gateway.request().tenant.create_at_first_use) << "a tenant that the configuration names is made in dev";
}

TEST_F(DaprHttp, PathsAreCleanedAndVerbsAreHidden) {
  EXPECT_EQ(door()->clean_path("/v1.0//secrets/./s/x/../k/"), "/v1.0/secrets/s/k");
  EXPECT_TRUE(door()->hides_verbs());
}

}  // namespace
}  // namespace coffer::net

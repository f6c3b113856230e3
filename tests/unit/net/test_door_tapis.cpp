// The Tapis door: what each route asks the shard, what it shows of the answers and failures, and whose request it is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "crypto/hash.hpp"
#include "net/tapis/door.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::Error;
using testing::HasSubstr;

std::string jwt_of(const std::string& claims) {
  return crypto::base64url(R"({"alg":"RS256"})") + "." + crypto::base64url(claims) + "." + crypto::base64url("sig");
}

class TapisDoorTest : public testing::Test {
 protected:
  TapisDoorTest() {
    caller.over = Transport::http;
    settings.version = "1.2.3";
    present(R"({"tapis/tenant_id":"tacc","tapis/username":"alice","tapis/account_type":"user"})");
    entry.entry.name = "db";
    entry.entry.owner = "user:alice";
    entry.entry.created_at = 1'700'000'000'123;
    entry.entry.versions = {{1, model::State::active}};
    gateway.answer(entry);
  }
  void present(const std::string& claims) {
    const std::string token = jwt_of(claims);
    gateway.kinds[token] = model::CredentialKind::presented;
    caller.headers["x-tapis-token"] = token;
  }
  boost::json::object run(const std::string& method, const std::string& pattern, const std::string& body = {}) {
    if (!door) door = make_tapis_door(settings, gateway);
    FakeExchange exchange(caller);
    exchange.variables = {{"secret_id", "db"}, {"user", user}};
    exchange.content = body;
    exchange.parameters = parameters;
    gateway.requests.clear();
    drive(*door, gateway, method, "/v3/pods/secrets" + pattern, exchange);
    status = exchange.status;
    EXPECT_EQ(exchange.content_type, "application/json");
    const auto shown = boost::json::parse(exchange.answer_body).as_object();
    EXPECT_EQ(shown.size(), 5u);
    EXPECT_EQ(shown.at("version"), "1.2.3");
    EXPECT_EQ(shown.at("status"), status == 200 ? "success" : "error");
    message = boost::json::serialize(shown.at("message"));
    return shown;
  }

  FakeGateway gateway;
  FakeCaller caller;
  Doors settings;
  model::EntryReply entry;
  std::unique_ptr<Door> door;
  std::string user = "bob", message;
  std::vector<std::pair<std::string, std::string>> parameters;
  int status = 0;
};

constexpr const char* kOne = "/{secret_id}";

TEST_F(TapisDoorTest, ANewSecretIsTheCallersOwnWithItsFlags) {
  entry.entry.write_only = true;
  entry.entry.attributes["pod_id"] = "p1";
  gateway.answer(entry);
  const auto shown =
      run("POST", "", R"({"secret_id":"db","secret_value":"v","scope":"pod","pod_id":"p1","readable":false})");
  EXPECT_EQ(status, 200);
  EXPECT_EQ(boost::json::serialize(shown.at("result")),
            R"({"secret_id":"db","scope":"pod","pod_id":"p1","description":"","readable":false,"writable":true,)"
            R"("sk_secret_name":"pods_tacc_pod+p1+db","creation_ts":"2023-11-14T22:13:20.123Z","added_by":"alice"})");
  const auto put = gateway.operation<model::Put>();
  EXPECT_EQ(put.space, "tapis");
  EXPECT_EQ(put.name, "db");
  EXPECT_EQ(put.payload, model::Payload::of_text("v"));
  EXPECT_TRUE(put.create_only && put.caller_owns && put.write_only);
  EXPECT_FALSE(put.read_only || put.must_exist);
  EXPECT_EQ(put.description, "");
  EXPECT_EQ(put.attributes.at("pod_id"), "p1");
  EXPECT_EQ(gateway.request().tenant.door, (model::DoorName{model::Door::tapis, "tacc"}));
  EXPECT_FALSE(gateway.request().tenant.create_at_first_use);
  EXPECT_EQ(gateway.request().credential.door, model::Door::tapis);
}

TEST_F(TapisDoorTest, ATenantIsMadeAtItsFirstSecretInDevOnly) {
  settings.dev = true;
  run("POST", "", R"({"secret_id":"db","secret_value":"v"})");
  EXPECT_TRUE(gateway.request().tenant.create_at_first_use);
  run("GET", kOne);
  EXPECT_FALSE(gateway.request().tenant.create_at_first_use);
}

TEST_F(TapisDoorTest, AValueAndADescriptionAreOneWrite) {
  run("PUT", kOne, R"({"secret_value":"v2","description":"d"})");
  const auto put = gateway.operation<model::Put>();
  EXPECT_TRUE(put.must_exist);
  EXPECT_FALSE(put.create_only || put.caller_owns);
  EXPECT_EQ(put.description, "d");
  run("PUT", kOne, R"({"description":"d","secret_value":null})");
  EXPECT_EQ(gateway.operation<model::UpdateMetadata>().description, "d");
  run("PUT", kOne, "{}");
  EXPECT_FALSE(gateway.operation<model::UpdateMetadata>().description.has_value())
      << "whoever may not change it may not";
}

TEST_F(TapisDoorTest, FailuresHaveTheirStatusesAndWords) {
  const struct {
    Error error;
    int status, upstream;
    const char* words;
  } table[] = {{Code::entry_not_found, 404, 404, "Secret 'db' not found"},
               {Code::tenant_not_found, 404, 404, "not found"},
               {Code::write_only, 403, 403, "readable=False"},
               {Code::read_only, 403, 403, "writable=False"},
               {Code::entry_exists, 409, 409, "already exists. Use PUT"},
               {Code::permission_denied, 403, 400, "Not authorized"},
               {Code::unauthenticated, 401, 400, "Authentication failed"},
               {Error(Code::too_large, "payload: large"), 400, 400, "[\"payload: large\"]"},
               {Code::overloaded, 429, 429, "overloaded"},
               {Code::unavailable, 503, 503, "retry"},
               {Code::data_loss, 500, 500, "Unexpected."}};
  for (const bool upstream : {false, true}) {
    settings.tapis_auth_400 = upstream;
    door.reset();
    for (const auto& row : table) {
      gateway.reply = row.error;
      run("GET", "/{secret_id}/value");
      EXPECT_EQ(status, upstream ? row.upstream : row.status) << row.words;
      EXPECT_THAT(message, HasSubstr(row.words));
    }
  }
}

TEST_F(TapisDoorTest, WhatWasDestroyedIsGone) {
  entry.entry.versions[0].state = model::State::destroyed;
  gateway.answer(entry);
  run("GET", kOne);
  EXPECT_EQ(status, 404);
  gateway.answer(model::BatchGetReply{{entry, Error(Code::entry_not_found)}});
  run("GET", "/{secret_id}/permissions");
  EXPECT_EQ(status, 404);
  run("DELETE", kOne);
  EXPECT_TRUE(gateway.operation<model::Destroy>().must_exist);
}

TEST_F(TapisDoorTest, BodiesAreReadWholeAndEveryProblemIsNamed) {
  run("POST", "", R"({"secret_value":7,"readable":"maybe","foo":1})");
  EXPECT_EQ(status, 400);
  for (const char* words : {"body, secret_id: Field required", "body, secret_value: Input should be a valid string",
                            "body, readable: Input should be a valid boolean", "body, foo: Extra inputs"}) {
    EXPECT_THAT(message, HasSubstr(words));
  }
  run("POST", "", R"({"secret_id":"a b","secret_value":"v","scope":"pod","description":"\u00e9"})");
  for (const char* words : {"secret_id: Value error", "pod_id: Value error", "description: Value error"}) {
    EXPECT_THAT(message, HasSubstr(words));
  }
  caller.headers["content-type"] = "text/plain";
  run("POST", "", R"({"secret_id":"a","secret_value":"v"})");
  EXPECT_THAT(message, HasSubstr("Content-Type"));
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(TapisDoorTest, PermissionsAreShownToWhomMayReadTheValueWithoutReadingIt) {
  const auto ask = [&](Code describe, Code use) {
    model::Result<model::EntryReply> described(entry);
    if (describe != Code::ok) described = Error(describe);
    gateway.answer(model::BatchGetReply{{described, Error(use)}});
    const auto shown = run("GET", "/{secret_id}/permissions");
    const auto batch = gateway.operation<model::BatchGet>();
    EXPECT_EQ(batch.items.size(), 2u);
    EXPECT_FALSE(batch.items.at(0).with_payload);
    EXPECT_TRUE(batch.items.at(1).with_payload) << "that is the right which READ lacks";
    EXPECT_EQ(batch.items.at(1).version, ~std::uint64_t{0}) << "a version that never is";
    return shown;
  };
  EXPECT_EQ(boost::json::serialize(ask(Code::ok, Code::version_not_found).at("result")),
            R"({"permissions":["alice:ADMIN"]})");
  ask(Code::ok, Code::permission_denied);
  EXPECT_EQ(status, 403);
  ask(Code::permission_denied, Code::permission_denied);
  EXPECT_EQ(status, 403);
  ask(Code::entry_not_found, Code::entry_not_found);
  EXPECT_EQ(status, 404);
}

TEST_F(TapisDoorTest, PermissionsNameUsersAndNoPatterns) {
  entry.entry.permissions = {
      {"role:ops", model::Level::read}, {"service:ci", model::Level::user}, {"user:bob", model::Level::admin}};
  gateway.answer(entry);
  const auto shown = run("POST", "/{secret_id}/permissions", R"({"user":"bob","level":"ADMIN"})");
  EXPECT_EQ(boost::json::serialize(shown.at("result")),
            R"({"permissions":["alice:ADMIN","role:ops:READ","service:ci:USER","bob:ADMIN"]})");
  EXPECT_EQ(gateway.operation<model::SetPermission>().subject, "user:bob");
  for (const char* bad : {"*", "b*", "", "a:b", "service:*", "role:x", "x\ty"}) {
    user = bad;
    run("DELETE", "/{secret_id}/permissions/{user}");
    EXPECT_EQ(status, 400) << bad;
    EXPECT_TRUE(gateway.requests.empty());
  }
  user = "service:ci";
  run("DELETE", "/{secret_id}/permissions/{user}");
  EXPECT_EQ(gateway.operation<model::SetPermission>().subject, "service:ci");
  EXPECT_FALSE(gateway.operation<model::SetPermission>().level.has_value());
}

TEST_F(TapisDoorTest, HeadersOfUsersAndServices) {
  const auto expect = [&](int wanted, const char* tenant, const char* as) {
    caller.headers["x-tapis-tenant"] = tenant;
    caller.headers["x-tapis-user"] = as;
    run("GET", kOne);
    EXPECT_EQ(status, wanted) << tenant << " " << as << " " << message;
    EXPECT_EQ(gateway.requests.size(), wanted == 200 ? 1u : 0u);
  };
  expect(200, "", "");
  expect(401, "tacc", "");
  expect(401, "", "alice");
  present(
      R"({"tapis/tenant_id":"tacc","tapis/username":"pods","tapis/account_type":"service","tapis/target_site":"s1"})");
  expect(401, "", "");
  expect(401, "tacc", "");
  expect(401, "", "alice");
  expect(403, "other", "alice");
  expect(200, "tacc", "alice");
  settings.tapis_site = "s1";
  door.reset();
  expect(200, "tacc", "alice");
  settings.tapis_site = "s2";
  door.reset();
  expect(401, "tacc", "alice");
  present(R"({"sub":"alice"})");
  expect(401, "", "");
  expect(200, "tacc", "");
  EXPECT_EQ(gateway.request().tenant.door.external_id, "tacc");
  caller.headers["x-tapis-token"] = "operator-token";
  expect(403, "tacc", "");
  caller.headers.erase("x-tapis-token");
  expect(401, "tacc", "");
}

TEST_F(TapisDoorTest, AnAdministratorsListSaysWhatIsHis) {
  gateway.answer(model::ListReply{{entry}, false});
  run("GET", "");
  EXPECT_FALSE(gateway.request().info.as_admin);
  caller.headers["x-pods-admin"] = "true";
  const auto shown = run("GET", "");
  EXPECT_TRUE(gateway.request().info.as_admin);
  EXPECT_EQ(boost::json::serialize(shown.at("metadata").at("admin_context").at("user_accessible_ids")), "[]");
}

TEST_F(TapisDoorTest, APodsSecretsAreDestroyedByOneWriteAndOnlyTheCallersOwn) {
  gateway.principals[caller.headers["x-tapis-token"]] = "user:alice";
  model::EntryReply other = entry, second = entry;
  other.entry.name = "of-bob";
  other.entry.owner = "user:bob";
  second.entry.name = "db2";
  gateway.answer(model::ListReply{{entry, other, second}, false});
  parameters = {{"pod_id", "web"}};
  caller.headers["x-request-id"] = "r1";
  const auto shown = run("DELETE", "");
  EXPECT_EQ(status, 200) << message;
  EXPECT_EQ(boost::json::serialize(shown.at("result")), R"(["db","db2"])");
  ASSERT_EQ(gateway.requests.size(), 2u);
  const auto asked = [&](std::size_t i) { return std::get<model::TenantOperation>(gateway.requests[i].operation); };
  EXPECT_EQ(std::get<model::List>(asked(0)).attribute, (std::pair<std::string, std::string>("pod_id", "web")));
  const auto destroyed = std::get<model::Transact>(asked(1)).operations;
  ASSERT_EQ(destroyed.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& one = std::get<model::Destroy>(destroyed[i]);
    EXPECT_EQ(one.name, i == 0 ? "db" : "db2");
    EXPECT_EQ(one.only_if_attribute, (std::pair<std::string, std::string>("pod_id", "web")))
        << "what left the pod meanwhile stays";
  }
  for (const auto& request : gateway.requests) {
    EXPECT_EQ(request.tenant.door.external_id, "tacc");
    EXPECT_EQ(request.info.request_id, "");
  }
  caller.headers["x-pods-admin"] = "true";
  EXPECT_EQ(run("DELETE", "").at("result").as_array().size(), 3u);
  for (const auto& bad : {std::pair("pod_id", ""), std::pair("pod", "web")}) {
    parameters = {bad};
    run("DELETE", "");
    EXPECT_EQ(status, 400);
    EXPECT_TRUE(gateway.requests.empty());
  }
  parameters = {{"pod_id", "web"}};
  gateway.reply = Code::unavailable;
  run("DELETE", "");
  EXPECT_EQ(status, 503);
}

// ---- render

class TapisRenderTest : public TapisDoorTest {
 protected:
  static constexpr const char* kBody =
      R"({"secret_map":{"PW":"${secret:db}","N":"x"},"environment_variables":{"URL":"u:${pods:secrets:PW}","COUNT":3},)"
      R"("volume_mounts":{"/etc/a":{"config_content":"${pods:secrets:N}"}},"mode":")";
  std::string body(const char* mode) { return std::string(kBody) + mode + "\"}"; }
  void answers(std::vector<model::Result<model::EntryReply>> results) {
    gateway.answer(model::BatchGetReply{std::move(results)});
  }
  model::EntryReply with_value() {
    model::EntryReply reply = entry;
    reply.payload = model::Payload::of_text("s3cret");
    return reply;
  }
  /// A FakeGateway keeps the credential as it was presented; a real one says who it is.
  void as(const std::string& principal, const std::string& claims) {
    present(claims);
    gateway.principals[caller.headers["x-tapis-token"]] = principal;
  }
};

TEST_F(TapisRenderTest, DisplayLooksAtEachSecretAndHidesWhatMayNotBeRead) {
  as("user:alice", R"({"tapis/tenant_id":"tacc","tapis/username":"alice","tapis/account_type":"user"})");
  answers({entry, with_value()});
  auto shown = run("POST", "/render", body("display"));
  ASSERT_EQ(status, 200) << message;
  const auto batch = gateway.operation<model::BatchGet>();
  ASSERT_EQ(batch.items.size(), 2u);
  EXPECT_FALSE(batch.items[0].with_payload || batch.items[0].inject || batch.items[1].inject);
  EXPECT_EQ(batch.acting_for, "") << "the shard knows who calls";
  ASSERT_EQ(batch.notes.size(), 1u);
  EXPECT_EQ(batch.notes[0].item, 2u) << "the one that reads";
  EXPECT_EQ(batch.notes[0].details, "env_var=PW");
  EXPECT_EQ(boost::json::serialize(shown.at("result")),
            R"({"secret_map":{"PW":"${secret:db}","N":"x"},"environment_variables":{"URL":"u:s3cret","COUNT":3},)"
            R"("volume_mounts":{"/etc/a":{"config_content":"x"}}})");
  EXPECT_EQ(shown.at("metadata").at("secrets_resolved"), true);
  answers({entry, Error(Code::write_only)});
  shown = run("POST", "/render", body("display"));
  EXPECT_EQ(shown.at("result").at("environment_variables").at("URL"), "u:<<write-only>>");
}

TEST_F(TapisRenderTest, InjectAsksForTheCapabilityAndFailsWithoutIt) {
  as("service:pods", R"({"tapis/tenant_id":"tacc","tapis/username":"pods","tapis/account_type":"service"})");
  caller.headers["x-tapis-tenant"] = "tacc";
  caller.headers["x-tapis-user"] = "alice";
  answers({with_value()});
  const auto shown = run("POST", "/render", body("inject"));
  ASSERT_EQ(status, 200) << message;
  ASSERT_EQ(gateway.operation<model::BatchGet>().items.size(), 1u);
  EXPECT_TRUE(gateway.operation<model::BatchGet>().items[0].inject);
  EXPECT_EQ(shown.at("result").at("environment_variables").at("URL"), "u:s3cret");
  answers({Error(Code::permission_denied)});
  run("POST", "/render", body("inject"));
  EXPECT_EQ(status, 403);
  EXPECT_THAT(message, testing::Not(HasSubstr("s3cret")));
}

TEST_F(TapisRenderTest, OnlyTheActingUsersSecretsAreResolved) {
  as("user:bob", R"({"tapis/tenant_id":"tacc","tapis/username":"bob","tapis/account_type":"user"})");
  answers({entry, with_value()});  // a shard of an older node
  EXPECT_THAT(boost::json::serialize(run("POST", "/render", body("display"))), HasSubstr("is not owned by 'bob'"));
  answers({Error(Code::not_owned), Error(Code::not_owned)});
  auto shown = run("POST", "/render", body("display"));
  EXPECT_EQ(status, 200);
  EXPECT_THAT(boost::json::serialize(shown.at("metadata").at("errors")), HasSubstr("is not owned by 'bob'"));
  EXPECT_EQ(shown.at("result").at("environment_variables").at("URL"), "u:${pods:secrets:PW}");
  EXPECT_EQ(shown.at("metadata").at("unresolved_patterns").at("secret_map_unresolved").at(0).at("key"), "PW");
  std::string strict = body("display");
  strict.replace(strict.size() - 1, 1, ",\"strict\":true}");
  run("POST", "/render", strict);
  EXPECT_EQ(status, 400);
  EXPECT_THAT(message, HasSubstr("Failed to resolve secrets: secret_map.PW"));
}

TEST_F(TapisRenderTest, TheShardIsToldWhatEachTokenIsAndWhatIsWrongAlready) {
  as("service:pods", R"({"tapis/tenant_id":"tacc","tapis/username":"pods","tapis/account_type":"service"})");
  caller.headers["x-tapis-tenant"] = "tacc";
  caller.headers["x-tapis-user"] = "alice";
  gateway.reply = Code::permission_denied;
  run("POST", "/render",
      R"({"secret_map":{"A":"${secret:db}","B":"${secret:bob:db}","C":"x ${secret:eve:k}","D":"${:?why}","E":"${secret:db}"},)"
      R"("environment_variables":{"F =\n":"${pods:secrets:none}"},"pod_id":"web","mode":"inject"})");
  const auto batch = gateway.operation<model::BatchGet>();
  EXPECT_EQ(batch.acting_for, "alice");
  ASSERT_EQ(batch.items.size(), 1u) << "one secret, however often";
  std::string told;
  for (const model::RenderNote& note : batch.notes) {
    told += std::to_string(note.item) + (note.invalid ? "!" : "") + note.owner + " " + note.details + "\n";
  }
  EXPECT_EQ(told,
            "1 env_var=A pod_id=web\n"
            "1bob env_var=B pod_id=web\n"
            "1 env_var=E pod_id=web\n"
            "0 env_var=D reason=required_placeholder pod_id=web\n"
            "0 env_var=F??? reason=secret_map_reference pod_id=web\n"
            "0!eve env_var=C pod_id=web\n");
}

TEST_F(TapisRenderTest, ABadMapIsNotedByTheShardBeforeItIsRefused) {
  present(R"({"tapis/tenant_id":"tacc","tapis/username":"alice","tapis/account_type":"user"})");
  answers({});
  run("POST", "/render", R"({"secret_map":{"a b":"${secret:db}","N":1}})");
  EXPECT_EQ(status, 400);
  EXPECT_THAT(message, HasSubstr("a key must be alphanumeric"));
  const auto batch = gateway.operation<model::BatchGet>();
  EXPECT_TRUE(batch.items.empty()) << "nothing of it is read";
  ASSERT_EQ(batch.notes.size(), 2u);
  EXPECT_TRUE(batch.notes[0].invalid && batch.notes[1].invalid);
  EXPECT_EQ(batch.notes[0].details, "env_var=a?b reason=bad_key");
  EXPECT_EQ(batch.notes[1].details, "env_var=N reason=not_a_string");
  gateway.reply = Code::unauthenticated;
  run("POST", "/render", R"({"secret_map":{"a b":"x"}})");
  EXPECT_EQ(status, 401) << "who is nobody learns nothing";
}

TEST_F(TapisRenderTest, BadRequestsAreRefusedBeforeAnythingIsAsked) {
  for (const char* bad :
       {R"({"secret_map":[]})", R"({"mode":"x"})", R"({"foo":1})", R"({"strict":"yes"})",
        R"({"volume_mounts":{"a":1}})", R"({"volume_mounts":{"a":{"config_content":1}}})", R"({"networking":{"a":1}})",
        R"({"networking":{"a":{"url":1}}})", R"({"networking":{"a":{"port":1.5}}})",
        R"({"networking":{"a":{"port":[]}}})", R"({"networking":{"a":{"protocol":true}}})", R"({"stack_secrets":[]})",
        R"({"stack_secrets":{"K":1}})", R"({"stack_secrets":{"K":null}})"}) {
    run("POST", "/render", bad);
    EXPECT_EQ(status, 400) << bad;
    EXPECT_TRUE(gateway.requests.empty()) << bad;
  }
}

}  // namespace
}  // namespace coffer::net

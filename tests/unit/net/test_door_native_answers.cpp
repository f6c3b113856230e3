// The native door: who may ask, what it answers, and its errors in the words of both transports.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/net/native_door_fixture.hpp"

namespace coffer::net {
namespace {

using model::Category;
using model::Code;
using model::Error;

TEST_F(NativeDoorTest, MetadataShowsTheEntryAndTheStateOfTheVersion) {
  gateway.answer(entry());
  const auto out = run<v1::Metadata>("Describe", of<v1::DescribeRequest>()).out;
  EXPECT_FALSE(gateway.operation<model::Get>().with_payload);
  EXPECT_EQ(out.name(), "app/db");
  EXPECT_EQ(out.space(), "kv");
  EXPECT_EQ(out.version(), 3u);
  EXPECT_EQ(out.state(), "active");
  EXPECT_EQ(out.tags().at("env"), "prod");
  EXPECT_EQ(out.description(), "d");
  EXPECT_EQ(out.expires_at().seconds(), 4'000'000'000);
  EXPECT_EQ(out.created_at().seconds(), 1);
  EXPECT_EQ(out.updated_at().nanos(), 345'000'000);
  EXPECT_EQ(out.created_by(), "token:1");
  EXPECT_EQ(out.max_versions(), 5u);
  model::EntryReply old = entry();
  old.version = 2;
  old.entry.expires_at = 0;
  gateway.answer(old);
  const auto deleted = run<v1::Metadata>("Describe", of<v1::DescribeRequest>()).out;
  EXPECT_EQ(deleted.state(), "deleted");
  EXPECT_FALSE(deleted.has_expires_at());
}

TEST_F(NativeDoorTest, GetAnswersThePayloadInTheFieldItWasPutIn) {
  const auto in = of<v1::GetRequest>();
  gateway.answer(entry(model::Payload::of_text("täxt")));
  auto out = run<v1::Secret>("Get", in).out;
  EXPECT_EQ(out.value(), "täxt");
  EXPECT_FALSE(out.has_value_base64());
  EXPECT_EQ(out.version(), 3u);
  gateway.answer(entry(model::Payload::of_bytes(std::string_view("\0\xff", 2))));
  out = run<v1::Secret>("Get", in).out;
  EXPECT_EQ(out.value_base64(), std::string("\0\xff", 2));
  EXPECT_FALSE(out.has_value());
  model::Payload map{model::PayloadKind::map, {}, {}};
  map.map.emplace_back("k", model::Secret("v"));
  gateway.answer(entry(std::move(map)));
  out = run<v1::Secret>("Get", in).out;
  EXPECT_EQ(out.data().at("k"), "v");
  EXPECT_FALSE(out.has_value() || out.has_value_base64());
  gateway.answer(entry(model::Payload{model::PayloadKind::json, model::Secret("{\"a\":1}"), {}}));
  EXPECT_EQ(run<v1::Secret>("Get", in).out.value(), "{\"a\":1}");
}

TEST_F(NativeDoorTest, GetOverHttpAnswersAnEtagAnd304WhenItMatches) {
  caller.over = Transport::http;
  gateway.answer(entry(model::Payload::of_text("v")));
  const auto in = of<v1::GetRequest>();
  auto outcome = run<v1::Secret>("Get", in);
  const std::string tag = outcome.headers["etag"];
  ASSERT_THAT(tag, ::testing::MatchesRegex("\"3-[0-9a-f]+\""));
  EXPECT_EQ(outcome.headers["cache-control"], "no-store");
  EXPECT_EQ(outcome.http_status, 200);
  for (const std::string& header : {tag, "W/" + tag, "\"x\" , " + tag, std::string("*")}) {
    caller.headers["if-none-match"] = header;
    outcome = run<v1::Secret>("Get", in);
    EXPECT_EQ(outcome.http_status, 304) << header;
    EXPECT_EQ(outcome.headers["etag"], tag);
    EXPECT_EQ(outcome.out.SerializeAsString(), "") << "no secret goes out with a 304";
  }
  for (const std::string& header :
       {"\"2" + tag.substr(2), std::string("\"3-2346\""), tag.substr(1, tag.size() - 2), std::string()}) {
    caller.headers["if-none-match"] = header;
    EXPECT_EQ(run<v1::Secret>("Get", in).http_status, 200) << header;
  }
  caller.over = Transport::grpc;
  caller.headers["if-none-match"] = "*";
  EXPECT_EQ(run<v1::Secret>("Get", in).out.value(), "v");
}

TEST_F(NativeDoorTest, TheEtagIsThatOfTheMetadataAndTellsNothingOfTheValue) {
  caller.over = Transport::http;
  const auto tag_of = [&](const model::EntryReply& reply) {
    gateway.requests.clear();
    gateway.answer(reply);
    return run<v1::Secret>("Get", of<v1::GetRequest>()).headers["etag"];
  };
  const model::EntryReply before = entry(model::Payload::of_text("v"));
  EXPECT_EQ(tag_of(entry(model::Payload::of_text("w"))), tag_of(before));
  std::set<std::string> tags{tag_of(before)};
  std::size_t changes = 0;
  const auto expect_another = [&](auto change) {
    model::EntryReply after = before;
    change(after.entry);
    EXPECT_TRUE(tags.insert(tag_of(after)).second) << "change " << changes;
    ++changes;
  };
  expect_another([](model::Entry& e) { e.description = "other"; });
  expect_another([](model::Entry& e) { e.tags["env"] = "test"; });
  expect_another([](model::Entry& e) { e.tags = {{"envp", "rod"}}; });
  expect_another([](model::Entry& e) { e.tags.clear(); });
  expect_another([](model::Entry& e) { e.expires_at = 0; });
  expect_another([](model::Entry& e) { e.max_versions = 6; });
  expect_another([](model::Entry& e) { e.updated_at = 2346; });
  expect_another([](model::Entry& e) { e.created_at = 1001; });
  expect_another([](model::Entry& e) { e.created_by = "token:2"; });
  expect_another([](model::Entry& e) { e.versions.back().state = model::State::deleted; });
}

TEST_F(NativeDoorTest, BatchGetAnswersEachItemInOrder) {
  v1::BatchGetRequest in;
  in.add_secrets()->set_name("a");
  in.mutable_secrets(0)->set_space("kv");
  in.mutable_secrets(0)->set_version(2);
  in.add_secrets()->set_name("b");
  in.mutable_secrets(1)->set_space("kv");
  model::BatchGetReply reply;
  reply.results.emplace_back(Error(Code::entry_not_found, "no such secret"));
  reply.results.emplace_back(entry(model::Payload::of_text("v")));
  gateway.answer(reply);
  const auto outcome = run<v1::BatchGetResponse>("BatchGet", in);
  ASSERT_TRUE(outcome.ok());
  const auto batch = gateway.operation<model::BatchGet>();
  ASSERT_EQ(batch.items.size(), 2u);
  EXPECT_EQ(batch.items[0].version, 2u);
  EXPECT_TRUE(batch.items[0].with_payload);
  ASSERT_EQ(outcome.out.results_size(), 2);
  EXPECT_EQ(outcome.out.results(0).name(), "a");
  EXPECT_EQ(outcome.out.results(0).error().code(), "NOT_FOUND");
  EXPECT_EQ(outcome.out.results(0).error().message(), "no such secret");
  EXPECT_FALSE(outcome.out.results(0).has_secret());
  EXPECT_EQ(outcome.out.results(1).secret().value(), "v");
  EXPECT_FALSE(outcome.out.results(1).has_error());

  for (int i = in.secrets_size(); i < 1001; ++i) in.add_secrets();
  EXPECT_EQ(run<v1::BatchGetResponse>("BatchGet", in).message(), "secrets has 1001 items: at most 1000");
}

TEST_F(NativeDoorTest, OnlyWritesMakeATenantAndOnlyInDev) {
  auto put = of<v1::PutRequest>();
  put.set_value("v");
  gateway.answer(entry());
  run<v1::Metadata>("Put", put);
  EXPECT_FALSE(gateway.request().tenant.create_at_first_use);
  dev = true;
  gateway.requests.clear();
  run<v1::Metadata>("Put", put);
  EXPECT_TRUE(gateway.request().tenant.create_at_first_use);
  gateway.requests.clear();
  run<v1::Secret>("Get", of<v1::GetRequest>());
  EXPECT_FALSE(gateway.request().tenant.create_at_first_use);
}

TEST_F(NativeDoorTest, RefusesWhoHasNoTokenOrAnOperators) {
  const auto in = of<v1::GetRequest>();
  caller.headers.clear();
  caller.loopback = true;
  dev = true;
  auto outcome = run<v1::Secret>("Get", in);
  ASSERT_EQ(outcome.code(), Category::unauthenticated);
  EXPECT_EQ(outcome.failure->http_status, 401);
  EXPECT_EQ(outcome.failure->http_headers,
            (std::vector<std::pair<std::string, std::string>>{{"www-authenticate", "Bearer realm=\"coffer\""}}));
  caller.headers["x-coffer-token"] = "operator-token";
  EXPECT_EQ(run<v1::Secret>("Get", in).code(), Category::permission_denied);
  EXPECT_TRUE(gateway.requests.empty());
  gateway.answer(entry(model::Payload::of_text("v")));
  caller.headers["x-coffer-token"] = "root-token";
  EXPECT_TRUE(run<v1::Secret>("Get", in).ok());
  EXPECT_EQ(gateway.request().credential.kind, model::CredentialKind::dev_root);
}

TEST_F(NativeDoorTest, RefusesTenantNamesThatCannotBe) {
  auto in = of<v1::GetRequest>();
  for (const char* tenant : {"Upper", "a/b", "-x", "."}) {
    in.set_tenant(tenant);
    EXPECT_EQ(run<v1::Secret>("Get", in).code(), Category::invalid_argument) << tenant;
  }
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(NativeDoorTest, ErrorsAreJsonWithCodeMessageAndRequestId) {
  auto put = of<v1::PutRequest>();
  put.set_value("v");
  put.set_request_id("r-1");
  gateway.reply = Error(Code::cas_mismatch, "expected version 3, current version is \"5\"");
  auto outcome = run<v1::Metadata>("Put", put);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.code(), Category::aborted);
  EXPECT_EQ(outcome.failure->http_status, 409);
  EXPECT_EQ(outcome.failure->http_content_type, "application/json");
  EXPECT_EQ(
      outcome.failure->http_body,
      R"({"error":{"code":"ABORTED","message":"expected version 3, current version is \"5\"","request_id":"r-1"}})");
  EXPECT_TRUE(outcome.failure->http_headers.empty());
  caller.headers["x-request-id"] = "trace-1";
  gateway.reply = Code::entry_not_found;
  outcome = run<v1::Metadata>("Describe", of<v1::DescribeRequest>());
  EXPECT_EQ(outcome.failure->http_status, 404);
  EXPECT_EQ(outcome.failure->http_body,
            R"({"error":{"code":"NOT_FOUND","message":"There is no such secret.","request_id":"trace-1"}})");
}

TEST_F(NativeDoorTest, SaysRetryAfterWhereWaitingHelps) {
  using Headers = std::vector<std::pair<std::string, std::string>>;
  for (const Code code : {Code::unavailable, Code::outcome_unknown, Code::overloaded}) {
    gateway.reply = code;
    const auto outcome = run<v1::Secret>("Get", of<v1::GetRequest>());
    EXPECT_EQ(outcome.failure->http_headers, (Headers{{"retry-after", "1"}}));
  }
  gateway.reply = Error(Code::quota_exceeded, "reads_per_second", 7);
  EXPECT_EQ(run<v1::Secret>("Get", of<v1::GetRequest>()).failure->http_headers, (Headers{{"retry-after", "7"}}));
  for (const Code code : {Code::too_large, Code::quota_exceeded}) {  // a tenant that is full stays full
    gateway.reply = code;
    EXPECT_TRUE(run<v1::Secret>("Get", of<v1::GetRequest>()).failure->http_headers.empty());
  }
}

TEST_F(NativeDoorTest, UnknownPathsGetTheSameErrorShape) {
  const auto door = make_native_door({}, gateway);
  EXPECT_EQ(door->path_prefixes(), std::vector<std::string>{"/v1/"});
  const WireStatus status = door->unknown_path(caller, "id\xff");
  EXPECT_EQ(status.http_status, 404);
  EXPECT_EQ(status.http_body,
            R"({"error":{"code":"NOT_FOUND","message":"there is nothing at this path","request_id":""}})");
}

}  // namespace
}  // namespace coffer::net

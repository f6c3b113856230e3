// The Dapr door over gRPC: the statuses, texts and details of its contract.

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/unit/net/dapr_door_fixture.hpp"

namespace coffer::net {
namespace {

using model::Category;
using model::Code;
using model::Error;

class DaprGrpc : public DaprDoorTest {};

TEST_F(DaprGrpc, GetAnswersTheMapAndReadsAVersion) {
  gateway.answer(entry("db", model::Payload::of_text("v")));
  const auto outcome = rpc_get("single", "db", "4");
  ASSERT_TRUE(outcome.ok()) << outcome.message();
  ASSERT_EQ(outcome.out.data_size(), 1);
  EXPECT_EQ(outcome.out.data().at("db"), "v");
  EXPECT_EQ(gateway.operation<model::Get>().version, 4u);
  EXPECT_EQ(gateway.request().tenant.name, "acme");
}

TEST_F(DaprGrpc, AMissingSecretIsAnEmptyAnswerByDefaultAndInternalInTheRuntime) {
  for (const Code code : {Code::entry_not_found, Code::version_not_found, Code::not_active}) {
    gateway.reply = code;
    const auto outcome = rpc_get("single", "db");
    ASSERT_TRUE(outcome.ok()) << outcome.message();
    EXPECT_EQ(outcome.out.SerializeAsString(), "");
  }
  EXPECT_TRUE(rpc_get("single", "db", "99999999999999999999").ok());
  settings.dapr_runtime_statuses = true;
  remake();
  const auto outcome = rpc_get("single", "db");
  EXPECT_EQ(outcome.code(), Category::internal);
  EXPECT_EQ(outcome.message(), "failed getting secret with key db from secret store single: secret db not found");
}

TEST_F(DaprGrpc, FailuresHaveTheContractsCodesAndTexts) {
  const struct {
    Error error;
    Category code;
    std::string text;
  } table[] = {
      {Code::tenant_not_found, Category::invalid_argument, "failed finding secret store with key single"},
      {Code::permission_denied, Category::permission_denied, "access denied by policy to get \"db\" from \"single\""},
      {Error(Code::unavailable, "retry"), Category::internal,
       "failed getting secret with key db from secret store single: retry"},
      {Error(Code::invalid_argument, "name: bad"), Category::invalid_argument,
       "failed getting secret with key db from secret store single: name: bad"},
  };
  for (const auto& row : table) {
    gateway.reply = row.error;
    const auto outcome = rpc_get("single", "db");
    EXPECT_EQ(outcome.code(), row.code);
    EXPECT_EQ(outcome.message(), row.text);
  }
  EXPECT_EQ(rpc_get("nope", "db").message(), "failed finding secret store with key nope");
  EXPECT_EQ(rpc_get("closed", "db").message(), "access denied by policy to get \"db\" from \"closed\"");
  EXPECT_EQ(rpc_get("single", "db", "x").code(), Category::invalid_argument);
  EXPECT_EQ(rpc_bulk("nope").code(), Category::invalid_argument);
  settings.dapr_stores.clear();
  remake();
  EXPECT_EQ(rpc_get("", "").code(), Category::failed_precondition);
  EXPECT_EQ(rpc_bulk("nope").message(), "secret store is not configured");
}

TEST_F(DaprGrpc, BulkFiltersByScope) {
  model::ListReply reply;
  for (const char* name : {"s1", "s2"}) reply.entries.push_back(entry(name, model::Payload::of_text("v")));
  gateway.answer(reply);
  auto outcome = rpc_bulk("single");
  ASSERT_EQ(outcome.out.data_size(), 2);
  EXPECT_EQ(outcome.out.data().at("s2").secrets().at("s2"), "v");
  outcome = rpc_bulk("closed");
  ASSERT_EQ(outcome.out.data_size(), 1);
  EXPECT_TRUE(outcome.out.data().contains("s1"));
}

TEST_F(DaprGrpc, AWrongOrMissingTokenIsUnauthenticatedWithErrorInfo) {
  const std::pair<const char*, const char*> table[] = {{"", "missing api token in request metadata"},
                                                       {"forged", "authentication error: api token mismatch"}};
  for (const auto& [token, reason] : table) {
    caller.headers["dapr-api-token"] = token;
    const auto outcome = rpc_get("single", "db");
    ASSERT_EQ(outcome.code(), Category::unauthenticated);
    EXPECT_EQ(outcome.message(), "Unauthorized");
    google::rpc::Status details;
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(details.ParseFromString(outcome.failure->grpc_details));
    EXPECT_EQ(details.code(), 16);
    EXPECT_EQ(details.message(), "Unauthorized");
    ASSERT_EQ(details.details_size(), 1);
    ASSERT_TRUE(details.details(0).UnpackTo(&info));
    EXPECT_EQ(info.reason(), "Unauthorized");
    EXPECT_EQ(info.domain(), "dapr.io");
    EXPECT_EQ(info.metadata().at("http.code"), "401");
    EXPECT_EQ(info.metadata().at("http.error_message"), reason);
    EXPECT_EQ(rpc_bulk("single").code(), Category::unauthenticated);
    EXPECT_EQ((call<::dapr::proto::runtime::v1::GetMetadataResponse>(*door(), gateway, caller, "GetMetadata",
                                                                     ::dapr::proto::runtime::v1::GetMetadataRequest()))
                  .code(),
              Category::unauthenticated);
  }
  EXPECT_TRUE(gateway.requests.empty());
}

TEST_F(DaprGrpc, MetadataDescribesTheServer) {
  caller.headers["dapr-api-token"] = "root-token";
  const auto outcome = call<::dapr::proto::runtime::v1::GetMetadataResponse>(
      *door(), gateway, caller, "GetMetadata", ::dapr::proto::runtime::v1::GetMetadataRequest());
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome.out.id(), "coffer");
  EXPECT_EQ(outcome.out.runtime_version(), "1.2.3");
  EXPECT_EQ(outcome.out.extended_metadata().at("daprRuntimeVersion"), "1.2.3");
  ASSERT_EQ(outcome.out.registered_components_size(), 3);
  EXPECT_EQ(outcome.out.registered_components(1).name(), "multi");
  EXPECT_EQ(outcome.out.registered_components(1).capabilities(0), "MULTIPLE_KEY_VALUES_PER_SECRET");
  EXPECT_EQ(outcome.out.registered_components(0).capabilities_size(), 0);
}

}  // namespace
}  // namespace coffer::net

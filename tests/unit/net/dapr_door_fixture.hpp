#pragma once
// What the tests of the Dapr door share over both transports: its stores, and calls of its routes and methods.

#include "dapr/proto/runtime/v1/dapr.pb.h"
#include "net/dapr/door.hpp"
#include "tests/unit/net/fake_gateway.hpp"

namespace coffer::net {

class DaprDoorTest : public ::testing::Test {
 protected:
  DaprDoorTest() {
    caller.headers["dapr-api-token"] = "tenant-token";
    settings.version = "1.2.3";
    settings.dapr_stores = {
        {"single", "acme", "kv"}, {"multi", "acme", "kv", true}, {"closed", "acme", "kv", false, true, {"s1"}}};
    gateway.node.ready = true;
  }

  /// GET /v1.0/secrets/{store}/{key}
  FakeExchange get(const std::string& store, const std::string& key,
                   std::vector<std::pair<std::string, std::string>> query = {}, std::string body = {}) {
    FakeExchange exchange(caller);
    exchange.variables = {{"store", store}, {"key", key}};
    exchange.parameters = std::move(query);
    exchange.content = std::move(body);
    drive(*door(), gateway, "GET", "/v1.0/secrets/{store}/{key}", exchange);
    return exchange;
  }
  FakeExchange bulk(const std::string& store) {
    FakeExchange exchange(caller);
    exchange.variables = {{"store", store}};
    drive(*door(), gateway, "GET", "/v1.0/secrets/{store}/bulk", exchange);
    return exchange;
  }
  FakeExchange plain(const std::string& path, std::vector<std::pair<std::string, std::string>> query = {}) {
    FakeExchange exchange(caller);
    exchange.parameters = std::move(query);
    drive(*door(), gateway, "GET", path, exchange);
    return exchange;
  }
  Outcome<::dapr::proto::runtime::v1::GetSecretResponse> rpc_get(const std::string& store, const std::string& key,
                                                                 const std::string& version = {}) {
    ::dapr::proto::runtime::v1::GetSecretRequest in;
    in.set_store_name(store);
    in.set_key(key);
    if (!version.empty()) (*in.mutable_metadata())["version_id"] = version;
    return call<::dapr::proto::runtime::v1::GetSecretResponse>(*door(), gateway, caller, "GetSecret", in);
  }
  Outcome<::dapr::proto::runtime::v1::GetBulkSecretResponse> rpc_bulk(const std::string& store) {
    ::dapr::proto::runtime::v1::GetBulkSecretRequest in;
    in.set_store_name(store);
    return call<::dapr::proto::runtime::v1::GetBulkSecretResponse>(*door(), gateway, caller, "GetBulkSecret", in);
  }
  /// The door keeps attributes, so it lives as long as the test once it was used.
  Door* door() {
    if (!door_) door_ = make_dapr_door(settings, gateway);
    return door_.get();
  }
  /// After a change of the settings.
  void remake() { door_.reset(); }

  static model::EntryReply entry(const std::string& name, model::Payload payload) {
    model::EntryReply reply;
    reply.entry.name = name;
    reply.payload = std::move(payload);
    return reply;
  }
  void expect(const FakeExchange& exchange, int status, const std::string& body,
              const std::string& type = "application/json") {
    EXPECT_EQ(exchange.status, status);
    EXPECT_EQ(exchange.answer_body, body);
    EXPECT_EQ(exchange.content_type, type);
  }

  FakeGateway gateway;
  FakeCaller caller;
  Doors settings;

 private:
  std::unique_ptr<Door> door_;
};

}  // namespace coffer::net

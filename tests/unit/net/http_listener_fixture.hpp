#pragma once
// A test with an HTTP listener of its own, over the fake gateway and the test door.

#include <functional>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "transport_support.hpp"

namespace coffer::net::test {

class HttpListener : public testing::Test {
 protected:
  void start(const std::function<void(Listener&)>& change = {}) {
    Listener listener = test_listener();
    if (change) change(listener);
    server = make_http_server(listener, {&door}, gateway, metrics);
    const auto status = server->start();
    ASSERT_TRUE(status.ok()) << status.error().message();
    ASSERT_NE(server->port(), 0);
  }
  Response once(std::string_view method, std::string_view target, std::string_view body = {},
                std::string_view headers = {}) {
    return HttpClient(server->port()).call(method, target, body, headers);
  }

  FakeGateway gateway;
  Metrics metrics{gateway};
  TestDoor door;
  std::unique_ptr<Server> server;
};

inline constexpr const char* kSecret = "/v1/tenants/t/spaces/s/secrets/";

}  // namespace coffer::net::test

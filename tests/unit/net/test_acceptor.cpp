// How many connections a gRPC listener takes, seen by bare sockets.

#include <gtest/gtest.h>

#include "transport_support.hpp"

namespace coffer::net::test {
namespace {

class GrpcConnections : public testing::Test {
 protected:
  void start(std::size_t limit) {
    listener.limits.connections = limit;
    server = make_grpc_server(listener, {&door}, gateway, metrics);
    ASSERT_TRUE(server->start().ok());
  }
  /// The server's SETTINGS come first on a connection that it takes (RFC 9113, 3.4).
  static bool is_taken(HttpClient& client) { return !client.is_closed(); }
  bool takes_another() {
    HttpClient client(server->port());
    return is_taken(client);
  }

  Listener listener = test_listener();
  FakeGateway gateway;
  TestDoor door;
  Metrics metrics{gateway};
  std::unique_ptr<Server> server;
};

TEST_F(GrpcConnections, are_bounded_and_new_ones_are_taken_when_old_ones_end) {
  start(5);
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(std::make_unique<HttpClient>(server->port()));
    ASSERT_TRUE(is_taken(*clients.back())) << i;
  }
  EXPECT_FALSE(takes_another());
  clients.pop_back();
  const auto end = std::chrono::steady_clock::now() + kPatience;
  bool taken = false;
  while (!taken && std::chrono::steady_clock::now() < end) taken = takes_another();
  EXPECT_TRUE(taken);
}

TEST_F(GrpcConnections, are_bounded_anew_by_a_reload) {
  start(2);
  HttpClient first(server->port());
  ASSERT_TRUE(is_taken(first));
  listener.limits.connections = 1;
  ASSERT_TRUE(server->reload(listener).ok());
  EXPECT_FALSE(takes_another());
}

TEST_F(GrpcConnections, are_taken_on_every_address_of_a_name) {
  listener.address = "localhost:0";
  start(5);
  EXPECT_TRUE(takes_another());
  const std::string port = std::to_string(server->port());
  for (const char* host : {"127.0.0.1:", "localhost:"}) {
    listener.address = host + port;
    const auto status = make_grpc_server(listener, {&door}, gateway, metrics)->start();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().message(), "cannot listen on " + listener.address + ": Address already in use");
  }
}

TEST_F(GrpcConnections, are_not_taken_on_a_name_of_which_another_has_an_address) {
  listener.address = "127.0.0.1:0";
  start(5);
  listener.address = "localhost:" + std::to_string(server->port());
  EXPECT_FALSE(make_grpc_server(listener, {&door}, gateway, metrics)->start().ok());
}

}  // namespace
}  // namespace coffer::net::test

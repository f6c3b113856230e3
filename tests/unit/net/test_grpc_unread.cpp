// An answer over gRPC that its client does not take: it must not hold a place among the calls in flight for ever.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "coffer/v1/secrets.grpc.pb.h"
#include "transport_support.hpp"

namespace coffer::net::test {
namespace {

/// HTTP/2 (RFC 9113) of a client that asks for an answer and opens no window for it.
std::string get_without_a_window() {
  const auto frame = [](char type, char flags, char stream, const std::string& payload) {
    std::string out{0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream};
    return out + payload;
  };
  std::string header;
  for (const auto& [name, value] : {std::pair<std::string, std::string>{":method", "POST"},
                                    {":scheme", "http"},
                                    {":path", "/coffer.v1.Secrets/Get"},
                                    {":authority", "x"},
                                    {"content-type", "application/grpc"},
                                    {"te", "trailers"}}) {
    header += '\0';  // a literal that is not indexed, RFC 7541 section 6.2.2
    header += static_cast<char>(name.size());
    header += name;
    header += static_cast<char>(value.size());
    header += value;
  }
  const std::string no_window{0, 4, 0, 0, 0, 0};  // SETTINGS_INITIAL_WINDOW_SIZE
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, no_window) + frame(1, 4, 1, header) +
         frame(0, 1, 1, std::string(5, '\0'));
}

TEST(GrpcUnread, LetsGoOfAnAnswerThatItsClientDoesNotTake) {
  FakeGateway gateway;
  Metrics metrics{gateway};
  TestDoor door;
  Listener listener = test_listener();
  listener.limits.calls_in_flight = 1;
  listener.limits.slow_reader = std::chrono::milliseconds(1500);
  const auto server = make_grpc_server(listener, {&door}, gateway, metrics);
  ASSERT_TRUE(server->start().ok());
  const auto channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()), grpc::InsecureChannelCredentials());
  const auto stub = coffer::v1::Secrets::NewStub(channel);
  const auto get = [&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    coffer::v1::GetRequest request;
    request.set_name("b");
    coffer::v1::Secret secret;
    return stub->Get(&context, request, &secret).error_code();
  };
  const auto wait_for = [&](grpc::StatusCode code) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < end) {
      if (get() == code) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  };
  ASSERT_TRUE(wait_for(grpc::StatusCode::OK));
  HttpClient hostile(server->port());
  ASSERT_TRUE(hostile.send(get_without_a_window()));
  EXPECT_TRUE(wait_for(grpc::StatusCode::RESOURCE_EXHAUSTED)) << "it holds the only place";
  EXPECT_TRUE(wait_for(grpc::StatusCode::OK)) << "not for ever";
}

}  // namespace
}  // namespace coffer::net::test

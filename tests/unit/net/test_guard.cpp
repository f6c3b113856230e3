// Addresses whose credentials do not hold: counted by source, refused before they are looked at, in memory that does not
// grow; and the same through both listeners.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <grpcpp/grpcpp.h>

#include "coffer/v1/secrets.grpc.pb.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "net/guard.hpp"
#include "transport_support.hpp"

namespace coffer::net {
namespace {

using model::Code;
using ::testing::HasSubstr;

constexpr std::uint64_t kSeed = 7;

model::IpAddress numbered(std::uint32_t n) {
  model::IpAddress address{};
  address[10] = address[11] = 0xff;
  for (int i = 0; i < 4; ++i) address[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  return address;
}

TEST(SourceTable, MakesASourceWaitAfterItsBurst) {
  SourceTable table(2, 3, kSeed);
  EXPECT_EQ(table.wait(numbered(1), 0), 0U);
  EXPECT_EQ(table.failed(numbered(1), 0), 0U);
  EXPECT_EQ(table.failed(numbered(1), 0), 0U);
  EXPECT_EQ(table.failed(numbered(1), 0), 500U);
  EXPECT_EQ(table.wait(numbered(1), 499), 1U);
  EXPECT_EQ(table.wait(numbered(1), 500), 0U);
  EXPECT_EQ(table.wait(numbered(2), 0), 0U) << "another source is not meant";
}

TEST(SourceTable, StaysAsLargeAsItIsUnder100000Sources) {
  SourceTable table(1, 2, kSeed);
  const std::size_t bytes = table.bytes();
  EXPECT_LT(bytes, 512U << 10);
  for (std::uint32_t n = 0; n < 100'000; ++n) table.failed(numbered(n), 0);
  EXPECT_EQ(table.bytes(), bytes);
  // The newest are known, the oldest forgotten, and nobody was refused for what others did.
  std::size_t refused = 0;
  for (std::uint32_t n = 0; n < 100'000; ++n) refused += table.wait(numbered(n), 0) != 0;
  EXPECT_EQ(refused, 0U);
}

TEST(SourceTable, ForgetsThoseThatFailedLeastBeforeTheWorst) {
  SourceTable table(1, 50, kSeed);
  for (int i = 0; i < 50; ++i) table.failed(numbered(1), 0);
  EXPECT_NE(table.wait(numbered(1), 0), 0U);
  for (std::uint32_t n = 2; n < 100'000; ++n) table.failed(numbered(n), 0);
  EXPECT_NE(table.wait(numbered(1), 0), 0U) << "a flood of others does not set it free";
}

Clock::time_point at(int ms) { return Clock::time_point(std::chrono::milliseconds(1'000'000 + ms)); }

TEST(SourceGuard, RefusesWithATimeToRetry) {
  SourceGuard guard({.failures_per_second = 1, .burst = 2, .spares_loopback = false});
  EXPECT_FALSE(guard.may_refuse());
  guard.failed("192.0.2.1:40", false, at(0));
  EXPECT_TRUE(guard.admit("192.0.2.1:41", false, at(0)).ok());
  guard.failed("192.0.2.1:42", false, at(0));
  EXPECT_TRUE(guard.may_refuse());
  const auto refused = guard.admit("192.0.2.1:43", false, at(0));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::quota_exceeded);
  EXPECT_EQ(refused.error().retry_after_s, 1U);
  EXPECT_EQ(guard.refused(), 1U);
  EXPECT_TRUE(guard.admit("192.0.2.2:43", false, at(0)).ok());
  EXPECT_TRUE(guard.admit("192.0.2.1:43", false, at(1000)).ok());
}

TEST(SourceGuard, TakesOtherLimitsWhileItIsUsed) {
  SourceGuard guard({.failures_per_second = 1, .burst = 1, .spares_loopback = false});
  const auto now = Clock::now();
  for (int i = 0; i < 3; ++i) guard.failed("10.0.0.1:1", false, now);
  EXPECT_FALSE(guard.admit("10.0.0.1:1", false, now).ok());
  guard.set({.failures_per_second = 1, .burst = 1, .spares_loopback = false});
  EXPECT_FALSE(guard.admit("10.0.0.1:1", false, now).ok()) << "a reload without a change forgives nothing";
  guard.set({.failures_per_second = 1, .burst = 3, .spares_loopback = false});
  EXPECT_TRUE(guard.admit("10.0.0.1:1", false, now).ok());
  for (int i = 0; i < 2; ++i) guard.failed("10.0.0.1:1", false, now);
  EXPECT_TRUE(guard.admit("10.0.0.1:1", false, now).ok());
  for (int i = 0; i < 3; ++i) guard.failed("10.0.0.1:1", false, now);
  EXPECT_FALSE(guard.admit("10.0.0.1:1", false, now).ok());
  guard.set({.failures_per_second = 0, .burst = 0, .spares_loopback = false});
  EXPECT_TRUE(guard.admit("10.0.0.1:1", false, now).ok());
}

TEST(SourceGuard, TakesAnIpv6NetworkForOneSource) {
  SourceGuard guard({.failures_per_second = 1, .burst = 1, .spares_loopback = false});
  guard.failed("[2001:db8:0:1::1]:1", false, at(0));
  EXPECT_FALSE(guard.admit("[2001:db8:0:1:ffff::9]:1", false, at(0)).ok());
  EXPECT_TRUE(guard.admit("[2001:db8:0:2::1]:1", false, at(0)).ok());
}

TEST(SourceGuard, SparesLoopbackWhenToldAndCanBeOff) {
  SourceGuard dev({.failures_per_second = 1, .burst = 1, .spares_loopback = true});
  SourceGuard off({.failures_per_second = 0, .burst = 0, .spares_loopback = false});
  for (SourceGuard* guard : {&dev, &off}) {
    for (int i = 0; i < 10; ++i) guard->failed("127.0.0.1:1", true, at(0));
    EXPECT_TRUE(guard->admit("127.0.0.1:1", true, at(0)).ok());
  }
  dev.failed("192.0.2.1:1", false, at(0));
  EXPECT_FALSE(dev.admit("192.0.2.1:1", false, at(0)).ok());
}

TEST(SourceGuard, KnowsThisMachineInEveryFormOfItsAddress) {
  for (const char* here : {"127.0.0.1:40", "127.9.9.9:40", "[::1]:40", "[::ffff:127.0.0.1]:40"}) {
    EXPECT_TRUE(is_loopback(here)) << here;
  }
  for (const char* far : {"192.0.2.1:40", "[::2]:40", "[2001:db8::1]:40", "[::ffff:192.0.2.1]:40", "unix:/x", ""}) {
    EXPECT_FALSE(is_loopback(far)) << far;
  }
}

/// A gateway that knows no credential, and listeners that share a guard of two failures.
class GuardedListeners : public ::testing::Test {
 protected:
  GuardedListeners() {
    gateway.answer = [](const model::Request&) -> model::Result<model::Reply> { return Code::unauthenticated; };
  }
  std::shared_ptr<SourceGuard> guard =
      std::make_shared<SourceGuard>(GuardSettings{.failures_per_second = 1, .burst = 2, .spares_loopback = false});
  test::FakeGateway gateway;
  Metrics metrics{gateway};
  test::TestDoor door;
};

TEST_F(GuardedListeners, HttpAnswers429WithRetryAfterAndStillServesProbes) {
  auto server = make_http_server(test::test_listener(), {&door}, gateway, metrics, guard);
  ASSERT_TRUE(server->start().ok());
  const auto get = [&](const char* path) { return test::HttpClient(server->port()).call("GET", path); };
  constexpr const char* kSecret = "/v1/tenants/t/spaces/s/secrets/a";
  int refused = 0;
  for (int i = 0; i < 30 && refused == 0; ++i) {
    const auto answer = get(kSecret);
    if (answer.status != 429) {
      EXPECT_EQ(answer.status, 401);
      continue;
    }
    ++refused;
    EXPECT_EQ(answer.headers.at("retry-after"), "1");
    EXPECT_THAT(answer.body, HasSubstr("QUOTA_EXCEEDED"));
    EXPECT_EQ(get("/t/store/key").status, 429) << "routes of a door as well";
    EXPECT_EQ(get("/healthz").status, 200);
    EXPECT_EQ(get("/metrics").status, 200);
  }
  EXPECT_EQ(refused, 1);
}

TEST_F(GuardedListeners, GrpcAnswersResourceExhaustedWithRetryInfo) {
  auto server = make_grpc_server(test::test_listener(), {&door}, gateway, metrics, nullptr, guard);
  ASSERT_TRUE(server->start().ok());
  auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()), grpc::InsecureChannelCredentials());
  const auto stub = coffer::v1::Secrets::NewStub(channel);
  const auto get = [&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + test::kPatience);
    coffer::v1::GetRequest request;
    request.set_tenant("t");
    request.set_space("s");
    request.set_name("a");
    coffer::v1::Secret secret;
    return stub->Get(&context, request, &secret);
  };
  grpc::Status status;
  for (int i = 0; i < 30 && status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED; ++i) {
    status = get();
    if (i < 2) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    }
  }
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
  ASSERT_EQ(details.details_size(), 1);
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(0).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
}

TEST_F(GuardedListeners, AFailureOfOneListenerCountsForTheOther) {
  auto http = make_http_server(test::test_listener(), {&door}, gateway, metrics, guard);
  ASSERT_TRUE(http->start().ok());
  for (int i = 0; i < 5; ++i) guard->failed("127.0.0.1:9", true, Clock::now());
  EXPECT_EQ(test::HttpClient(http->port()).call("GET", "/v1/tenants/t/spaces/s/secrets/a").status, 429);
}

}  // namespace
}  // namespace coffer::net

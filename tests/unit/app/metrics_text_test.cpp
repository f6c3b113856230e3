// What `coffer admin top` makes of two readings of /metrics, and which differences a reload cannot take over.

#include <gtest/gtest.h>

#include "app/cli/metrics_text.hpp"
#include "app/reload.hpp"

namespace coffer::app {
namespace {

constexpr const char* kBefore = R"(# HELP coffer_requests_total Calls answered, by door, method and status.
# TYPE coffer_requests_total counter
coffer_requests_total{door="native",method="Secrets/Get",status="OK"} 100
coffer_request_seconds_bucket{door="native",method="Secrets/Get",le="0.0001"} 100
coffer_request_seconds_bucket{door="native",method="Secrets/Get",le="0.001"} 100
coffer_request_seconds_bucket{door="native",method="Secrets/Get",le="+Inf"} 100
coffer_log_writes_total 5
)";
constexpr const char* kAfter = R"(coffer_requests_total{door="native",method="Secrets/Get",status="OK"} 190
coffer_requests_total{door="native",method="Secrets/Get",status="NOT_FOUND"} 10
coffer_requests_total{door="dapr",method="GET /v1.0/secrets/{store}/{key}",status="204"} 1
coffer_request_seconds_bucket{door="native",method="Secrets/Get",le="0.0001"} 160
coffer_request_seconds_bucket{door="native",method="Secrets/Get",le="0.001"} 200
coffer_request_seconds_bucket{door="native",method="Secrets/Get",le="+Inf"} 200
coffer_log_writes_total 9
)";

TEST(MetricsText, TheDifferenceOfTwoReadingsIsWhatHappenedBetween) {
  const auto before = cli::read_metrics(kBefore);
  const auto after = cli::read_metrics(kAfter);
  EXPECT_EQ(after.sum("coffer_log_writes_total") - before.sum("coffer_log_writes_total"), 4);
  EXPECT_EQ(after.sum("nothing"), 0);
  const auto rows = cli::requests_between(before, after);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].method, "Secrets/Get");
  EXPECT_EQ(rows[0].requests, 100);
  EXPECT_EQ(rows[0].failed, 10);
  EXPECT_EQ(rows[0].median, 0.0001);
  EXPECT_EQ(rows[0].p99, 0.001);
  EXPECT_EQ(rows[1].method, "GET /v1.0/secrets/{store}/{key}");
  EXPECT_EQ(rows[1].failed, 0);
}

TEST(NeedsRestart, NamesWhatAReloadCannotTakeOver) {
  Config running, next;
  EXPECT_TRUE(needs_restart(running, next).empty());
  next.http.limits.body_bytes = 1;
  next.log.level = "debug";
  EXPECT_TRUE(needs_restart(running, next).empty()) << "these are taken over";
  next.http.address = "127.0.0.1:1";
  next.data_dir = "/elsewhere";
  next.grpc.tls.emplace();
  EXPECT_EQ(needs_restart(running, next), (std::vector<std::string>{"data", "http.address", "grpc.tls"}));
}

}  // namespace
}  // namespace coffer::app

// What `coffer admin top` makes of two readings of /metrics, and which differences a reload cannot take over.

#include <gtest/gtest.h>

#include "app/cli/metrics_text.hpp"
#include "app/reload.hpp"
#include "app/settings_text.hpp"

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

TEST(NeedsRestart, TakesOverWhatItSays) {
  const Config running =
      read_config_text(
          "[[listener]]\naddress = \"127.0.0.1:1\"\n[[listener]]\naddress = \"127.0.0.1:2\"\nprotocol = \"http\"\n")
          .config;
  Config next = running;
  next.quotas[model::Limit::entries] = 3;
  next.identity.guard = {1, 2, false};
  next.seal.pkcs11.module = "m";
  next.http.limits.drain = std::chrono::milliseconds(1);
  next.grpc.limits.calls_in_flight = 1;
  next.admin.limits.max_deadline = std::chrono::milliseconds(1);
  next.extra[1].listener.limits.drain = std::chrono::milliseconds(1);
  EXPECT_EQ(needs_restart(running, next), std::vector<std::string>());
  next.grpc.limits.body_bytes = 1;
  next.extra[1].cloudforet_newer = false;
  next.extra[0].listener.tls.emplace();
  next.audit.keep = std::chrono::seconds(1);
  next.audit.syslog.emplace();
  next.doors.tapis_site = "x";
  next.cluster.lease = false;
  EXPECT_EQ(needs_restart(running, next),
            (std::vector<std::string>{"audit.keep", "audit.syslog.address", "cluster.lease", "grpc.limits.body_bytes",
                                      "listener.cloudforet.profile", "tapis.site", "listener.tls"}));
}

/// What a reload compares is the whole schema: a setting that is added there without being added here fails this.
TEST(NeedsRestart, KnowsEverySettingThatThereIs) {
  const auto known = settings_of(Config());
  std::vector<std::string> names;
  for (const auto& [name, value] : known) names.push_back(name);
  auto all = all_settings();
  std::sort(all.begin(), all.end());
  EXPECT_EQ(names, all);
}

/// Each setting's own value is in what is compared: two settings that differ in it are told apart.
TEST(NeedsRestart, TellsValuesOfArraysApart) {
  Config one, two;
  one.doors.dapr_stores = {{"ab", "t", "kv"}, {"c", "t", "kv"}};
  two.doors.dapr_stores = {{"a", "t", "kv"}, {"bc", "t", "kv"}};
  EXPECT_NE(settings_of(one).at("dapr.store.name"), settings_of(two).at("dapr.store.name"));
  EXPECT_EQ(settings_of(one).at("dapr.store.tenant"), settings_of(two).at("dapr.store.tenant"));
}

}  // namespace
}  // namespace coffer::app

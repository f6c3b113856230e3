// The numbers of the listeners as Prometheus reads them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport_support.hpp"

namespace coffer::net::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class MetricsText : public testing::Test {
 protected:
  FakeGateway gateway;
  Metrics metrics{gateway};
};

TEST_F(MetricsText, counts_by_door_method_and_status) {
  auto& series = metrics.series("native", "Secrets/Get");
  Metrics::observe(series, model::Category::ok, 0.001);
  Metrics::observe(series, model::Category::ok, 0.001);
  Metrics::observe(series, model::Category::unknown, 0.001);
  Metrics::observe(metrics.series("dapr", "GET /x"), 204, 0.001);
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr(R"(coffer_requests_total{door="native",method="Secrets/Get",status="OK"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_requests_total{door="native",method="Secrets/Get",status="UNKNOWN"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_requests_total{door="dapr",method="GET /x",status="204"} 1)"));
}

TEST_F(MetricsText, has_a_histogram_of_seconds) {
  auto& series = metrics.series("d", "m");
  for (const double seconds : {0.0001, 0.00011, 0.3, 20.0}) Metrics::observe(series, model::Category::ok, seconds);
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr(R"(coffer_request_seconds_count{door="d",method="m"} 4)"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_request_seconds_bucket{door="d",method="m",le="0.0001"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_request_seconds_bucket{door="d",method="m",le="0.00025"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_request_seconds_bucket{door="d",method="m",le="0.5"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_request_seconds_bucket{door="d",method="m",le="10"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_request_seconds_bucket{door="d",method="m",le="+Inf"} 4)"));
}

TEST_F(MetricsText, gives_the_same_series_for_the_same_names) {
  EXPECT_EQ(&metrics.series("a", "b"), &metrics.series("a", "b"));
  EXPECT_NE(&metrics.series("a", "b"), &metrics.series("a", "c"));
  metrics.observe("a", "b", "NOT_FOUND", 0.1);
  metrics.observe("a", "b", "404", 0.1);
  EXPECT_THAT(metrics.text(), HasSubstr(R"(status="NOT_FOUND"} 1)"));
  EXPECT_THAT(metrics.text(), HasSubstr(R"(status="404"} 1)"));
}

TEST_F(MetricsText, leaves_out_what_was_never_called) {
  metrics.series("never", "called");
  EXPECT_THAT(metrics.text(), Not(HasSubstr("never")));
}

TEST_F(MetricsText, shows_the_gateways_samples_under_one_head_each) {
  const auto text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# TYPE coffer_test_level gauge"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_test_level{kind="a"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(coffer_test_level{kind="b"} 4)"));
  EXPECT_THAT(text, HasSubstr("# TYPE coffer_test_total counter"));
  const auto head = text.find("# TYPE coffer_test_level");
  EXPECT_EQ(text.find("# TYPE coffer_test_level", head + 1), std::string::npos);
}

TEST_F(MetricsText, loses_no_count_between_threads) {
  auto& series = metrics.series("d", "m");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 1000; ++k) Metrics::observe(series, 200 + k % 5, 0.001);
    });
  }
  for (auto& thread : threads) thread.join();
  for (int status = 200; status < 205; ++status) {
    EXPECT_THAT(metrics.text(), HasSubstr("status=\"" + std::to_string(status) + "\"} 800"));
  }
}

}  // namespace
}  // namespace coffer::net::test

// Counters of the listeners, by relaxed atomics that are only summed up when somebody looks; rendered with the gateway's
// samples in Prometheus's text format. No label ever holds a secret's name, and a tenant's only in what
// net/tenant_metrics counts where that is switched on.

#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "net/server.hpp"

namespace coffer::net {
namespace {

/// Upper bounds in seconds; the last bucket is everything above.
constexpr std::array kBounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                             0.05,   0.1,     0.25,   0.5,   1.0,    2.5,   5.0,  10.0};

constexpr int kHttp = 1000;  // keys from here on are HTTP statuses, below are gRPC's codes
constexpr std::array kCategories{model::Category::ok,
                                 model::Category::unknown,
                                 model::Category::invalid_argument,
                                 model::Category::deadline_exceeded,
                                 model::Category::not_found,
                                 model::Category::already_exists,
                                 model::Category::permission_denied,
                                 model::Category::resource_exhausted,
                                 model::Category::failed_precondition,
                                 model::Category::aborted,
                                 model::Category::unimplemented,
                                 model::Category::internal,
                                 model::Category::unavailable,
                                 model::Category::data_loss,
                                 model::Category::unauthenticated};

std::string label_of(int key) {
  if (key >= kHttp) return std::to_string(key - kHttp);
  return std::string(model::category_name(static_cast<model::Category>(key)));
}

/// Reads what label_of wrote; -1 when it did not.
int key_of(std::string_view label) {
  if (label.size() == 3 && label.find_first_not_of("0123456789") == std::string_view::npos) {
    return kHttp + (label[0] - '0') * 100 + (label[1] - '0') * 10 + (label[2] - '0');
  }
  for (const auto category : kCategories) {
    if (model::category_name(category) == label) return static_cast<int>(category);
  }
  return -1;
}

prometheus::ClientMetric labelled(std::vector<std::pair<std::string, std::string>> labels) {
  prometheus::ClientMetric metric;
  for (auto& [name, value] : labels) metric.label.push_back({std::move(name), std::move(value)});
  return metric;
}

}  // namespace

struct Metrics::Series {
  std::string door, method;
  /// Statuses as they first occur; a method has few. What does not fit any more counts under the last one.
  struct Status {
    std::atomic<int> key{-1};
    std::atomic<std::uint64_t> count{0};
  };
  std::array<Status, 24> statuses;
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets{};
  std::atomic<std::uint64_t> nanoseconds{0};

  void count(int key, double seconds) {
    status(key).count.fetch_add(1, std::memory_order_relaxed);
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
    buckets[bucket].fetch_add(1, std::memory_order_relaxed);
    nanoseconds.fetch_add(static_cast<std::uint64_t>(seconds * 1e9), std::memory_order_relaxed);
  }

  Status& status(int key) {
    for (Status& s : statuses) {
      int there = s.key.load(std::memory_order_relaxed);
      if (there == key) return s;
      if (there == -1 && (s.key.compare_exchange_strong(there, key, std::memory_order_relaxed) || there == key)) {
        return s;
      }
    }
    return statuses.back();
  }
};

struct Metrics::Impl {
  const actors::Gateway* gateway;
  std::vector<std::function<std::vector<actors::Sample>()>> sources;
  mutable std::mutex mutex;  // guards the map; a Series needs none
  std::map<std::pair<std::string, std::string>, std::unique_ptr<Series>> series;
};

Metrics::Metrics(const actors::Gateway& gateway) : impl_(std::make_unique<Impl>()) { impl_->gateway = &gateway; }
Metrics::~Metrics() = default;

void Metrics::add_source(std::function<std::vector<actors::Sample>()> source) {
  impl_->sources.push_back(std::move(source));
}

Metrics::Series& Metrics::series(std::string_view door, std::string_view method) {
  const std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->series[{std::string(door), std::string(method)}];
  if (!slot) {
    slot = std::make_unique<Series>();
    slot->door = door;
    slot->method = method;
  }
  return *slot;
}

void Metrics::observe(std::string_view door, std::string_view method, std::string_view status, double seconds) {
  const int key = key_of(status);
  series(door, method).count(key < 0 ? static_cast<int>(model::Category::internal) : key, seconds);
}
void Metrics::observe(Series& series, model::Category status, double seconds) {
  series.count(static_cast<int>(status), seconds);
}
std::string_view Metrics::door(const Series& series) { return series.door; }
std::string_view Metrics::method(const Series& series) { return series.method; }
void Metrics::observe(Series& series, int http_status, double seconds) { series.count(kHttp + http_status, seconds); }

std::string Metrics::text() const {
  prometheus::MetricFamily requests{
      "coffer_requests_total", "Calls answered, by door, method and status.", prometheus::MetricType::Counter, {}};
  prometheus::MetricFamily latency{
      "coffer_request_seconds", "Time from a call's arrival to its answer.", prometheus::MetricType::Histogram, {}};
  {
    const std::lock_guard lock(impl_->mutex);
    for (const auto& [names, series] : impl_->series) {
      for (const auto& status : series->statuses) {
        const int key = status.key.load(std::memory_order_relaxed);
        if (key < 0) break;
        auto metric = labelled({{"door", series->door}, {"method", series->method}, {"status", label_of(key)}});
        metric.counter.value = static_cast<double>(status.count.load(std::memory_order_relaxed));
        requests.metric.push_back(std::move(metric));
      }
      auto metric = labelled({{"door", series->door}, {"method", series->method}});
      std::uint64_t sum = 0;
      for (std::size_t i = 0; i < series->buckets.size(); ++i) {
        sum += series->buckets[i].load(std::memory_order_relaxed);
        metric.histogram.bucket.push_back({sum, i < kBounds.size() ? kBounds[i] : HUGE_VAL});
      }
      if (sum == 0) continue;
      metric.histogram.sample_count = sum;
      metric.histogram.sample_sum = static_cast<double>(series->nanoseconds.load(std::memory_order_relaxed)) / 1e9;
      latency.metric.push_back(std::move(metric));
    }
  }
  std::vector<prometheus::MetricFamily> families{std::move(requests), std::move(latency)};
  std::map<std::string, std::size_t> positions;
  std::vector<actors::Sample> samples = impl_->gateway->samples();
  for (const auto& source : impl_->sources) {
    for (auto& sample : source()) samples.push_back(std::move(sample));
  }
  for (const auto& sample : samples) {
    const auto [position, is_new] = positions.try_emplace(sample.name, families.size());
    if (is_new) {
      families.push_back({sample.name,
                          sample.help,
                          sample.is_counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
                          {}});
    }
    auto metric = labelled(sample.labels);
    (sample.is_counter ? metric.counter.value : metric.gauge.value) = sample.value;
    families[position->second].metric.push_back(std::move(metric));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

}  // namespace coffer::net

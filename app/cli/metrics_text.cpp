// See metrics_text.hpp.

#include "app/cli/metrics_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace coffer::app::cli {
namespace {

using Key = std::pair<std::string, std::string>;

std::string label(const Readings::Value& value, const char* name) {
  const auto found = value.labels.find(name);
  return found == value.labels.end() ? std::string() : found->second;
}

/// name="value",name="value"; the server's own labels hold nothing that would be escaped.
std::map<std::string, std::string> read_labels(std::string_view text) {
  std::map<std::string, std::string> labels;
  while (!text.empty()) {
    const auto equals = text.find("=\"");
    const auto end = equals == std::string_view::npos ? equals : text.find('"', equals + 2);
    if (end == std::string_view::npos) break;
    labels.emplace(text.substr(0, equals), text.substr(equals + 2, end - equals - 2));
    text.remove_prefix(std::min(text.size(), end + 2));
  }
  return labels;
}

/// The bound under which `share` of the counts lie. `buckets`: cumulative counts by upper bound.
std::optional<double> quantile(const std::map<double, double>& buckets, double share) {
  if (buckets.empty() || buckets.rbegin()->second <= 0) return std::nullopt;
  const double wanted = buckets.rbegin()->second * share;
  for (const auto& [bound, count] : buckets) {
    if (count >= wanted) return std::isinf(bound) ? std::nullopt : std::optional(bound);
  }
  return std::nullopt;
}

bool is_failure(const std::string& status) { return status != "OK" && !(status.size() == 3 && status[0] < '4'); }

}  // namespace

double Readings::sum(const std::string& name) const {
  double all = 0;
  if (const auto found = by_name.find(name); found != by_name.end()) {
    for (const Value& value : found->second) all += value.value;
  }
  return all;
}

Readings read_metrics(std::string_view text) {
  Readings readings;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const auto space = line.rfind(' ');
    if (line.starts_with('#') || space == std::string_view::npos) continue;
    const auto brace = line.find('{');
    const auto name = line.substr(0, std::min(brace, space));
    Readings::Value value;
    if (brace < space) value.labels = read_labels(line.substr(brace + 1, line.rfind('}') - brace - 1));
    value.value = std::strtod(std::string(line.substr(space + 1)).c_str(), nullptr);
    readings.by_name[std::string(name)].push_back(std::move(value));
  }
  return readings;
}

std::vector<RequestRow> requests_between(const Readings& before, const Readings& after) {
  std::map<Key, RequestRow> rows;
  std::map<Key, std::map<double, double>> buckets;
  const auto add = [&](const Readings& readings, double sign) {
    const auto counts = readings.by_name.find("coffer_requests_total");
    if (counts == readings.by_name.end()) return;
    for (const auto& value : counts->second) {
      RequestRow& row = rows[{label(value, "door"), label(value, "method")}];
      row.requests += sign * value.value;
      if (is_failure(label(value, "status"))) row.failed += sign * value.value;
    }
    const auto times = readings.by_name.find("coffer_request_seconds_bucket");
    if (times == readings.by_name.end()) return;
    for (const auto& value : times->second) {
      buckets[{label(value, "door"), label(value, "method")}][std::strtod(label(value, "le").c_str(), nullptr)] +=
          sign * value.value;
    }
  };
  add(after, 1);
  add(before, -1);
  std::vector<RequestRow> all;
  for (auto& [key, row] : rows) {
    if (row.requests <= 0) continue;
    row.door = key.first;
    row.method = key.second;
    row.median = quantile(buckets[key], 0.5);
    row.p99 = quantile(buckets[key], 0.99);
    all.push_back(std::move(row));
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.requests > b.requests; });
  return all;
}

}  // namespace coffer::app::cli

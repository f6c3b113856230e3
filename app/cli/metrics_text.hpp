#pragma once
// As much of Prometheus's text format as `coffer admin top` reads of a server's own metrics. Pure; main's thread.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coffer::app::cli {

/// One reading: values by name and labels as they stand in the text.
struct Readings {
  struct Value {
    std::map<std::string, std::string> labels;
    double value = 0;
  };
  std::map<std::string, std::vector<Value>> by_name;
  /// Of all labels together; 0 when there is no such name.
  double sum(const std::string& name) const;
};
Readings read_metrics(std::string_view text);

struct RequestRow {
  std::string door, method;
  double requests = 0, failed = 0;
  std::optional<double> median, p99;  // seconds, the upper bound of the bucket
};
/// What was answered between two readings, the most frequent first.
std::vector<RequestRow> requests_between(const Readings& before, const Readings& after);

}  // namespace coffer::app::cli

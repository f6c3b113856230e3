// Printing results; see result.hpp.

#include "app/bench/result.hpp"

#include <array>
#include <cstdio>

#include "app/cli/output.hpp"
#include "app/text.hpp"

namespace coffer::app::bench {
namespace {

std::string fixed(double value, int digits) {
  std::array<char, 48> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, value);
  return buffer.data();
}

std::string microseconds(const Histogram& h, double q) {
  return fixed(static_cast<double>(q >= 1 ? h.max() : h.quantile(q)) / 1000, 1);
}

/// Whoever has several runs adds these up: quantiles cannot be.
void print_buckets(const Histogram& h, std::ostream& out) {
  out << ",\n  \"histogram_us\": [";
  const char* separator = "";
  for (const auto& [longest, count] : h.buckets()) {
    out << separator << "[" << fixed(static_cast<double>(longest) / 1000, 1) << ", " << count << "]";
    separator = ", ";
  }
  out << "]";
}

double throughput(const Report& report) {
  return report.seconds > 0 ? static_cast<double>(report.done) / report.seconds : 0;
}

/// Microseconds of the server's CPU time for each answered request.
double cpu_per_request(const Result& r) {
  const auto answered = r.report.done + r.report.errors;
  return answered == 0 ? 0 : (r.after->cpu_seconds - r.before->cpu_seconds) * 1e6 / static_cast<double>(answered);
}

}  // namespace

void print_table(const Result& r, std::ostream& out) {
  cli::Record record;
  record.add("load", r.door + " " + r.operation + ", " + std::to_string(r.connections) + " connections, " +
                         std::to_string(r.tenants) + " x " + std::to_string(r.keys) + " secrets of " +
                         std::to_string(r.value_bytes) + " bytes");
  record.add("requests", std::to_string(r.report.done) + " in " + fixed(r.report.seconds, 2) + " s");
  record.add("throughput", fixed(throughput(r.report), 1) + "/s");
  const auto& h = r.report.latency;
  record.add("latency", "p50 " + microseconds(h, 0.5) + " us, p90 " + microseconds(h, 0.9) + " us, p99 " +
                            microseconds(h, 0.99) + " us, max " + microseconds(h, 1) + " us");
  record.add("errors", std::to_string(r.report.errors));
  for (const auto& [reason, count] : r.report.reasons) record.add("  " + std::to_string(count), reason);
  if (r.before && r.after) {
    record.add("server CPU", fixed(cpu_per_request(r), 2) + " us per request");
    record.add("server memory", std::to_string(r.before->resident_bytes >> 10) + " KiB before, " +
                                    std::to_string(r.after->resident_bytes >> 10) + " KiB after");
  }
  record.print(out);
}

void print_json(const Result& r, std::ostream& out) {
  const auto& h = r.report.latency;
  out << "{\n  \"door\": " << json_quote(r.door) << ",\n  \"op\": " << json_quote(r.operation)
      << ",\n  \"connections\": " << r.connections << ",\n  \"tenants\": " << r.tenants << ",\n  \"keys\": " << r.keys
      << ",\n  \"value_bytes\": " << r.value_bytes << ",\n  \"seconds\": " << fixed(r.report.seconds, 3)
      << ",\n  \"requests\": " << r.report.done << ",\n  \"throughput\": " << fixed(throughput(r.report), 1)
      << ",\n  \"latency_us\": {\"p50\": " << microseconds(h, 0.5) << ", \"p90\": " << microseconds(h, 0.9)
      << ", \"p99\": " << microseconds(h, 0.99) << ", \"max\": " << microseconds(h, 1) << "}";
  print_buckets(h, out);
  out << ",\n  \"errors\": " << r.report.errors << ",\n  \"reasons\": {";
  const char* separator = "";
  for (const auto& [reason, count] : r.report.reasons) {
    out << separator << json_quote(reason) << ": " << count;
    separator = ", ";
  }
  out << "}";
  if (r.before && r.after) {
    out << ",\n  \"server_cpu_us_per_request\": " << fixed(cpu_per_request(r), 3)
        << ",\n  \"server_resident_bytes_before\": " << r.before->resident_bytes
        << ",\n  \"server_resident_bytes_after\": " << r.after->resident_bytes;
  }
  out << "\n}\n";
}

}  // namespace coffer::app::bench

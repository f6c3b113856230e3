#pragma once
// What a run of the load generator found, as text or JSON. Values, main's thread.

#include <optional>
#include <ostream>
#include <string>

#include "app/bench/driver.hpp"
#include "app/bench/process_sample.hpp"

namespace coffer::app::bench {

struct Result {
  std::string door, operation;
  unsigned connections = 0;
  std::uint64_t tenants = 0, keys = 0, value_bytes = 0;
  Report report;
  std::optional<ProcessSample> before, after;  // of the server, with --pid
};

/// "requests", "throughput", latencies in microseconds, errors, and with samples the server's CPU time per request.
void print_table(const Result& result, std::ostream& out);
void print_json(const Result& result, std::ostream& out);

}  // namespace coffer::app::bench

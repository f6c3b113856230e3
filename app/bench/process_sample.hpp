#pragma once
// What another process has used so far, from /proc: the server's CPU time and memory beside the load. Any thread.

#include <cstdint>
#include <string>

#include "model/result.hpp"

namespace coffer::app::bench {

struct ProcessSample {
  double cpu_seconds = 0;  // user and system
  std::uint64_t resident_bytes = 0;
};
/// Errors: invalid_argument when there is no such process.
model::Result<ProcessSample> sample_process(std::int64_t pid);

}  // namespace coffer::app::bench

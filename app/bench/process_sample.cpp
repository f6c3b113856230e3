// Reads /proc/PID/stat (proc(5)): utime and stime are fields 14 and 15, rss is field 24, counted behind the command's
// closing parenthesis, because a command may contain spaces.

#include "app/bench/process_sample.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

#include <unistd.h>

namespace coffer::app::bench {

model::Result<ProcessSample> sample_process(std::int64_t pid) {
  const model::Error missing(model::Code::invalid_argument, "there is no process " + std::to_string(pid));
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto end = text.rfind(')');
  if (end == std::string::npos) return missing;
  std::istringstream rest(text.substr(end + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  if (fields.size() < 22) return missing;
  const auto ticks = std::stod(fields[11]) + std::stod(fields[12]);  // field 14 is the twelfth behind the parenthesis
  return ProcessSample{ticks / static_cast<double>(sysconf(_SC_CLK_TCK)),
                       std::stoull(fields[21]) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
}

}  // namespace coffer::app::bench

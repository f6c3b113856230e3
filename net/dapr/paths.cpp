// See paths.hpp.

#include "net/dapr/paths.hpp"

namespace coffer::net::dapr {

std::string clean_path(std::string_view raw_path) {
  std::string cleaned;
  while (!raw_path.empty()) {
    if (raw_path.front() == '/') {
      raw_path.remove_prefix(1);
      continue;
    }
    const std::string_view segment = raw_path.substr(0, raw_path.find('/'));
    raw_path.remove_prefix(segment.size());
    if (segment == "..") {
      cleaned.resize(cleaned.empty() ? 0 : cleaned.rfind('/'));
    } else if (segment != ".") {
      cleaned.append("/").append(segment);
    }
  }
  return cleaned.empty() ? "/" : cleaned;
}

}  // namespace coffer::net::dapr

// See resident.hpp.

#include "net/admin/resident.hpp"

#include <unistd.h>

#include <fstream>

namespace coffer::net::admin {

std::uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  return resident_bytes(statm, static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

std::uint64_t resident_bytes(std::istream& statm, std::uint64_t page_bytes) {
  std::uint64_t total = 0, resident = 0;
  return statm >> total >> resident ? resident * page_bytes : 0;
}

}  // namespace coffer::net::admin

// Hardening of the process by limits of the kernel. Runs once, on the main thread, before any secret is read.

#include "crypto/process.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace coffer::crypto {
namespace {

model::Error refused(const char* what) {
  return {model::Code::internal, std::string("The system refuses to ") + what + ": " + std::strerror(errno) + "."};
}

// Locked memory is wanted, not required: key_memory_is_locked() tells what came of it.
void raise_locked_memory() {
  rlimit limit{RLIM_INFINITY, RLIM_INFINITY};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) == 0) return;
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_MEMLOCK, &limit);
}

}  // namespace

model::Status harden_process() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return refused("turn core dumps off");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return refused("make the process undumpable");
  ::umask(077);
  raise_locked_memory();
  return {};
}

}  // namespace coffer::crypto

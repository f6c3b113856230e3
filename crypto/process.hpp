#pragma once
// What the process does for its secrets before it reads the first one: no core dumps, not dumpable, files private.
// Called once by the program's main().

#include "model/result.hpp"

namespace coffer::crypto {

/// RLIMIT_CORE 0, PR_SET_DUMPABLE 0, umask 077, RLIMIT_MEMLOCK raised as far as allowed.
model::Status harden_process();

}  // namespace coffer::crypto

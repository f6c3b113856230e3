// What harden_process() leaves behind, seen from a child process: the test's own keeps its limits.

#include "crypto/process.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace coffer::crypto {
namespace {

[[noreturn]] void harden_and_report() {
  if (!harden_process().ok()) std::_Exit(1);
  rlimit core{}, locked{};
  ::getrlimit(RLIMIT_CORE, &core);
  ::getrlimit(RLIMIT_MEMLOCK, &locked);
  if (core.rlim_cur != 0 || core.rlim_max != 0) std::_Exit(2);
  if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) std::_Exit(3);
  if (::umask(0) != 077) std::_Exit(4);
  if (locked.rlim_cur != locked.rlim_max) std::_Exit(5);
  std::_Exit(0);
}

TEST(HardenProcess, TurnsDumpsOffMakesFilesPrivateAndRaisesLockedMemory) {
  // Start from the opposite of each, so that none holds by accident.
  EXPECT_EXIT(
      {
        ::umask(022);
        rlimit locked{};
        ::getrlimit(RLIMIT_MEMLOCK, &locked);
        locked.rlim_cur = 4096;
        ::setrlimit(RLIMIT_MEMLOCK, &locked);
        ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        harden_and_report();
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace coffer::crypto

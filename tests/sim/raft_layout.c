/* The layout of struct raft as C sees it: cluster/libraft.hpp asserts the same number as C++ sees it. */

#include <raft.h>

_Static_assert(sizeof(struct raft) == 992, "libraft was built with another layout");
_Static_assert(RAFT_VERSION_NUMBER == 2201, "Coffer is written for libraft 0.22.1");

#pragma once
// The only place that includes libraft's header; seen by the .cpp files of this room and its tests. raft.h of 0.22.1 is
// C without extern "C", and its static assertions define types inside sizeof, which C++ forbids: they are switched off
// here and the layout is asserted by hand instead (tests/sim/raft_layout.c asserts the same number in C).
//
// Exactly 0.22.1: later sources change under the same soname who owns the memory of events and updates.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#define static_assert(...)
extern "C" {
#include <raft.h>
}
#undef static_assert

static_assert(RAFT_VERSION_NUMBER == 2201, "Coffer is written for libraft 0.22.1");
static_assert(sizeof(struct raft) == 992, "libraft was built with another layout");

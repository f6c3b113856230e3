#pragma once
// Is there any order of these operations that a store could have had? By search (Wing and Gong 1993, with the memory of
// Lowe 2017), without a look at revisions: slow, obviously right, and so the judge of the fast checker in history.hpp. For
// histories of up to 24 operations. An operation with unknown outcome may have happened at any time after its
// invocation, or never.

#include <vector>

#include "tests/sim/history.hpp"

namespace coffer::sim {

/// REQUIRES: history.size() <= 24.
bool has_linear_order(const std::vector<Op>& history);

}  // namespace coffer::sim

#pragma once
// How many replicas a node holds, as ClusterDeps::replicas_of answers it: what the groups' leaders have reported, which is
// not known for a moment after a leader of the meta group, or of any group, is new. Pure, any thread.

#include <cstdint>

namespace coffer::actors {

/// Some group has not said yet which nodes hold it.
inline constexpr std::uint32_t kReplicasNotKnown = UINT32_MAX;

}  // namespace coffer::actors

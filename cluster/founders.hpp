#pragma once
// Who begins the groups that are added to a cluster: a pure function of the nodes that are there. Each group begins with
// all its voters at once, as the first groups of a cluster do: with one founder alone it would be lost with that node.
// Used by the directory, which stores the answer, so that every node finds the same first configuration.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/ids.hpp"

namespace coffer::cluster {

/// Of a cluster; the meta group is not counted.
inline constexpr std::uint32_t kMostDataGroups = 1024;

struct FounderCandidate {
  model::NodeId id;
  std::uint64_t replicas = 0;  // that it holds already
};

/// For each of `groups` new groups its first voters: an odd number of nodes, at most `replicas`, those with the fewest
/// replicas first. REQUIRES: there is a node, `replicas` > 0.
std::vector<std::vector<model::NodeId>> plan_founders(std::vector<FounderCandidate> nodes, std::size_t groups,
                                                      std::size_t replicas);

}  // namespace coffer::cluster

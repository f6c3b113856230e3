// See founders.hpp.

#include "cluster/founders.hpp"

#include <algorithm>

namespace coffer::cluster {

std::vector<std::vector<model::NodeId>> plan_founders(std::vector<FounderCandidate> nodes, std::size_t groups,
                                                      std::size_t replicas) {
  const std::size_t most = std::min(nodes.size(), replicas);
  const std::size_t voters = most - (most + 1) % 2;
  std::vector<std::vector<model::NodeId>> founders(groups);
  for (auto& group : founders) {
    std::stable_sort(nodes.begin(), nodes.end(), [](const FounderCandidate& a, const FounderCandidate& b) {
      return a.replicas != b.replicas ? a.replicas < b.replicas : a.id < b.id;
    });
    for (std::size_t i = 0; i < voters; ++i) {
      ++nodes[i].replicas;
      group.push_back(nodes[i].id);
    }
    // The same order in every group's configuration, whoever had least to do.
    std::sort(group.begin(), group.end());
  }
  return founders;
}

}  // namespace coffer::cluster

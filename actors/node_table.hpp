#pragma once
// The nodes of the cluster as this node knows them: from the committed rows of the meta group, and from what it was told
// when it joined. Written by the directory, the mirror and the start; any thread.

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "model/cluster_requests.hpp"

namespace coffer::actors {

class NodeTable {
 public:
  /// False when it was known so.
  bool put(const model::NodeInfo& node) {
    std::lock_guard lock(mutex_);
    model::NodeInfo& known = nodes_[node.id];
    if (known == node) return false;
    known = node;
    return true;
  }
  std::optional<model::NodeInfo> find(model::NodeId id) const {
    std::lock_guard lock(mutex_);
    auto found = nodes_.find(id);
    return found == nodes_.end() ? std::nullopt : std::optional(found->second);
  }
  std::vector<model::NodeInfo> all() const {
    std::lock_guard lock(mutex_);
    std::vector<model::NodeInfo> out;
    out.reserve(nodes_.size());
    for (const auto& [id, node] : nodes_) out.push_back(node);
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::map<model::NodeId, model::NodeInfo> nodes_;
};

}  // namespace coffer::actors

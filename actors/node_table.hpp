#pragma once
// The nodes of the cluster as this node knows them: from the committed rows of the meta group, and from what it was told
// when it joined. Written by the directory, the mirror and the start; any thread.

#include <algorithm>
#include <atomic>
#include <cstdint>
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
    common_format_.store(newest_of_all(), std::memory_order_relaxed);
    return true;
  }
  /// What every node of the cluster knows, as far as this one has heard; 0 when it knows of none. What all know is active
  /// from the same commit on, and nobody who knows less is let in after it.
  std::uint32_t common_format() const { return common_format_.load(std::memory_order_relaxed); }
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
  std::uint32_t newest_of_all() const {
    std::uint32_t common = UINT32_MAX;
    for (const auto& [id, node] : nodes_) {
      if (node.state != model::NodeState::removed) common = std::min(common, node.newest_format);
    }
    return common == UINT32_MAX ? 0 : common;
  }

  std::atomic<std::uint32_t> common_format_{0};
  mutable std::mutex mutex_;
  std::map<model::NodeId, model::NodeInfo> nodes_;
};

}  // namespace coffer::actors

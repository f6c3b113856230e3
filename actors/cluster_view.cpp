// See cluster_view.hpp.

#include "actors/cluster_view.hpp"

#include <algorithm>

namespace coffer::actors {

namespace {

bool holds(const model::GroupInfo& group, model::NodeId node) {
  return std::any_of(group.replicas.begin(), group.replicas.end(),
                     [node](const model::ReplicaInfo& replica) { return replica.node == node; });
}

}  // namespace

void ClusterView::begin(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  since_ = now;
  heard_.clear();
  loads_.clear();
  plan_.clear();
}

ClusterView::Clock::time_point ClusterView::since() const {
  const std::lock_guard lock(mutex_);
  return since_;
}

bool ClusterView::is_informed(const std::vector<model::NodeId>& reporters, std::size_t groups, Clock::time_point now,
                              Clock::duration patience) const {
  const std::lock_guard lock(mutex_);
  if (now - since_ >= patience) return true;
  const bool all_heard =
      std::all_of(reporters.begin(), reporters.end(), [this](model::NodeId node) { return heard_.contains(node); });
  return all_heard && groups_locked().size() >= groups;
}

void ClusterView::heard(model::NodeId node, std::vector<model::GroupInfo> leads, Clock::time_point at,
                        bool low_on_disk) {
  const std::lock_guard lock(mutex_);
  for (const model::GroupInfo& info : leads) {
    if (!info.load) continue;
    Measured& known = loads_[info.id];
    if (known.term <= info.term) known = {info.term, *info.load};
  }
  heard_[node] = {std::move(leads), at, low_on_disk};
}

bool ClusterView::is_low_on_disk(model::NodeId node) const {
  const std::lock_guard lock(mutex_);
  auto found = heard_.find(node);
  return found != heard_.end() && found->second.low_on_disk;
}

ClusterView::Clock::time_point ClusterView::heard_at(model::NodeId node) const {
  const std::lock_guard lock(mutex_);
  auto found = heard_.find(node);
  return found == heard_.end() ? Clock::time_point() : found->second.at;
}

std::vector<model::GroupInfo> ClusterView::groups_locked() const {
  std::map<model::GroupId, model::GroupInfo> newest;
  for (const auto& [node, heard] : heard_) {
    for (const model::GroupInfo& info : heard.leads) {
      auto [found, is_new] = newest.emplace(info.id, info);
      if (!is_new && found->second.term < info.term) found->second = info;
    }
  }
  std::vector<model::GroupInfo> out;
  out.reserve(newest.size());
  for (auto& [id, info] : newest) {
    if (const auto known = loads_.find(id); !info.load && known != loads_.end()) info.load = known->second.load;
    out.push_back(std::move(info));
  }
  return out;
}

std::vector<model::GroupInfo> ClusterView::groups() const {
  const std::lock_guard lock(mutex_);
  return groups_locked();
}

std::uint32_t ClusterView::replicas_of(model::NodeId node) const {
  const auto all = groups();
  return static_cast<std::uint32_t>(
      std::count_if(all.begin(), all.end(), [node](const model::GroupInfo& group) { return holds(group, node); }));
}

void ClusterView::set_plan(std::vector<std::string> words) {
  const std::lock_guard lock(mutex_);
  plan_ = std::move(words);
}

void ClusterView::complete(model::NodeId self, model::ClusterStatusReply& reply, Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  reply.self = reply.meta_leader = self;  // the directory answers where the meta group is led
  reply.groups = groups_locked();
  reply.plan = plan_;
  for (model::ClusterStatusReply::Node& node : reply.nodes) {
    const model::NodeId id = node.info.id;
    auto found = heard_.find(id);
    if (id != self) {
      const Clock::time_point last = found != heard_.end() ? found->second.at : since_;
      node.silent_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - last).count();
    }
    node.connected = id == self || (found != heard_.end() && now - found->second.at < kSilent);
    for (const model::GroupInfo& group : reply.groups) {
      if (holds(group, id)) ++node.replicas;
      if (group.leader == id) ++node.leads;
    }
  }
}

}  // namespace coffer::actors

// See context.hpp.

#include "actors/context.hpp"

#include <time.h>

namespace coffer::actors {

ShardTable::Shard ShardTable::find(const model::TenantId& tenant) const {
  const Stripe& s = stripe(tenant);
  std::shared_lock lock(s.mutex);
  auto found = s.shards.find(tenant);
  return found == s.shards.end() ? Shard() : found->second;
}

void ShardTable::put(const model::TenantId& tenant, Shard shard) {
  Stripe& s = stripe(tenant);
  std::unique_lock lock(s.mutex);
  if (s.shards.insert_or_assign(tenant, std::move(shard)).second) ++size_;
}

void ShardTable::remove(const model::TenantId& tenant) {
  Stripe& s = stripe(tenant);
  std::unique_lock lock(s.mutex);
  if (s.shards.erase(tenant) != 0) --size_;
}

bool GroupBoard::holds_lease() const {
  const std::uint64_t until = lease_until.load(std::memory_order_acquire);
  return until == UINT64_MAX || boot_clock_ms() < until;  // a sole voter's never ends, and costs no look at the clock
}

void GroupReports::put(model::GroupInfo info) {
  std::lock_guard lock(mutex_);
  model::GroupInfo& known = reports_[info.id];
  if (known.term == info.term) info.load = known.load;
  known = std::move(info);
}

void GroupReports::put_load(model::GroupId group, model::Term term, const model::GroupLoad& load) {
  std::lock_guard lock(mutex_);
  auto found = reports_.find(group);
  if (found != reports_.end() && found->second.term == term) found->second.load = load;
}

void GroupReports::forget(model::GroupId group) {
  std::lock_guard lock(mutex_);
  reports_.erase(group);
}

std::vector<model::GroupInfo> GroupReports::all() const {
  std::lock_guard lock(mutex_);
  std::vector<model::GroupInfo> out;
  out.reserve(reports_.size());
  for (const auto& [id, info] : reports_) out.push_back(info);
  return out;
}

bool Context::send(model::NodeId to, cluster::PeerChannel channel, model::GroupId group, model::Secret body) {
  cluster::PeerLink* to_peers = link.load();
  return to_peers != nullptr && to_peers->send(to, {channel, group, std::move(body)});
}

void Context::send_in_burst(model::NodeId to, cluster::PeerChannel channel, model::GroupId group, model::Secret body) {
  cluster::PeerLink* to_peers = link.load();
  if (to_peers == nullptr || !to_peers->send(to, {channel, group, std::move(body), true})) return;
  burst.leave_waiting();
}

void Context::end_burst() {
  if (!burst.end()) return;
  if (cluster::PeerLink* to_peers = link.load()) to_peers->send_waiting();
}

void Context::publish_peers() {
  cluster::PeerLink* to_peers = link.load();
  if (to_peers == nullptr) return;
  std::vector<cluster::Peer> peers;
  for (const model::NodeInfo& node : nodes.all()) {
    if (node.id == self || node.state == model::NodeState::removed) continue;
    peers.push_back({node.id, node.address});
  }
  to_peers->set_peers(std::move(peers));
}

void Context::tenant_trust_applied(const model::TenantId& tenant, model::GroupId group, model::Index index) {
  std::atomic<std::uint64_t>& newest = boards[group.value].trust_changed_at;
  std::uint64_t seen = newest.load();
  while (seen < index.value && !newest.compare_exchange_weak(seen, index.value)) continue;
  trust_changes.note(tenant);
}

cluster::MonotonicMs boot_clock_ms() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<cluster::MonotonicMs>(now.tv_sec) * 1000 +
         static_cast<cluster::MonotonicMs>(now.tv_nsec) / 1'000'000;
}

}  // namespace coffer::actors

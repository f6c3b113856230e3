// What a node says of itself, for /readyz, status and /metrics. See node_impl.hpp.

#include "actors/node_impl.hpp"
#include "crypto/hash.hpp"

namespace coffer::actors {

namespace {

std::string role_name(cluster::Role role) {
  switch (role) {
    case cluster::Role::leader: return "leader";
    case cluster::Role::candidate: return "candidate";
    case cluster::Role::follower: return "follower";
    case cluster::Role::stopped: break;
  }
  return "stopped";
}

/// What tenants at work hold and may hold, all together.
void add_quota_use(const QuotaBoard& board, std::vector<Sample>& samples) {
  const QuotaBoard::Totals totals = board.totals();
  const auto add = [&](model::Limit limit, const QuotaBoard::Totals::Held& held) {
    const auto gauge = [&](const char* name, const char* help, double value) {
      samples.push_back({name, help, false, {{"limit", std::string(model::limit_name(limit))}}, value});
    };
    gauge("coffer_quota_used", "What the tenants with a running shard hold.", static_cast<double>(held.used));
    gauge("coffer_quota_limited_tenants", "Tenants with a running shard that have such a limit.",
          static_cast<double>(held.limited));
    gauge("coffer_quota_limited_used", "What the tenants hold that have such a limit.",
          static_cast<double>(held.limited_used));
    gauge("coffer_quota_limit", "What the tenants may hold that have such a limit.", static_cast<double>(held.limit));
    gauge("coffer_quota_fullest_ratio", "The highest part of its limit that one tenant holds.", held.fullest);
  };
  add(model::Limit::entries, totals.entries);
  add(model::Limit::bytes, totals.bytes);
}

}  // namespace

bool NodeImpl::is_ready() const {
  const Context& context = *context_;
  if (!context.accepting) return false;
  if (context.directory_ready) return true;
  const std::uint64_t leader = context.boards[model::kMetaGroup.value].leader;
  return context.mirror_loaded && leader != 0 && leader != context.self.value;
}

NodeStatus NodeImpl::status() const {
  NodeStatus status;
  status.sealed = !context_->unsealed;
  status.read_only = disk_ && disk_->read_only();
  status.free_bytes = disk_ ? disk_->free_bytes() : 0;
  status.ready = is_ready();
  status.node_id = identity_->id.value;
  status.cluster_id = crypto::hex(identity_->cluster_id);
  status.tenants = routing_.tenants();
  const std::uint64_t shards = context_->shards.size();
  status.active_shards = shards > 0 && context_->directory_ready ? shards - 1 : shards;  // the directory is no tenant
  for (std::size_t id = 0; id < context_->boards.size(); ++id) {
    const GroupBoard& board = context_->boards[id];
    status.groups.push_back({model::GroupId{id}, role_name(board.role), board.term, board.commit, board.applied,
                             board.durable, board.leader});
  }
  return status;
}

std::vector<Sample> NodeImpl::samples() const {
  const NodeCounters& counters = context_->counters;
  std::vector<Sample> samples;
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    samples.push_back({name, help, true, {}, static_cast<double>(value)});
  };
  counter("coffer_log_batches_total", "Flushes of the log database (one fsync each).", counters.log_batches);
  counter("coffer_log_writes_total", "Durable writes that groups asked for.", counters.log_writes);
  counter("coffer_log_bytes_total", "Bytes written to the log database.", counters.log_bytes);
  counter("coffer_applied_entries_total", "Write sets applied to the state database.", counters.applied_entries);
  counter("coffer_checkpoints_total", "Flushes of the state database.", counters.checkpoints);
  counter("coffer_shards_started_total", "Tenant shards started.", counters.shards_started);
  counter("coffer_shards_stopped_total", "Tenant shards ended.", counters.shards_stopped);
  counter("coffer_trust_questions_total",
          "Questions to other nodes about whom a tenant trusts; they are asked before a JWT is verified.",
          counters.trust_asked);
  counter("coffer_calls_rerouted_total", "Calls that met an ending shard.", counters.rerouted);
  counter("coffer_calls_forwarded_total", "Calls that went to the node that leads.", counters.forwarded_out);
  counter("coffer_calls_taken_total", "Calls that came from other nodes.", counters.forwarded_in);
  counter("coffer_calls_retried_total", "Calls that were asked again, for a leader was missing or lost.",
          counters.retried);
  counter("coffer_reads_confirmed_total", "Questions whether this node still leads, for it held no lease.",
          counters.confirmations);
  counter("coffer_snapshots_sent_total", "States of groups that went to other nodes.", counters.snapshots_sent);
  counter("coffer_snapshots_installed_total", "States of groups that came from other nodes.",
          counters.snapshots_installed);
  counter("coffer_peer_messages_dropped_total", "Raft messages for which a group had no room.",
          counters.peer_messages_dropped);
  counter("coffer_peer_frames_refused_total", "Frames of peers that this node could not read.",
          counters.frames_refused);
  for (const model::Limit limit : model::kAllLimits) {
    if (model::is_burst(limit)) continue;
    const auto refused = counters.quota_refusals.by_limit[static_cast<std::size_t>(limit)].load();
    samples.push_back({"coffer_quota_refused_total",
                       "Requests refused by a limit of their tenant, by limit.",
                       true,
                       {{"limit", std::string(model::limit_name(limit))}},
                       static_cast<double>(refused)});
  }
  add_quota_use(counters.quota_board, samples);
  for (Sample& sample : keeper_->samples()) samples.push_back(std::move(sample));
  for (Sample& sample : movers_->samples()) samples.push_back(std::move(sample));
  const NodeStatus now = status();
  samples.push_back({"coffer_ready", "1 when the node takes calls.", false, {}, now.ready ? 1.0 : 0.0});
  samples.push_back({"coffer_sealed", "1 while the node waits to be unsealed.", false, {}, now.sealed ? 1.0 : 0.0});
  samples.push_back({"coffer_tenants", "Tenants in the directory.", false, {}, static_cast<double>(now.tenants)});
  samples.push_back(
      {"coffer_active_shards", "Tenants with a running shard.", false, {}, static_cast<double>(now.active_shards)});
  samples.push_back(
      {"coffer_cache_bytes", "Bytes held by the shards' caches.", false, {}, static_cast<double>(cache_.used)});
  for (const GroupStatus& group : now.groups) {
    const std::vector<std::pair<std::string, std::string>> labels{{"group", std::to_string(group.id.value)}};
    samples.push_back({"coffer_group_leader", "1 when this node leads the group.", false, labels,
                       group.role == "leader" ? 1.0 : 0.0});
    samples.push_back({"coffer_group_requests_total", "Requests answered as the group's leader.", true, labels,
                       static_cast<double>(context_->boards[group.id.value].requests.load())});
    samples.push_back({"coffer_group_commit_index", "Highest committed index.", false, labels,
                       static_cast<double>(group.commit_index)});
    samples.push_back({"coffer_group_applied_index", "Highest applied index.", false, labels,
                       static_cast<double>(group.applied_index)});
    samples.push_back({"coffer_group_durable_index", "Durable index D: the log is truncated behind it.", false, labels,
                       static_cast<double>(group.durable_index)});
  }
  if (context_->unsealed && audit_) {
    audit_->add_samples(samples);
  } else if (audit_inbox_) {
    audit_inbox_->add_samples(samples);  // a sealed node has no trail yet, but what waits for it
  }
  if (disk_) {
    const auto gauge = [&](const char* name, const char* help, double value) {
      samples.push_back({name, help, false, {}, value});
    };
    gauge("coffer_disk_free_bytes", "Room on the data's disk.", static_cast<double>(disk_->free_bytes()));
    gauge("coffer_read_only", "1 while the node is low on disk and takes no changes.", disk_->read_only() ? 1 : 0);
  }
  return samples;
}

}  // namespace coffer::actors

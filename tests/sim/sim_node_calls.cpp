// Shards, calls and snapshots of a simulated node. See sim_node.hpp.

#include <algorithm>

#include "storage/state_copy.hpp"
#include "tests/sim/sim_node.hpp"

namespace coffer::sim {

std::optional<SimNode::Target> SimNode::target_of(std::size_t tenant) const {
  if (tenant == kDirectory) {
    return Target{kDirectory, {}, model::kMetaGroup};
  }
  model::TenantRef ref;
  ref.name = name_of_tenant(tenant);
  const auto route = routing_->find(ref);
  return route ? std::optional(Target{tenant, route->id, route->group}) : std::nullopt;
}

std::optional<model::GroupId> SimNode::home_of(std::size_t tenant) const {
  const auto target = up_ ? target_of(tenant) : std::nullopt;
  return target ? std::optional(target->group) : std::nullopt;
}

void SimNode::call(std::size_t tenant, actors::CallHandle call) {
  if (sealed_) {
    call.finish(model::Error(model::Code::sealed));
    return;
  }
  const auto target = target_of(tenant);
  const auto found = target ? groups_.find(target->group) : groups_.end();
  if (found == groups_.end()) {  // nobody here has heard of it yet
    call.finish(model::Error(model::Code::unavailable));
    return;
  }
  Group& group = found->second;
  if (world_.mutant() == ClusterMutant::skips_read_index && shards_.contains(tenant)) {
    deliver(*target, std::move(call));
  } else if (!group.leadership.ready || group.applied < group.leadership.ready_index.value) {
    call.finish(model::Error(model::Code::unavailable));
  } else if (world_.boot_clock(id_) < group.lease_until) {
    ++counts_.leased;
    deliver(*target, std::move(call));
  } else {
    const std::uint64_t cookie = next_cookie_++;
    group.reads[cookie] = {*target, std::move(call)};
    group.core->read({cookie}, world_.boot_clock(id_));
    carry_out(target->group, group);
  }
  pump_log();
}

void SimNode::answer_reads(Group& group, const cluster::Actions& actions) {
  for (const cluster::Refused& refused : actions.reads_refused) {
    group.reads.erase(refused.cookie);  // its call answers "unavailable"
  }
  for (const cluster::ReadReady& ready : actions.reads_ready) {
    const auto found = group.reads.find(ready.cookie);
    WaitingRead read = std::move(found->second);
    group.reads.erase(found);
    ++counts_.asked;
    deliver(read.target, std::move(read.call));
  }
}

SimNode::Shard* SimNode::open_shard(const Target& target) {
  const model::GroupId id = target.group;
  Group& group = groups_.at(id);
  const auto found = shards_.find(target.tenant);
  if (found != shards_.end() && found->second.group != id) {
    return nullptr;  // of the tenant's old place; it ends by itself, with its last write or its leadership
  }
  if (found != shards_.end()) {
    return &found->second;
  }
  // A life begins after what every earlier one proposed.
  if (!group.leadership.ready || group.applied < group.core->last_index().value) {
    return nullptr;
  }
  auto core = actors::TenantCore::open(deps_, {target.id, id, group.core->generation(), 1, {}});
  require(core.ok(), "a tenant does not open: " + std::string(core.ok() ? "" : core.error().message()));
  ++counts_.shards;
  Shard& shard = shards_[target.tenant];
  shard.group = id;
  shard.life = next_life_of_shards_++;
  shard.term = group.leadership.term;
  shard.core = std::move(*core);
  return &shard;
}

void SimNode::deliver(const Target& target, actors::CallHandle call) {
  if (target.tenant == kDirectory) {
    return deliver_directory(std::move(call));
  }
  const std::size_t index = target.tenant;
  const model::GroupId id = target.group;
  Shard* shard = open_shard(target);
  if (shard == nullptr) {
    call.finish(model::Error(model::Code::unavailable));
    return;
  }
  if (world_.mutant() == ClusterMutant::retries_apply_twice) {
    call.request().info.request_id += "#" + std::to_string(next_cookie_);
  }
  std::vector<actors::Submission> submissions;
  shard->core->handle(std::move(call), submissions);
  while (shard->core->has_work()) {
    shard->core->work();
  }
  if (submissions.empty()) {
    end_if_left(index);
    return;
  }
  Group& group = groups_.at(id);
  std::vector<cluster::Proposal> proposals;
  const std::uint64_t life = shard->life;
  const model::Term term = shard->term;
  std::uint64_t last = 0;
  for (actors::Submission& submission : submissions) {
    const std::uint64_t cookie = next_cookie_++;
    last = submission.sequence;
    group.origins[cookie] = {index, life, submission.sequence, {}};
    proposals.push_back({cookie, term, std::move(submission.write_set)});
  }
  group.core->propose(std::move(proposals), world_.boot_clock(id_));
  if (world_.mutant() == ClusterMutant::answers_before_commit) {
    shard->core->committed(last, group.core->last_index(), model::Index(group.applied));
  }
  carry_out(id, group);
}

void SimNode::refuse(Group& group, const cluster::Refused& refused) {
  const auto origin = group.origins.find(refused.cookie);
  if (origin == group.origins.end()) {
    return;
  }
  const Origin of = std::move(origin->second);
  group.origins.erase(origin);
  if (of.rows) {
    of.rows(refused.error);
    return;
  }
  if (of.tenant == kDirectory) {
    if (directory_ && directory_->life == of.life) {
      end_directory(of.sequence, refused.error);
    }
    return;
  }
  const auto shard = shards_.find(of.tenant);
  if (shard == shards_.end() || shard->second.life != of.life) {
    return;
  }
  std::unique_ptr<actors::TenantCore> core = std::move(shard->second.core);
  shards_.erase(shard);
  core->refused(of.sequence, refused.error);
}

void SimNode::end_shards(model::GroupId id, const model::Error& error) {
  if (id == model::kMetaGroup && world_.mutant() != ClusterMutant::keeps_directory) {
    end_directory(0, error);
  }
  for (auto shard = shards_.begin(); shard != shards_.end();) {
    if (shard->second.group != id) {
      ++shard;
      continue;
    }
    std::unique_ptr<actors::TenantCore> core = std::move(shard->second.core);
    shard = shards_.erase(shard);
    core->refused(0, error);
  }
}

/// The tenant lives elsewhere: the next question is for a core that looks at the rows anew.
void SimNode::end_if_left(std::size_t tenant) {
  const auto shard = shards_.find(tenant);
  if (shard != shards_.end() && shard->second.core->has_left() && !shard->second.core->writes_pending()) {
    shards_.erase(shard);
  }
}

// ---- snapshots

void SimNode::begin_install(model::GroupId id, const storage::Snapshot& snapshot) {
  Group& group = groups_.at(id);
  std::erase_if(unapplied_, [&](const Unapplied& entry) { return entry.group == id; });
  if (world_.mutant() != ClusterMutant::keeps_old_rows) {
    while (true) {
      auto finished = storage::drop_generation(state_disk_, id, snapshot.generation, 64);
      if (!finished.ok()) {
        disk_failed();
        return;
      }
      if (*finished) {
        break;
      }
    }
  }
  std::vector<model::NodeId> sources;
  for (const cluster::Voter& server : group.core->servers()) {
    if (server.id != id_) {
      sources.push_back(server.id);
    }
  }
  const auto leader = std::find(sources.begin(), sources.end(), group.leadership.leader);
  if (leader != sources.end()) {
    std::iter_swap(sources.begin(), leader);
  }
  group.written_chunks = 0;
  group.sink = std::make_unique<cluster::SnapshotSink>(snapshot, std::move(sources), world_.rng().next(),
                                                       world_.boot_clock(id_));
  pump_sink(id);
}

void SimNode::pump_sink(model::GroupId id) {
  Group& group = groups_.at(id);
  if (!group.sink) {
    return;
  }
  for (auto& [to, message] : group.sink->take_messages()) {
    world_.send(id_, to, cluster::PeerChannel::snapshot, id, cluster::encode(message));
  }
  if (group.sink->finished()) {
    if (!state_->flush().ok()) {
      disk_failed();
      return;
    }
    ++counts_.installs;
    // Until that is recorded, the old generation is the active one, with what was applied to it.
    group.switching = group.sink->snapshot();
    group.handed = group.switching->index.value;
    group.sink.reset();
    group.core->installed(world_.boot_clock(id_));
    carry_out(id, group);
    pump_log();
  } else if (!group.sink_timer) {
    group.sink_timer = true;
    const std::uint64_t now = world_.boot_clock(id_);
    const std::uint64_t due = std::max(group.sink->wake_at(), now + 20);
    world_.in_life(id_, due - now, [this, id] {
      Group& woken = groups_.at(id);
      woken.sink_timer = false;
      if (woken.sink) {
        woken.sink->tick(world_.boot_clock(id_));
        pump_sink(id);
      }
    });
  }
}

void SimNode::on_snapshot(model::NodeId from, model::GroupId id, const cluster::SnapshotMessage& message) {
  Group& group = groups_.at(id);
  const std::uint64_t now = world_.boot_clock(id_);
  if (const auto* request = std::get_if<cluster::SnapshotRequest>(&message)) {
    if (group.sink || group.switching || group.applied < request->index.value) {
      world_.send(id_, from, cluster::PeerChannel::snapshot, id,
                  cluster::encode(cluster::SnapshotRefusal{request->transfer}));
      return;
    }
    group.sources[from] = std::make_unique<cluster::SnapshotSource>(*request);
    pump_source(from, id);
  } else if (const auto* credit = std::get_if<cluster::SnapshotCredit>(&message)) {
    if (const auto source = group.sources.find(from); source != group.sources.end()) {
      source->second->credit(*credit);
      pump_source(from, id);
    }
  } else if (const auto* refusal = std::get_if<cluster::SnapshotRefusal>(&message); refusal && group.sink) {
    group.sink->refused(from, *refusal, now);
    pump_sink(id);
  } else if (const auto* chunk = std::get_if<cluster::SnapshotChunk>(&message); chunk && group.sink) {
    // What the source has applied may be in the image; from there on it is exact.
    if (auto rows = group.sink->chunk(from, *chunk, now)) {
      newest_row_[id] = std::max(newest_row_[id], world_.newest_row_of(from, id));
      storage::Batch batch;
      require(storage::add_block(rows->rows, id, group.sink->snapshot().generation, batch).ok(), "a chunk is no block");
      if (!batch.empty() && !state_disk_.write(batch, storage::Durability::unsynced).ok()) {
        disk_failed();
        return;
      }
      group.sink->written(rows->number);
    }
    pump_sink(id);
  }
}

void SimNode::pump_source(model::NodeId to, model::GroupId id) {
  Group& group = groups_.at(id);
  cluster::SnapshotSource& source = *group.sources.at(to);
  while (auto order = source.next()) {
    auto block = storage::read_block(state_disk_, id, group.core->generation(), order->after, 2 << 10);
    require(block.ok(), "the state cannot be read");
    world_.send(id_, to, cluster::PeerChannel::snapshot, id,
                cluster::encode(source.chunk(std::move(block->rows), std::move(block->last_key), block->is_last)));
  }
}

}  // namespace coffer::sim

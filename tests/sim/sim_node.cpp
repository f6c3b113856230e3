// Lives, disks and consensus of a simulated node. See sim_node.hpp.

#include "tests/sim/sim_node.hpp"

#include <algorithm>

#include "actors/write_set.hpp"
#include "cluster/wire.hpp"
#include "storage/state_copy.hpp"

namespace coffer::sim {

namespace {

storage::FaultyOptions disk(std::uint64_t seed) {
  storage::FaultyOptions options;
  options.seed = seed;
  options.file_bytes = 16 << 10;
  options.rotate_per_mille = 30;
  return options;
}

}  // namespace

SimNode::SimNode(NodeWorld& world, model::NodeId id, std::uint64_t seed)
    : world_(world), id_(id), log_disk_(disk(seed)), state_disk_(disk(seed + 1)), random_(seed + 2), deps_{state_disk_,
                                                                                                           world.ring(),
                                                                                                           random_,
                                                                                                           authorizer_,
                                                                                                           [this] { return world_.wall_clock(id_); },
                                                                                                           budget_,
                                                                                                           {}} {
  deps_.kept_changes = 24;  // rows go away, too
}

SimNode::~SimNode() { up_ = false; }

void SimNode::bootstrap(std::uint32_t data_groups, const std::vector<cluster::Voter>& voters,
                        const std::shared_ptr<const std::string>& directory) {
  storage::LogBatch batch;
  batch.node({id_, std::string(kClusterId), data_groups});
  for (std::uint32_t group = 0; group <= data_groups && !voters.empty(); ++group) {
    const cluster::DurableWrite first = cluster::bootstrap(model::GroupId(group), voters);
    batch.hard_state(first.group, *first.hard_state);
    std::vector<storage::LogEntry> entries = first.entries;
    if (group == 0) {
      entries.push_back(
          {model::Index(entries.back().index.value + 1), entries.back().term, storage::EntryKind::command, directory});
    }
    batch.append(first.group, entries, first.last_stored);
  }
  require(storage::LogStore(log_disk_).commit(batch).ok(), "bootstrap");
}

void SimNode::start(bool sealed) {
  ++life_;
  up_ = true;
  sealed_ = sealed;
  groups_.clear();
  shards_.clear();
  moves_.clear();
  moving_.clear();
  unapplied_.clear();
  applying_ = log_failed_ = false;
  room_ = std::make_shared<cluster::LogRoom>(world_.rng().below(20'000));
  writer_ = cluster::LogWriterCore(64 << 10);
  state_ = std::make_unique<storage::StateWriter>(state_disk_);
  const storage::LogStore store(log_disk_);
  const auto node = store.node();
  require(node.ok() && node->has_value(), "a node does not know any more who it is");
  data_groups_ = (*node)->data_groups;
  prepare_directory();
  for (std::uint32_t id = 0; id <= data_groups_; ++id) {
    auto recovered = store.recover(model::GroupId(id));
    require(recovered.ok(), "recovery: " + std::string(recovered.ok() ? "" : recovered.error().message()));
    open_group(model::GroupId(id), std::move(*recovered));
  }
  for (std::uint32_t id = 0; id <= data_groups_; ++id) {
    begin_group(model::GroupId(id));
  }
  reload_directory();
  pump_log();
}

void SimNode::open_group(model::GroupId id, storage::Recovered recovered) {
  Group& group = groups_[id];
  group.handed = group.applied = recovered.snapshot ? recovered.snapshot->index.value : 0;
  const model::Generation active = recovered.snapshot ? recovered.snapshot->generation : model::Generation(1);
  auto stored = storage::generations(state_disk_, id);
  require(stored.ok(), "the state's generations cannot be listed");
  for (const model::Generation generation : *stored) {
    while (generation != active && world_.mutant() != ClusterMutant::keeps_old_rows &&
           !*storage::drop_generation(state_disk_, id, generation, 64)) {
    }
  }
  cluster::GroupConfig config;
  config.group = id;
  config.self = id_;
  config.seed = world_.rng().next();
  config.max_inflight_entries = 64;
  config.catch_up_lag = id_.value % 2 == 0 ? 8 : 1024;
  config.catch_up_window = 4;
  config.trailing_entries = static_cast<std::uint32_t>(world_.rng().below(30));
  config.trailing_bytes = world_.rng().below(4'000);
  config.room = room_;
  config.may_campaign = !sealed_;
  group.core = std::make_unique<cluster::GroupCore>(config, std::move(recovered));
}

void SimNode::begin_group(model::GroupId id) {
  Group& group = groups_.at(id);
  group.core->start(world_.boot_clock(id_));
  carry_out(id, group);
}

void SimNode::stop(bool loses_power) {
  up_ = false;
  moves_.clear();
  directory_.reset();
  mirrored_.clear();
  shards_.clear();
  groups_.clear();
  if (loses_power) {
    log_disk_.crash(world_.rng().next());
    state_disk_.crash(world_.rng().next());
  }
  log_disk_.reopen();
  state_disk_.reopen();
}

void SimNode::seal(bool sealed) {
  if (!up_ || sealed == sealed_) {
    return;
  }
  sealed_ = sealed;
  for (auto& [id, group] : groups_) {
    if (sealed) {
      end_shards(id, model::Error(model::Code::outcome_unknown));
      group.core->forbid_campaign(world_.boot_clock(id_));
    } else {
      group.core->allow_campaign(world_.boot_clock(id_));
    }
    carry_out(id, group);
  }
  if (!sealed) {
    reload_directory();
  }
  pump_log();
}

cluster::GroupCore* SimNode::group(model::GroupId id) {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.core.get();
}

bool SimNode::leads(model::GroupId id) {
  const auto found = groups_.find(id);
  return up_ && found != groups_.end() && found->second.leadership.role == cluster::Role::leader;
}

void SimNode::settle(model::GroupId id) {
  carry_out(id, groups_.at(id));
  pump_log();
}

void SimNode::receive(model::NodeId from, cluster::PeerChannel channel, model::GroupId id, std::string_view body) {
  if (!up_ || !groups_.contains(id)) {  // a group of which this node has not heard yet, too
    return;
  }
  if (channel == cluster::PeerChannel::snapshot) {
    auto message = cluster::decode_snapshot(body);
    require(message.ok(), "a snapshot message does not survive the wire");
    on_snapshot(from, id, *message);
    return;
  }
  auto message = cluster::decode(id, from, id_, body);
  require(message.ok(), "a message does not survive the wire");
  Group& group = groups_.at(id);
  group.core->receive(std::move(*message), world_.boot_clock(id_));
  carry_out(id, group);
  pump_log();
}

void SimNode::carry_out(model::GroupId id, Group& group) {
  cluster::Actions actions = group.core->take_actions();
  require(!actions.fatal, "a group stopped: " + (actions.fatal ? std::string(actions.fatal->message()) : ""));
  group.lease_until = actions.lease_until.value_or(group.lease_until);
  if (group.switching && group.core->generation() == group.switching->generation) {
    group.applied = group.switching->index.value;
    group.switching.reset();
    if (id == model::kMetaGroup) {
      world_.in_life(id_, 0, [this] { reload_directory(); });
    }
  }
  for (cluster::DurableWrite& write : actions.writes) {
    if (world_.mutant() == ClusterMutant::votes_twice) {
      write.hard_state.reset();
    }
    writer_.enqueue(std::move(write));
  }
  for (const cluster::Message& message : actions.messages) {
    world_.send(id_, message.to, cluster::PeerChannel::raft, id, cluster::encode(message));
  }
  hand_out(id, group, std::move(actions.committed));
  for (const cluster::Refused& refused : actions.refused) {
    refuse(group, refused);
  }
  answer_reads(group, actions);
  if (actions.leadership) {
    const bool ends =
        group.leadership.ready && (!actions.leadership->ready || actions.leadership->term != group.leadership.term);
    group.leadership = *actions.leadership;
    if (ends && world_.mutant() != ClusterMutant::ends_no_shard) {
      end_shards(id, model::Error(model::Code::outcome_unknown));
    }
    if (group.leadership.role == cluster::Role::leader) {
      world_.leads(id_, id, group.leadership.term);
    }
  }
  if (actions.install) {
    begin_install(id, *actions.install);
  }
  if (actions.wake_at) {
    const std::uint64_t now = world_.boot_clock(id_);
    const std::uint64_t wait = *actions.wake_at > now ? *actions.wake_at - now : 0;
    world_.in_life(id_, wait, [this, id, timer = ++group.timer] { wake(id, timer); });
  }
}

void SimNode::wake(model::GroupId id, std::uint64_t timer) {
  Group& group = groups_.at(id);
  if (group.timer != timer) {
    return;
  }
  if (const cluster::MonotonicMs late = world_.groups_stand_still(id_); late != 0) {
    return world_.in_life(id_, late, [this, id, timer] { wake(id, timer); });
  }
  group.core->tick(world_.boot_clock(id_));
  carry_out(id, group);
  pump_log();
}

void SimNode::hand_out(model::GroupId id, Group& group, std::vector<cluster::Committed> committed) {
  for (cluster::Committed& item : committed) {
    const std::uint64_t index = item.entry.index.value;
    require(index == group.handed + 1, "committed entries are not handed out in order");
    group.handed = index;
    world_.committed(id, item.entry);
    const auto origin = group.origins.find(item.cookie);
    if (item.cookie != 0 && origin != group.origins.end()) {
      const Origin of = std::move(origin->second);
      group.origins.erase(origin);
      const auto shard = shards_.find(of.tenant);
      if (of.rows) {
        of.rows(item.entry.index);
      } else if (of.tenant == kDirectory) {
        directory_committed(of, item.entry.index);
      } else if (shard != shards_.end() && shard->second.life == of.life) {
        shard->second.core->committed(of.sequence, item.entry.index, model::Index(group.applied));
        end_if_left(of.tenant);
      }
    }
    if (id == model::kMetaGroup) {
      mirror(item.entry);
    }
    unapplied_.push_back({id, group.core->generation(), std::move(item.entry)});
  }
  if (!unapplied_.empty() && !applying_) {
    applying_ = true;
    world_.in_life(id_, world_.rng().between(0, 6), [this] { pump_state(); });
  }
}

void SimNode::pump_state() {
  applying_ = false;
  std::map<model::GroupId, std::uint64_t> reached;
  actors::WriteSetView set;
  for (std::uint64_t n = world_.rng().between(1, unapplied_.size() + 1); n > 0 && !unapplied_.empty(); --n) {
    const Unapplied next = std::move(unapplied_.front());
    unapplied_.pop_front();
    if (next.entry.kind == storage::EntryKind::command) {
      require(actors::decode_write_set(*next.entry.data, set).ok(), "a committed entry is no write set");
      state_->apply(next.group, next.generation, set.head.tenant, set.rows);
    }
    reached[next.group] = next.entry.index.value;
    // Before the write, for one that fails may be found on the disk all the same.
    newest_row_[next.group] = std::max(newest_row_[next.group], next.entry.index.value);
  }
  if (!state_->write().ok()) {
    disk_failed();
    return;
  }
  for (const auto& [id, index] : reached) {
    groups_.at(id).applied = std::max(groups_.at(id).applied, index);
  }
  if (!unapplied_.empty()) {
    applying_ = true;
    world_.in_life(id_, world_.rng().between(0, 6), [this] { pump_state(); });
  }
}

void SimNode::checkpoint() {
  std::map<model::GroupId, std::uint64_t> reached;
  for (auto& [id, group] : groups_) {
    reached[id] = group.applied;
  }
  if (world_.mutant() != ClusterMutant::truncates_too_early && !state_->flush().ok()) {
    disk_failed();
    return;
  }
  ++counts_.checkpoints;
  world_.in_life(id_, world_.rng().between(0, 20), [this, reached] {
    for (const auto& [id, index] : reached) {
      groups_.at(id).core->checkpoint(model::Index(index), world_.boot_clock(id_));
      carry_out(id, groups_.at(id));
    }
    pump_log();
  });
}

void SimNode::pump_log() {
  if (!up_) {
    return;
  }
  auto batch = writer_.next();
  if (!batch) {
    return;
  }
  Rng& rng = world_.rng();
  const std::uint64_t ms = world_.is_healed() ? rng.between(0, 3)
                           : rng.chance(10)   ? rng.between(50, 500)
                                              : rng.between(0, 8);
  if (world_.mutant() == ClusterMutant::forgets_fsync) {
    report_durable();
    world_.in_life(id_, ms, [this, batch = std::move(*batch)] { write_log(batch); });
    return;
  }
  // The disk may take the batch at once or at the end of the delay: a crash in between finds either.
  const bool early = rng.chance(500);
  if (early && !write_log(*batch)) {
    return;
  }
  world_.in_life(id_, ms, [this, batch = std::move(*batch), early] { finish_log(batch, early); });
}

bool SimNode::write_log(const storage::LogBatch& batch) {
  // The first error is the last thing that the log writer does.
  if (log_failed_ || !storage::LogStore(log_disk_).commit(batch).ok()) {
    log_failed_ = true;
    disk_failed();
    return false;
  }
  return true;
}

void SimNode::finish_log(const storage::LogBatch& batch, bool written) {
  if (written || write_log(batch)) {
    report_durable();
  }
}

void SimNode::report_durable() {
  for (const cluster::Durable& durable : writer_.done()) {
    Group& group = groups_.at(durable.group);
    group.core->persisted(durable.ticket, world_.boot_clock(id_));
    carry_out(durable.group, group);
  }
  pump_log();
}

void SimNode::disk_failed() {
  ++counts_.disk_failures;
  world_.failed(id_);
}

void SimNode::fail_disk() {
  Rng& rng = world_.rng();
  storage::FaultyEngine& victim = rng.chance(500) ? log_disk_ : state_disk_;
  const auto fault = rng.chance(500) ? storage::DiskFault::no_space : storage::DiskFault::io_error;
  victim.fail_write(rng.between(1, 5), fault);
  if (rng.chance(300)) {
    state_disk_.fail_flush(1, fault);
  }
}

std::optional<std::uint64_t> SimNode::fingerprint(model::GroupId id) const {
  const auto found = groups_.find(id);
  if (found == groups_.end()) {
    return std::nullopt;
  }
  const Group& group = found->second;
  if (group.sink || group.switching || group.applied < newest_row(id)) {
    return std::nullopt;
  }
  Trace trace;
  std::string after;
  for (bool more = true; more;) {
    auto block = storage::read_block(state_disk_, id, group.core->generation(), after, 64 << 10);
    require(block.ok(), "the state cannot be read");
    trace.add(block->rows);
    after = block->last_key;
    more = !block->is_last;
  }
  return trace.hash();
}

}  // namespace coffer::sim

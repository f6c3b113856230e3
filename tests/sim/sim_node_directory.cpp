// The directory at a simulated node: DirectoryCore where the meta group is led, as actors/directory_actor.cpp has it; its
// rows made visible elsewhere, as actors/mirror_actor.cpp does; and groups that are added, as actors/node_growth.cpp
// begins them. See sim_node.hpp.

#include <algorithm>

#include "actors/write_set.hpp"
#include "crypto/sealer.hpp"
#include "storage/keys.hpp"
#include "tests/sim/sim_node.hpp"

namespace coffer::sim {

std::string name_of_tenant(std::size_t tenant) { return "t" + std::to_string(tenant); }
std::size_t tenant_of_name(const std::string& name) { return std::stoul(name.substr(1)); }

void SimNode::prepare_directory() {
  directory_.reset();
  mirrored_.clear();
  founding_.clear();
  mirroring_ = false;
  newest_mirrored_ = published_ = 0;
  routing_ = std::make_unique<actors::RoutingTable>();
  operators_ = std::make_unique<actors::OperatorTable>();
  directory_deps_.reset(new actors::DirectoryDeps{state_disk_, world_.ring(), random_,
                                                  [this] { return world_.wall_clock(id_); }, *routing_, *operators_,
                                                  model::Generation{1}, data_groups_});
  actors::DirectoryDeps& deps = *directory_deps_;
  deps.self = id_;
  deps.tenant_moves = [this](const model::TenantInfo& tenant) { noticed(tenant); };
  deps.groups_added = [this](const std::vector<actors::GroupFounding>& added) { know_groups(added); };
  deps.is_led = [this](model::GroupId group) {
    const auto found = groups_.find(group);
    return found != groups_.end() && found->second.leadership.leader.value != 0;
  };
  deps.is_heard = [this](model::NodeId node) { return world_.hears(id_, node); };
  // What its own replicas know stands in for what the leaders report.
  deps.replicas_of = [this](model::NodeId node) {
    return static_cast<std::uint32_t>(std::count_if(groups_.begin(), groups_.end(), [node](const auto& group) {
      const auto servers = group.second.core->servers();
      return std::any_of(servers.begin(), servers.end(), [node](const auto& server) { return server.id == node; });
    }));
  };
  prepare_steward();
}

void SimNode::attend() {
  if (up_ && !sealed_) {
    open_directory();
    attend_moves();
  }
}

/// False while it cannot be opened: not led here, or what earlier leaders wrote is not applied yet.
bool SimNode::open_directory() {
  if (directory_) {
    return true;
  }
  const Group& group = groups_.at(model::kMetaGroup);
  if (!group.leadership.ready || group.applied < group.core->last_index().value) {
    return false;
  }
  directory_deps_->generation = group.core->generation();
  published_ = std::max(published_, group.applied);
  directory_.emplace(Directory{next_life_of_shards_++, group.leadership.term, nullptr});
  auto core = actors::DirectoryCore::open(*directory_deps_);
  require(core.ok(), "the directory does not open: " + std::string(core.ok() ? "" : core.error().message()));
  directory_->core = std::move(*core);
  begin_view();
  return true;
}

void SimNode::deliver_directory(actors::CallHandle call) {
  if (!open_directory()) {
    call.finish(model::Error(model::Code::unavailable));
    return;
  }
  std::vector<actors::Submission>& out = directory_->due;
  directory_->core->handle(std::move(call), out);
  if (world_.mutant() == ClusterMutant::begins_decided_groups) {
    actors::WriteSetView set;
    for (const actors::Submission& submission : out) {
      require(actors::decode_write_set(*submission.write_set, set).ok(), "the directory wrote no write set");
      for (const actors::RowView& row : set.rows) {
        if (row.value && row.row.starts_with(storage::kGroupRows)) {
          publish(row.row, *row.value);
        }
      }
    }
  }
  propose_directory();
}

void SimNode::propose_directory() {
  std::vector<actors::Submission> submissions = std::exchange(directory_->due, {});
  if (submissions.empty()) {
    return;
  }
  Group& group = groups_.at(model::kMetaGroup);
  std::vector<cluster::Proposal> proposals;
  for (actors::Submission& submission : submissions) {
    const std::uint64_t cookie = next_cookie_++;
    group.origins[cookie] = {kDirectory, directory_->life, submission.sequence, {}};
    proposals.push_back({cookie, directory_->term, std::move(submission.write_set)});
  }
  if (world_.mutant() == ClusterMutant::keeps_directory) {
    for (cluster::Proposal& proposal : proposals) {
      proposal.term = group.leadership.term;
    }
  }
  group.core->propose(std::move(proposals), world_.boot_clock(id_));
  carry_out(model::kMetaGroup, group);
  pump_log();
}

void SimNode::directory_committed(const Origin& of, model::Index index) {
  if (!directory_ || directory_->life != of.life) {
    return;
  }
  directory_->core->committed(of.sequence, directory_->due);
  published_ = std::max(published_, index.value);
  if (!directory_->due.empty()) {  // not from within the group's own actions
    world_.in_life(id_, 0, [this, life = of.life] {
      if (directory_ && directory_->life == life) {
        propose_directory();
      }
    });
  }
}

void SimNode::end_directory(std::uint64_t sequence, const model::Error& error) {
  if (!directory_) {
    return;
  }
  const std::unique_ptr<actors::DirectoryCore> core = std::move(directory_->core);
  directory_.reset();
  if (core) {
    core->refused(sequence, error);
  }
  pump_mirror();  // it goes on where the directory ends
}

// ---- the mirror

void SimNode::mirror(const storage::LogEntry& entry) {
  newest_mirrored_ = entry.index.value;
  mirrored_.push_back(entry);
  if (mirroring_) {
    return;
  }
  mirroring_ = true;
  Rng& rng = world_.rng();
  const std::uint64_t ms = world_.is_healed() || !rng.chance(50) ? rng.between(0, 10) : rng.between(50, 2000);
  world_.in_life(id_, ms, [this] {
    mirroring_ = false;
    pump_mirror();
  });
}

void SimNode::pump_mirror() {
  actors::WriteSetView set;
  for (; !mirrored_.empty(); mirrored_.pop_front()) {
    const storage::LogEntry& entry = mirrored_.front();
    if (entry.index.value <= published_ || entry.kind != storage::EntryKind::command) {
      continue;
    }
    if (directory_) {
      return;
    }
    require(actors::decode_write_set(*entry.data, set).ok(), "a committed entry is no write set");
    for (const actors::RowView& row : set.rows) {
      if (row.value) {
        publish(row.row, *row.value);
      }
    }
  }
}

void SimNode::publish(std::string_view row, std::string_view value) {
  if (row.starts_with(storage::kGroupRows)) {
    auto group = actors::decode_founding(value);
    require(group.ok(), "a group's row cannot be read");
    know_groups({std::move(*group)});
  } else if (row.starts_with(storage::kTenantRows) && !sealed_) {
    crypto::Sealer sealer = world_.ring().directory_sealer(random_);
    const auto opened = sealer.open(value, crypto::row_identity(model::TenantId{}.view(), row));
    require(opened.ok(), "a tenant's row does not open");
    const auto tenant = actors::decode_tenant(opened->expose());
    require(tenant.ok(), "a tenant's row cannot be read");
    if (tenant->info.moves != 0) {
      noticed(tenant->info);
    }
    routing_->put(*tenant);
  } else if (row.starts_with(storage::kNodeRows)) {
    const auto node = actors::decode_node(value);
    require(node.ok(), "a node's row cannot be read");
    nodes_->put(*node);
  }
}

/// What the state holds, when everything that came before is in it.
void SimNode::reload_directory() {
  pump_mirror();
  const Group& group = groups_.at(model::kMetaGroup);
  if (group.applied < newest_mirrored_) {
    world_.in_life(id_, 5, [this] { reload_directory(); });
    return;
  }
  if (directory_) {
    return;
  }
  const storage::TenantRows rows(state_disk_, model::kMetaGroup, group.core->generation(), model::TenantId{});
  for (const std::string_view prefix : {storage::kNodeRows, storage::kGroupRows, storage::kTenantRows}) {
    for (auto scan = rows.scan(prefix, storage::prefix_end(prefix)); scan->valid(); scan->next()) {
      publish(rows.row_of(scan->key()), scan->value());
    }
  }
}

// ---- growth

/// One synced batch with what founders start from and the number of groups; then they begin.
void SimNode::know_groups(std::vector<actors::GroupFounding> added) {
  std::sort(added.begin(), added.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  auto batch = std::make_shared<storage::LogBatch>();
  auto fresh = std::make_shared<std::vector<std::pair<model::GroupId, storage::Recovered>>>();
  for (const actors::GroupFounding& group : added) {
    if (group.id.value <= data_groups_) {
      continue;
    }
    require(group.id.value == data_groups_ + 1, "the directory's rows leave out a group");
    world_.begins(id_, group);
    ++data_groups_;
    storage::Recovered recovered;
    const bool founds = std::find(group.founders.begin(), group.founders.end(), id_) != group.founders.end();
    if (founds && world_.mutant() != ClusterMutant::founds_from_nothing) {
      std::vector<cluster::Voter> voters;
      for (const model::NodeId node : group.founders) {
        voters.push_back({node, std::to_string(node.value)});
      }
      const cluster::DurableWrite first = cluster::bootstrap(group.id, voters);
      batch->hard_state(group.id, *first.hard_state);
      batch->append(group.id, first.entries, first.last_stored);
      recovered.hard_state = *first.hard_state;
      recovered.entries = first.entries;
    }
    fresh->emplace_back(group.id, std::move(recovered));
  }
  if (fresh->empty()) {
    return;
  }
  batch->node({id_, std::string(kClusterId), data_groups_});
  founding_.push_back([this, batch, fresh] {
    if (!write_log(*batch)) {
      return;
    }
    for (auto& [id, recovered] : *fresh) {
      open_group(id, std::move(recovered));
    }
    for (const auto& [id, recovered] : *fresh) {
      begin_group(id);
    }
    pump_log();
  });
  // One after the other, as the log writer takes them.
  world_.in_life(id_, world_.rng().between(0, 8), [this] {
    const auto found = std::move(founding_.front());
    founding_.pop_front();
    found();
  });
}

}  // namespace coffer::sim

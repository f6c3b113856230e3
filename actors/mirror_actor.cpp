// The mirror: on a node that does not lead the meta group, it makes the directory's committed rows visible: routes,
// operators' credentials, nodes. Where the directory's own actor runs, that publishes what it commits, and the mirror
// keeps what it hears until that one ends. Runs on CAF's scheduler; reads the whole directory when it is told to.

#include <deque>
#include <unordered_set>

#include "actors/cluster_records.hpp"
#include "actors/context.hpp"
#include "actors/write_set.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

namespace mirror_actor {
namespace {

constexpr std::chrono::milliseconds kWaitForState{5};
constexpr model::TimeMs kClocksDiffer = 5000;  // of nodes, at most; the keeper looks at its own

struct MirrorState {
  static constexpr const char* name = "mirror";
  Context* context = nullptr;
  std::deque<Apply> waiting;
  std::size_t position = 0;  // in the oldest of them
  std::uint64_t newest = 0;  // index of the newest entry that came
  WriteSetView set;
};

using Self = MirrorActor::stateful_pointer<MirrorState>;

/// Under a cluster key that has been retired since: when this node replays its log, or its state lost what came between.
/// The same row, sealed anew, comes before the entry that retired the key.
bool is_outlived(const Context& context, std::string_view sealed) {
  const auto version = crypto::sealed_key_version(sealed);
  return version.ok() && context.directory_deps->ring.is_retired(*version);
}

model::Result<model::Secret> open_row(const Context& context, std::string_view row, std::string_view sealed) {
  crypto::Sealer sealer = context.directory_deps->ring.directory_sealer(context.directory_deps->random);
  return sealer.open(sealed, crypto::row_identity(model::TenantId{}.view(), row));
}

model::Status publish_node(Context& context, std::string_view value) {
  auto node = decode_node(value);
  if (!node) return node.error();
  if (context.nodes.put(*node)) context.publish_peers();
  return {};
}

model::Status publish_group(const Context& context, std::string_view value) {
  auto group = decode_founding(value);
  if (!group) return group.error();
  if (context.groups_added) context.groups_added({std::move(*group)});
  return {};
}

/// A program that does not know what the others store and send by now would take it for damage.
model::Status publish_cluster(const Context& context, std::string_view value) {
  auto settings = decode_cluster(value);
  if (!settings) return settings.error();
  return check_format(*settings, context.newest_format);
}

model::Status publish_tenant(Self self, std::string_view row, std::string_view value, DirectoryTenant* out) {
  Context& context = *self->state.context;
  if (is_outlived(context, value)) return {};
  auto opened = open_row(context, row, value);
  if (!opened) return opened.error();
  auto tenant = decode_tenant(opened->expose());
  if (!tenant) return tenant.error();
  if (tenant->info.state != model::TenantState::active) {
    if (tenant->info.purged_at != 0 && context.tenant_purged) {
      const model::TimeMs at = tenant->info.purged_at;
      context.tenant_purged(tenant->info.group, at);
      for (const model::GroupId group : tenant->info.former_groups) context.tenant_purged(group, at);
    }
    const bool is_due = tenant->info.purged_at == 0 && tenant->info.purge_at <= context.wall_clock() + kClocksDiffer;
    if (is_due && context.tenant_to_purge) context.tenant_to_purge();
    context.routing->remove(*tenant);
    self->send(context.front, TenantDeleted{tenant->info.id});
  } else {
    if (tenant->info.moves != 0 && context.tenant_moves) context.tenant_moves(tenant->info);
    context.routing->put(*tenant);
  }
  if (out != nullptr) *out = std::move(*tenant);
  return {};
}

model::Status publish_operator(const Context& context, std::string_view row, std::string_view value) {
  if (is_outlived(context, value)) return {};
  auto opened = open_row(context, row, value);
  if (!opened) return opened.error();
  auto op = decode_operator(opened->expose());
  if (!op) return op.error();
  context.operators->put(*op);
  return {};
}

model::Status publish_row(Self self, std::string_view row, std::string_view value, DirectoryTenant* tenant = nullptr) {
  Context& context = *self->state.context;
  if (row.starts_with(storage::kNodeRows)) return publish_node(context, value);
  if (row.starts_with(storage::kGroupRows)) return publish_group(context, value);
  if (row == storage::kClusterRow) return publish_cluster(context, value);
  if (!context.unsealed) return {};  // what is sealed is read when the keys are open
  if (row.starts_with(storage::kTenantRows)) return publish_tenant(self, row, value, tenant);
  if (row.starts_with(storage::kOperatorRows)) return publish_operator(context, row, value);
  return {};
}

/// New keys first: the rows behind them may be sealed by them.
void note_keys(Context& context, const WriteSetView& set) {
  KeyChanges changes;
  for (const RowView& change : set.rows) {
    if (!storage::is_keepers_row(change.row)) continue;
    changes.emplace_back(std::string(change.row),
                         change.value ? std::optional<std::string>(*change.value) : std::nullopt);
  }
  if (!changes.empty() && context.keys_changed) context.keys_changed(changes);
}

model::Status publish(Self self, const cluster::Committed& item) {
  MirrorState& state = self->state;
  if (item.entry.kind != storage::EntryKind::command) return {};
  if (auto status = decode_write_set(*item.entry.data, state.set); !status) return status;
  note_keys(*state.context, state.set);
  for (const RowView& change : state.set.rows) {
    if (!change.value) {
      if (change.row.starts_with(storage::kOperatorRows)) {
        state.context->operators->remove(change.row.substr(storage::kOperatorRows.size()));
      }
      continue;
    }
    if (auto status = publish_row(self, change.row, *change.value); !status) return status;
  }
  return {};
}

void advance(Context& context, std::uint64_t index) {
  if (context.mirrored < index) context.mirrored = index;
}

void drain(Self self) {
  MirrorState& state = self->state;
  Context& context = *state.context;
  const std::lock_guard lock(context.publishing);
  while (!state.waiting.empty()) {
    const auto& entries = *state.waiting.front().entries;
    for (; state.position < entries.size(); ++state.position) {
      const cluster::Committed& item = entries[state.position];
      if (item.entry.index.value > context.published_by_leader) {
        if (context.directory_publisher != 0) break;
        if (auto status = publish(self, item); !status) return context.fatal(status.error());
      }
      advance(context, item.entry.index.value);
    }
    if (state.position < entries.size()) break;
    state.waiting.pop_front();
    state.position = 0;
  }
  self->send(context.forwarder, Mirrored{model::Index{context.mirrored.load()}});
}

void take(Self self, const Apply& apply) {
  MirrorState& state = self->state;
  if (apply.entries != nullptr && !apply.entries->empty()) {
    state.newest = apply.entries->back().entry.index.value;
    state.waiting.push_back(apply);
  }
  drain(self);
}

model::Status read_everything(Self self) {
  Context& context = *self->state.context;
  const model::Generation generation{context.boards[model::kMetaGroup.value].generation};
  const storage::TenantRows rows(*context.state_engine, model::kMetaGroup, generation, model::TenantId{});
  auto keys = read_key_rows(*context.state_engine, generation);
  if (!keys) return keys.error();
  if (!keys->empty() && context.keys_read) context.keys_read(std::move(*keys));  // none: this replica holds nothing yet
  std::unordered_set<std::string> names, in_force;
  std::set<std::pair<model::Door, std::string>> doors;
  // Groups before the tenants that live in them.
  for (const std::string_view prefix : {std::string_view(storage::kClusterRow), storage::kNodeRows, storage::kGroupRows,
                                        storage::kTenantRows, storage::kOperatorRows}) {
    auto scan = rows.scan(prefix, storage::prefix_end(prefix));
    for (; scan->valid(); scan->next()) {
      const std::string_view row = rows.row_of(scan->key());
      DirectoryTenant tenant;
      if (auto status = publish_row(self, row, scan->value(), &tenant); !status) return status;
      if (prefix == storage::kOperatorRows) in_force.emplace(row.substr(prefix.size()));
      if (prefix != storage::kTenantRows || tenant.info.state != model::TenantState::active) continue;
      for (const model::DoorName& door : tenant.info.doors) doors.emplace(door.door, door.external_id);
      names.insert(std::move(tenant.info.name));
    }
    if (auto status = scan->status(); !status) return status;
  }
  context.operators->retain([&](std::string_view hash) { return in_force.contains(std::string(hash)); });
  context.routing->retain([&](std::string_view name) { return names.contains(std::string(name)); },
                          [&](const model::DoorName& door) {
                            return doors.contains({door.door, door.external_id});
                          });
  return {};
}

void reload(Self self) {
  MirrorState& state = self->state;
  Context& context = *state.context;
  const std::uint64_t applied = context.boards[model::kMetaGroup.value].applied;
  if (applied < state.newest) {  // what came before the keys were open is not in the state yet
    self->delayed_send(self, kWaitForState, Reload{});
    return;
  }
  {
    const std::lock_guard lock(context.publishing);
    if (context.directory_publisher == 0) {
      if (auto status = read_everything(self); !status) return context.fatal(status.error());
      advance(context, applied);
    }
  }
  context.mirror_loaded = true;
  drain(self);
  const std::lock_guard lock(context.ready_mutex);
  context.ready_changed.notify_all();
}

MirrorActor::behavior_type mirror(Self self, Context* context) {
  self->state.context = context;
  return {
      [self](const Apply& apply) { take(self, apply); },
      [self](const Reload&) { reload(self); },
      [self](const Finish& finish) {
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace mirror_actor

MirrorActor spawn_mirror(caf::actor_system& system, Context& context) {
  return system.spawn(mirror_actor::mirror, &context);
}

}  // namespace coffer::actors

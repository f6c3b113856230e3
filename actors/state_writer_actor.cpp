// The state writer: applies committed write sets to the state database, without fsync, and flushes it at checkpoints.
// Detached, for LevelDB may stall a writer. Needs no keys: write sets are puts and deletes of sealed rows.

#include "actors/context.hpp"
#include "actors/write_set.hpp"
#include "storage/keys.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

namespace state_writer_actor {
namespace {

struct StateWriterState {
  static constexpr const char* name = "state-writer";
  Context* context = nullptr;
  std::unique_ptr<storage::StateWriter> writer;
  std::vector<GroupActor> groups;
  std::vector<model::Index> applied, pending;  // by group; pending: written with the next batch
  std::size_t bytes_since_checkpoint = 0;
  bool flushing = false;
  WriteSetView set;  // of the entry that is being applied; its memory is used again
};

using Self = StateWriterActor::stateful_pointer<StateWriterState>;

constexpr std::size_t kBatchBytes = 4 << 20;

void stop_node(Self self, const model::Error& error) {
  self->state.context->fatal(error);
  self->quit();
}

/// Where a tenant's shard runs, it says so itself; elsewhere whoever verifies by these rows learns it from here.
void note_trust(const StateWriterState& state, model::GroupId group, model::Index index) {
  for (const RowView& change : state.set.rows) {
    const bool is_trust =
        change.row.starts_with(storage::kIssuerRows) || change.row.starts_with(storage::kCertificateRuleRows);
    if (is_trust && !state.set.head.tenant.is_zero()) {
      return state.context->tenant_trust_applied(state.set.head.tenant, group, index);
    }
  }
}

model::Status add(StateWriterState& state, const Apply& apply) {
  for (const cluster::Committed& item : *apply.entries) {
    state.pending[apply.group.value] = item.entry.index;
    if (item.entry.kind != storage::EntryKind::command) continue;
    ++state.context->counters.applied_entries;
    if (auto status = decode_write_set(*item.entry.data, state.set); !status) {
      return model::Error(model::Code::data_loss, "entry " + std::to_string(item.entry.index.value) + " of group " +
                                                      std::to_string(apply.group.value) + ": " +
                                                      std::string(status.error().message()));
    }
    state.writer->apply(apply.group, apply.generation, state.set.head.tenant, state.set.rows);
    note_trust(state, apply.group, item.entry.index);
    if (model::AuditPort* const audit = state.context->audit; audit != nullptr && !state.set.audit.empty()) {
      const WriteSetHead& head = state.set.head;
      audit->changed({apply.group, item.entry.index, head.tenant, {head.epoch, head.revision}, state.set.audit});
    }
  }
  return {};
}

bool write(Self self) {
  StateWriterState& state = self->state;
  state.bytes_since_checkpoint += state.writer->pending_bytes();
  if (auto status = state.writer->write(); !status) {
    stop_node(self, status.error());
    return false;
  }
  for (std::size_t group = 0; group < state.pending.size(); ++group) {
    if (state.pending[group] == state.applied[group]) continue;
    state.applied[group] = state.pending[group];
    state.context->boards[group].applied = state.applied[group].value;
    self->send(state.groups[group], Applied{state.applied[group]});
  }
  return true;
}

void checkpoint(Self self) {
  StateWriterState& state = self->state;
  if (!write(self) || state.bytes_since_checkpoint == 0) return;
  if (auto status = state.writer->flush(); !status) return stop_node(self, status.error());
  state.bytes_since_checkpoint = 0;
  ++state.context->counters.checkpoints;
  for (std::size_t group = 0; group < state.applied.size(); ++group) {
    if (state.applied[group].value > state.context->boards[group].durable) {
      self->send(state.groups[group], Checkpointed{state.applied[group]});
    }
  }
}

// ---- snapshots of peers

constexpr std::size_t kDropRows = 2000;  // at a time, so that what is committed meanwhile does not wait

void write_rows(Self self, const Rows& rows) {
  StateWriterState& state = self->state;
  storage::Batch batch;
  auto status = storage::add_block(*rows.block, rows.group, rows.generation, batch);
  if (status) status = state.context->state_engine->write(batch, storage::Durability::unsynced);
  if (!status) return stop_node(self, status.error());
  state.bytes_since_checkpoint += batch.bytes();
  self->send(state.context->snapshots, RowsWritten{rows.group, rows.number});
}

void drop(Self self, const DropGeneration& order) {
  Context& context = *self->state.context;
  auto done = storage::drop_generation(*context.state_engine, order.group, order.generation, kDropRows);
  if (!done) return stop_node(self, done.error());
  if (!*done) return self->send(self, order);
  if (order.notify) self->send(context.snapshots, Dropped{order.group});
}

void flush_install(Self self, const FlushInstall& order) {
  StateWriterState& state = self->state;
  if (!write(self)) return;
  if (auto status = state.writer->flush(); !status) return stop_node(self, status.error());
  // The board says so when the new generation is active (the group's actor): until then the rows are the old ones.
  state.applied[order.group.value] = state.pending[order.group.value] = order.index;
  self->send(state.groups[order.group.value], Installed{});
}

void subscribed(StateWriterState& state, const Subscribe& subscribe) {
  const std::size_t known = std::max<std::size_t>(state.groups.size(), subscribe.group.value + 1);
  state.groups.resize(known);
  state.applied.resize(known);
  state.pending.resize(known);
  state.groups[subscribe.group.value] = subscribe.actor;
}

/// Nothing of the replica may be taken for its state from the first deletion on: others ask for snapshots and views of it.
void drop_replica(Self self, const DropReplica& order) {
  StateWriterState& state = self->state;
  Context& context = *state.context;
  subscribed(state, {order.group, order.actor});
  if (!write(self)) return;
  GroupBoard& board = context.boards[order.group.value];
  state.applied[order.group.value] = state.pending[order.group.value] = model::Index{};
  board.applied = 0;  // before the generation, which readers look at first
  board.generation = order.generation.value;
  const auto found = storage::generations(*context.state_engine, order.group);
  if (!found) return stop_node(self, found.error());
  if (!found->empty()) {
    const auto done = storage::drop_generation(*context.state_engine, order.group, found->front(), kDropRows);
    if (!done) return stop_node(self, done.error());
    return self->send(self, order);
  }
  if (auto status = state.writer->flush(); !status) return stop_node(self, status.error());
  self->send(order.actor, ReplicaDropped{});
}

StateWriterActor::behavior_type state_writer(Self self, Context* context) {
  StateWriterState& state = self->state;
  state.context = context;
  state.writer = std::make_unique<storage::StateWriter>(*context->state_engine);
  self->delayed_send(self, context->checkpoint_interval, Checkpoint{});
  return {
      [self](const Subscribe& subscribe) { subscribed(self->state, subscribe); },
      [self](const Apply& apply) {
        StateWriterState& s = self->state;
        if (auto status = add(s, apply); !status) return stop_node(self, status.error());
        if (s.writer->pending_bytes() > kBatchBytes && !write(self)) return;
        if (s.flushing) return;
        s.flushing = true;
        self->send(self, Flush{});
      },
      [self](const Flush&) {
        StateWriterState& s = self->state;
        s.flushing = false;
        if (write(self) && s.bytes_since_checkpoint > s.context->checkpoint_bytes) checkpoint(self);
      },
      [self](const Checkpoint& request) {
        checkpoint(self);
        if (request.done) {
          request.done->set_value();
        } else {
          self->delayed_send(self, self->state.context->checkpoint_interval, Checkpoint{});
        }
      },
      [self](const Rows& rows) { write_rows(self, rows); },
      [self](const DropGeneration& order) { drop(self, order); },
      [self](const FlushInstall& order) { flush_install(self, order); },
      [self](const DropReplica& order) { drop_replica(self, order); },
      [self](const Note& note) {
        const auto status = self->state.context->state_engine->write(*note.batch, storage::Durability::unsynced);
        if (!status) stop_node(self, status.error());
      },
      [self](const Finish& finish) {
        write(self);
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace state_writer_actor

StateWriterActor spawn_state_writer(caf::actor_system& system, Context& context) {
  return system.spawn<caf::detached>(state_writer_actor::state_writer, &context);
}

}  // namespace coffer::actors

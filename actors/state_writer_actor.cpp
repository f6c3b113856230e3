// The state writer: applies committed write sets to the state database, without fsync, and flushes it at checkpoints.
// Detached, for LevelDB may stall a writer. Needs no keys: write sets are puts and deletes of sealed rows.

#include "actors/context.hpp"
#include "actors/write_set.hpp"

namespace coffer::actors {

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
    if (state.context->audit != nullptr && !state.set.audit.empty()) {
      const WriteSetHead& head = state.set.head;
      state.context->audit->changed(
          {apply.group, item.entry.index, head.tenant, {head.epoch, head.revision}, state.set.audit});
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

StateWriterActor::behavior_type state_writer(Self self, Context* context) {
  StateWriterState& state = self->state;
  state.context = context;
  state.writer = std::make_unique<storage::StateWriter>(*context->state_engine);
  state.groups.resize(context->boards.size());
  state.applied.resize(context->boards.size());
  state.pending.resize(context->boards.size());
  self->delayed_send(self, context->checkpoint_interval, Checkpoint{});
  return {
      [self](const Subscribe& subscribe) { self->state.groups[subscribe.group.value] = subscribe.actor; },
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
      [self](const Finish& finish) {
        write(self);
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace

StateWriterActor spawn_state_writer(caf::actor_system& system, Context& context) {
  return system.spawn<caf::detached>(state_writer, &context);
}

}  // namespace coffer::actors

// The log writer: the one actor that waits for fsync. Detached; everything that arrives while a flush runs forms the
// next batch, for all groups together.

#include <algorithm>

#include "actors/context.hpp"

namespace coffer::actors {

namespace log_writer_actor {
namespace {

struct LogWriterState {
  static constexpr const char* name = "log-writer";
  Context* context = nullptr;
  cluster::LogWriterCore core;
  std::vector<GroupActor> groups;
  bool flushing = false;
};

using Self = LogWriterActor::stateful_pointer<LogWriterState>;

/// Nothing of this batch is acknowledged, ever: the node ends here and replays what really became durable.
void end_node(Self self, const model::Error& error) {
  self->state.context->fatal(error);
  self->quit();
}

void flush(Self self) {
  LogWriterState& state = self->state;
  state.flushing = false;
  while (auto batch = state.core.next()) {
    ++state.context->counters.log_batches;
    state.context->counters.log_bytes += batch->bytes();
    if (auto status = state.context->log_store->commit(*batch); !status) return end_node(self, status.error());
    for (const cluster::Durable& durable : state.core.done()) {
      if (state.context->hosts[durable.group.value]->try_persisted(durable.ticket)) continue;
      self->send(state.groups[durable.group.value], Persisted{durable.ticket});
    }
    if (state.core.queued() == 0) break;
  }
}

LogWriterActor::behavior_type log_writer(Self self, Context* context) {
  self->state.context = context;
  return {
      [self](const Subscribe& subscribe) {
        auto& groups = self->state.groups;
        groups.resize(std::max<std::size_t>(groups.size(), subscribe.group.value + 1));
        groups[subscribe.group.value] = subscribe.actor;
      },
      [self](const Write& write) {
        LogWriterState& state = self->state;
        ++state.context->counters.log_writes;
        state.core.enqueue(std::move(*write.write));
        if (state.flushing) return;
        state.flushing = true;
        self->send(self, Flush{});
      },
      [self](const Flush&) { flush(self); },
      [self](const FoundGroups& found) {
        if (auto status = self->state.context->log_store->commit(*found.batch); !status) {
          return end_node(self, status.error());
        }
        (*found.done)();
      },
      [self](const Finish& finish) {
        flush(self);
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace log_writer_actor

LogWriterActor spawn_log_writer(caf::actor_system& system, Context& context) {
  return system.spawn<caf::detached>(log_writer_actor::log_writer, &context);
}

}  // namespace coffer::actors

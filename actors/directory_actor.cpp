// The directory: DirectoryCore in an actor, the shard of the meta group. Runs on CAF's scheduler; reads the whole
// directory once, when its group opens.

#include <deque>

#include "actors/context.hpp"
#include "actors/unconfirmed.hpp"

namespace coffer::actors {

namespace directory_actor {
namespace {

struct DirectoryState {
  static constexpr const char* name = "directory";
  Context* context = nullptr;
  std::uint64_t life = 0;
  model::Term term;
  std::unique_ptr<DirectoryCore> core;
  std::deque<CallHandle> waiting;
  Unconfirmed unconfirmed;
};

using Self = DirectoryActor::stateful_pointer<DirectoryState>;

void propose(Self self, std::vector<Submission> out) {
  if (out.empty()) return;
  DirectoryState& state = self->state;
  Propose message{state.life, state.term, caf::actor_cast<SubmitterActor>(self), {}};
  for (Submission& submission : out) message.items.push_back({submission.sequence, std::move(submission.write_set)});
  state.context->hosts[model::kMetaGroup.value]->propose(std::move(message));
}

void ask(Self self) {
  ask_for_confirmation(self->state.context->groups[model::kMetaGroup.value], caf::actor_cast<SubmitterActor>(self),
                       self->state.unconfirmed.round());
}

void deliver(Self self, CallHandle call) {
  DirectoryState& state = self->state;
  call.call().life = state.term;
  if (!call.call().confirmed && !state.context->boards[model::kMetaGroup.value].holds_lease(state.term)) {
    if (state.unconfirmed.size() >= state.context->max_waiting_calls) {
      return call.finish(model::Error(model::Code::overloaded));
    }
    if (state.unconfirmed.add(std::move(call))) ask(self);
    return;
  }
  state.context->boards[model::kMetaGroup.value].count_request();
  std::vector<Submission> out;
  state.core->handle(std::move(call), out);
  propose(self, std::move(out));
}

void confirmed(Self self, const Confirmed& answer) {
  Unconfirmed& unconfirmed = self->state.unconfirmed;
  const bool is_this_life = self->state.context->boards[model::kMetaGroup.value].term == self->state.term.value;
  for (CallHandle& call : unconfirmed.take(answer.round)) {
    if (!answer.ok || !is_this_life) {
      call.finish(model::Error(model::Code::unavailable));
      continue;
    }
    call.call().confirmed = true;
    deliver(self, std::move(call));
  }
  if (unconfirmed.begin()) ask(self);
}

void take(Self self, CallHandle call) {
  DirectoryState& state = self->state;
  if (state.core) return deliver(self, std::move(call));
  if (state.waiting.size() >= state.context->max_waiting_calls)
    return call.finish(model::Error(model::Code::overloaded));
  state.waiting.push_back(std::move(call));
}

void open(Self self, const Opened& opened) {
  DirectoryState& state = self->state;
  Context* context = state.context;
  state.term = opened.term;
  context->directory_deps->generation = opened.generation;
  context->cluster_view.begin(ClusterView::Clock::now());
  {
    // From here on this actor publishes the directory's changes, and the mirror keeps still.
    const std::lock_guard lock(context->publishing);
    context->directory_publisher = state.life;
    context->published_by_leader = std::max(context->published_by_leader, context->boards[0].applied.load());
  }
  auto core = DirectoryCore::open(*context->directory_deps);
  if (!core) {
    context->fatal(core.error());
    self->quit();
    return;
  }
  state.core = std::move(*core);
  state.core->on_deleted = [context](const model::TenantId& tenant) {
    caf::anon_send(context->front, TenantDeleted{tenant});
  };
  std::vector<Submission> out;
  for (const Operator& op : context->new_operators) {
    if (!context->directory_deps->operators.find(op.token_hash)) state.core->add_operator(op, out);
  }
  const bool added = !out.empty();
  propose(self, std::move(out));
  if (!added) {
    std::lock_guard lock(context->ready_mutex);
    context->directory_ready = true;
    context->ready_changed.notify_all();
  }
  while (!state.waiting.empty()) {
    CallHandle call = std::move(state.waiting.front());
    state.waiting.pop_front();
    deliver(self, std::move(call));
  }
}

void end(Self self) {
  DirectoryState& state = self->state;
  if (state.core) state.core->refused(0, model::Error(model::Code::outcome_unknown));
  for (CallHandle& call : state.waiting) call.finish(model::Error(model::Code::unavailable));
  state.waiting.clear();
  for (CallHandle& call : state.unconfirmed.take_all()) call.finish(model::Error(model::Code::unavailable));
  {
    const std::lock_guard lock(state.context->publishing);
    // The next life may have begun already, while this one was still opening.
    if (state.context->directory_publisher == state.life) {
      state.context->directory_publisher = 0;
      state.context->directory_ready = false;
    }
  }
  self->send(state.context->mirror, Apply{});  // it goes on where this actor ends
  self->quit();
}

DirectoryActor::behavior_type directory(Self self, Context* context) {
  self->state.context = context;
  self->state.life = context->next_life++;
  self->send(context->groups[model::kMetaGroup.value],
             OpenRequest{self->state.life, caf::actor_cast<SubmitterActor>(self)});
  return {
      [self](const Opened& opened) { open(self, opened); },
      [self](const CommittedUpTo& done) {
        DirectoryState& state = self->state;
        std::vector<Submission> out;
        {
          const std::lock_guard lock(state.context->publishing);
          state.core->committed(done.sequence, out);
          state.context->published_by_leader = std::max(state.context->published_by_leader, done.index.value);
        }
        propose(self, std::move(out));
        if (!state.context->directory_ready) {  // the operators of a fresh node are in force now
          std::lock_guard lock(state.context->ready_mutex);
          state.context->directory_ready = true;
          state.context->ready_changed.notify_all();
        }
      },
      [self](const ProposalRefused& refused) {
        self->state.core->refused(refused.sequence, refused.error);
        end(self);
      },
      [self](const Confirmed& answer) { confirmed(self, answer); },
      [self](const Parcel& parcel) { take(self, parcel.take()); },
      [self](const Stop&) { end(self); },
  };
}

}  // namespace
}  // namespace directory_actor

DirectoryActor spawn_directory(caf::actor_system& system, Context& context) {
  return system.spawn(directory_actor::directory, &context);
}

}  // namespace coffer::actors

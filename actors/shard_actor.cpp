// The shard: one tenant's TenantCore in an actor. Routes messages; decides nothing. Runs on CAF's scheduler and never
// blocks, but for point lookups in the state database. The core is in a cell, from which the gateway may read in between.

#include <deque>

#include "actors/context.hpp"
#include "actors/unconfirmed.hpp"

namespace coffer::actors {

namespace shard_actor {
namespace {

struct ShardState {
  static constexpr const char* name = "shard";
  Context* context = nullptr;
  TenantRoute route;
  std::uint64_t life = 0;
  model::Term term;
  std::shared_ptr<ShardCell> cell;
  std::chrono::steady_clock::time_point used = std::chrono::steady_clock::now();  // as the last check found
  std::deque<CallHandle> waiting;
  Unconfirmed unconfirmed;
  bool resuming = false;
  bool checking = false;  // a WatchCheck is under way
  bool stopping = false;  // takes nothing new and ends after its last write

  GroupBoard& board() { return context->boards[route.group.value]; }
};

using Self = ShardActor::stateful_pointer<ShardState>;

void ask(Self self) {
  const ShardState& state = self->state;
  ask_for_confirmation(state.context->groups[state.route.group.value], caf::actor_cast<SubmitterActor>(self),
                       state.unconfirmed.round());
}

constexpr std::chrono::seconds kWatchCheck{1};

void check_watches(Self self, const TenantCore& core) {
  if (!core.is_watched() || self->state.checking) return;
  self->state.checking = true;
  self->delayed_send(self, kWatchCheck, WatchCheck{});
}

/// The core of a tenant that has left answers what it was asked; the next question is for one that looks at the rows anew.
void end_when_left(Self self, const TenantCore& core) {
  if (core.has_left() && !core.writes_pending()) self->quit();
}

void deliver(Self self, TenantCore& core, CallHandle call) {
  ShardState& state = self->state;
  call.call().life = state.term;
  if (!call.call().confirmed && !state.board().holds_lease(state.term)) {
    if (state.unconfirmed.size() >= state.context->max_waiting_calls) {
      ++state.context->counters.overloaded;
      return call.finish(model::Error(model::Code::overloaded));
    }
    if (state.unconfirmed.add(std::move(call))) ask(self);
    return;
  }
  state.board().count_request();
  std::vector<Submission> out;
  core.handle(std::move(call), out);
  if (!out.empty()) {
    Propose propose{state.life, state.term, caf::actor_cast<SubmitterActor>(self), {}};
    for (Submission& submission : out) propose.items.push_back({submission.sequence, std::move(submission.write_set)});
    state.context->hosts[state.route.group.value]->propose(std::move(propose));
  }
  if (core.has_work() && !state.resuming) {
    state.resuming = true;
    self->send(self, Resume{});
  }
  check_watches(self, core);
  end_when_left(self, core);
}

void take(Self self, CallHandle call) {
  ShardState& state = self->state;
  if (state.stopping) return self->send(state.context->front, state.context->parcel(std::move(call)));
  state.cell->mark();
  const auto turn = state.cell->turn();
  if (turn.core() != nullptr) return deliver(self, *turn.core(), std::move(call));
  if (state.waiting.size() >= state.context->max_waiting_calls) {
    ++state.context->counters.overloaded;
    return call.finish(model::Error(model::Code::overloaded));
  }
  state.waiting.push_back(std::move(call));
}

void confirmed(Self self, const Confirmed& answer) {
  Unconfirmed& unconfirmed = self->state.unconfirmed;
  std::vector<CallHandle> calls = unconfirmed.take(answer.round);
  {
    const auto turn = self->state.cell->turn();
    const bool is_this_life = self->state.board().term == self->state.term.value;
    for (CallHandle& call : calls) {
      if (!answer.ok || !is_this_life || turn.core() == nullptr) {
        call.finish(model::Error(model::Code::unavailable));
        continue;
      }
      call.call().confirmed = true;
      deliver(self, *turn.core(), std::move(call));
    }
  }
  if (unconfirmed.begin()) ask(self);
}

void work(Self self) {
  const auto turn = self->state.cell->turn();
  turn.core()->work();
  self->state.resuming = turn.core()->has_work();
  if (self->state.resuming) self->send(self, Resume{});
}

void open(Self self, const Opened& opened) {
  ShardState& state = self->state;
  state.term = opened.term;
  auto core = TenantCore::open(*state.context->tenant_deps, {state.route.id, state.route.group, opened.generation,
                                                             state.route.epoch, state.route.owner_public_key});
  if (!core) {
    state.context->log("tenant " + to_string(state.route.id) +
                       " does not open: " + std::string(core.error().message()));
    for (CallHandle& call : state.waiting) call.finish(core.error());
    state.waiting.clear();
    self->quit();
    return;
  }
  const auto turn = state.cell->turn();
  turn.set_core(std::move(*core), opened.term);
  while (!state.waiting.empty()) {
    CallHandle call = std::move(state.waiting.front());
    state.waiting.pop_front();
    deliver(self, *turn.core(), std::move(call));
  }
}

bool has_core(const ShardState& state) { return state.cell->turn().core() != nullptr; }

bool is_busy(const ShardState& state) {
  if (!state.unconfirmed.empty()) return true;
  const auto turn = state.cell->turn();
  return turn.core() != nullptr && (turn.core()->writes_pending() || turn.core()->has_work());
}

void check_idle(Self self, std::chrono::steady_clock::duration idle) {
  ShardState& state = self->state;
  if (!has_core(state) || is_busy(state)) return;
  const auto time = std::chrono::steady_clock::now();
  if (state.cell->take_mark()) state.used = time;
  if (time - state.used < idle) return;
  self->send(state.context->front, ShardIdle{state.route.id, self->address()});
}

void end_when_done(Self self) {
  const ShardState& state = self->state;
  if (state.stopping && !is_busy(state)) self->quit();
}

void end(Self self, const model::Error& error) {
  ShardState& state = self->state;
  if (const auto turn = state.cell->turn(); turn.core() != nullptr) turn.core()->refused(0, error);
  for (CallHandle& call : state.waiting) call.finish(model::Error(model::Code::unavailable));
  state.waiting.clear();
  for (CallHandle& call : state.unconfirmed.take_all()) call.finish(model::Error(model::Code::unavailable));
  self->quit();
}

ShardActor::behavior_type shard(Self self, Context* context, const TenantRoute& route,
                                const std::shared_ptr<ShardCell>& cell) {
  ShardState& state = self->state;
  state.context = context;
  state.route = route;
  state.cell = cell;
  state.life = context->next_life++;
  ++context->counters.shards_started;
  self->attach_functor([context, cell] {
    cell->close();
    ++context->counters.shards_stopped;
  });
  self->send(context->groups[route.group.value], OpenRequest{state.life, caf::actor_cast<SubmitterActor>(self)});
  self->delayed_send(self, context->shard_idle, IdleCheck{});
  return {
      [self](const Opened& opened) { open(self, opened); },
      [self](const CommittedUpTo& done) {
        {
          const auto turn = self->state.cell->turn();
          if (turn.core() == nullptr) return;
          turn.core()->committed(done.sequence, done.index, model::Index{self->state.board().applied.load()});
          end_when_left(self, *turn.core());
        }
        end_when_done(self);
      },
      [self](const ProposalRefused& refused) {
        if (const auto turn = self->state.cell->turn(); turn.core() != nullptr) {
          turn.core()->refused(refused.sequence, refused.error);
        }
        end(self, model::Error(model::Code::unavailable));
      },
      [self](const Confirmed& answer) {
        confirmed(self, answer);
        end_when_done(self);
      },
      [self](const Parcel& parcel) { take(self, parcel.take()); },
      [self](const Resume&) {
        work(self);
        end_when_done(self);
      },
      [self](const WatchCheck&) {
        self->state.checking = false;
        const auto turn = self->state.cell->turn();
        if (turn.core() == nullptr) return;
        turn.core()->expire_watches();
        check_watches(self, *turn.core());
      },
      [self](const IdleCheck& check) {
        check_idle(self, self->state.context->shard_idle);
        if (check.is_timer) self->delayed_send(self, self->state.context->shard_idle, IdleCheck{});
      },
      [self](const Stop& stop) {
        if (stop.leadership_lost) return end(self, model::Error(model::Code::outcome_unknown));
        self->state.stopping = true;
        for (CallHandle& call : self->state.waiting) {
          self->send(self->state.context->front, self->state.context->parcel(std::move(call)));
        }
        self->state.waiting.clear();
        end_when_done(self);
      },
  };
}

}  // namespace
}  // namespace shard_actor

ShardActor spawn_shard(caf::actor_system& system, Context& context, const TenantRoute& route,
                       std::shared_ptr<ShardCell> cell) {
  return system.spawn(shard_actor::shard, &context, route, std::move(cell));
}

}  // namespace coffer::actors

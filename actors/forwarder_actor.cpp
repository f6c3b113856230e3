// The forwarder: calls whose tenant's group another node leads go there, and theirs come in here; barriers, by which a
// node that does not lead the directory learns how new its own copy must be. Runs on CAF's scheduler.
//
// A call goes one step only: a node that does not lead answers `unavailable`, and the node that was asked by the client
// tries again until the deadline (actors/retrying_call.hpp). When a connection or a leadership ends, whatever was under
// way there has an unknown outcome; requests carry ids, so they are simply sent to the next leader.

#include <algorithm>
#include <deque>

#include "actors/call_outbox.hpp"
#include "actors/context.hpp"
#include "actors/forward_frames.hpp"
#include "actors/remote_call.hpp"
#include "actors/retrying_call.hpp"
#include "model/forward_codec.hpp"

namespace coffer::actors {

namespace forwarder_actor {
namespace {

using model::Code;
using model::Error;

constexpr std::chrono::milliseconds kSweep{10};
constexpr std::chrono::milliseconds kPause{10};         // before a call is routed again
constexpr std::chrono::milliseconds kAskAgain{200};     // a barrier that nobody answers
constexpr std::size_t kMaxOutgoing = 16'384;            // calls of this node at others
constexpr std::uint32_t kMaxRunning = 8'192;            // calls of one other node here
constexpr std::size_t kMaxAssembly = kMaxMessageBytes;  // of one peer's calls, and of its replies
constexpr std::size_t kMaxOutbox = 64 << 20;            // bytes of one peer that its link had no room for
constexpr std::size_t kMaxCalls = kMaxOutbox / 2;       // of which calls take half at most, so that replies find room

struct ForwarderState {
  static constexpr const char* name = "forwarder";
  using Clock = std::chrono::steady_clock;
  struct Outgoing {
    CallHandle call;
    model::NodeId to;
    model::TimeMs deadline = 0;
  };
  struct Peer {
    bool connected = false;
    Assembly calls{kMaxAssembly, Assembly::Ids::rising}, replies{kMaxAssembly};
    std::shared_ptr<std::atomic<std::uint32_t>> running = std::make_shared<std::atomic<std::uint32_t>>(0);
    CallOutbox outbox{kMaxOutbox};
  };
  struct Waiter {
    model::TimeMs deadline = 0;
    std::shared_ptr<std::function<void(model::Result<model::Index>)>> done;
  };
  struct Round {  // of one group's barriers: who came before the question left, and who comes for the next one
    std::vector<Waiter> asked, next;
    std::uint64_t id = 0;
    model::NodeId to;
    Clock::time_point at;
  };

  Context* context = nullptr;
  std::uint64_t next_id = 0;
  std::map<std::uint64_t, Outgoing> outgoing;
  std::map<model::NodeId, Peer> peers;
  std::deque<std::pair<Clock::time_point, Parcel>> again;
  std::map<model::GroupId, Round> rounds;
  struct Unmirrored {
    model::Index index;
    Parcel parcel;
    model::TimeMs deadline = 0;
  };
  std::vector<Unmirrored> unmirrored;  // looked up again when the tables have come so far
  bool armed = false;
};

using Self = ForwarderActor::stateful_pointer<ForwarderState>;

void arm(Self self) {
  if (self->state.armed) return;
  self->state.armed = true;
  self->delayed_send(self, kSweep, Sweep{});
}

void put_off(Self self, Parcel parcel) {
  self->state.again.emplace_back(ForwarderState::Clock::now() + kPause, std::move(parcel));
  arm(self);
}

// ---- out -------------------------------------------------------------------------------------------------------

void drain_outbox(ForwarderState& state, model::NodeId to, ForwarderState::Peer& peer) {
  cluster::PeerLink* link = state.context->link.load();
  if (link == nullptr) return;
  peer.outbox.drain([&](model::Secret body) {
    return link->send(to, cluster::PeerFrame{cluster::PeerChannel::calls, {}, std::move(body)});
  });
}

/// What `add` puts into the peer's outbox goes now, or as room appears. Without a connection nothing does: whoever waits
/// for it learned that the connection ended.
template <class Add>
void send_later(Self self, model::NodeId to, const Add& add) {
  const auto peer = self->state.peers.find(to);
  if (peer == self->state.peers.end() || !peer->second.connected) return;
  add(peer->second.outbox);
  drain_outbox(self->state, to, peer->second);
  if (!peer->second.outbox.empty()) arm(self);
}

/// A question that is asked again, or an answer to one: it may be dropped.
void send_frame(Self self, model::NodeId to, model::Secret body) {
  send_later(self, to, [&](CallOutbox& outbox) { outbox.add_frame(std::move(body)); });
}

void forward(Self self, CallHandle call) {
  ForwarderState& state = self->state;
  Context& context = *state.context;
  if (!context.accepting) return call.finish(Error(Code::unavailable));
  const model::GroupId group = call.call().group;
  const model::NodeId leader{context.boards[group.value].leader.load()};
  if (leader.value == 0 || leader == context.self) return context.resubmit(context.router, call.release());
  const model::TimeMs now = context.wall_clock();
  const model::Request& request = call.request();
  const model::TimeMs deadline = request.info.deadline != 0 ? request.info.deadline : now + 15'000;
  if (deadline <= now) return call.finish(Error(Code::unavailable, "no node could answer in time"));
  auto peer = state.peers.find(leader);
  if (peer == state.peers.end() || !peer->second.connected) return put_off(self, context.parcel(std::move(call)));
  if (state.outgoing.size() >= kMaxOutgoing || peer->second.outbox.bytes() > kMaxCalls) {
    return call.finish(Error(Code::overloaded));
  }
  model::TenantId tenant;
  if (std::holds_alternative<model::TenantOperation>(request.operation)) {
    const auto route = context.routing->find(request.tenant);
    if (!route) return call.finish(Error(Code::tenant_not_found));
    tenant = route->id;
  }
  model::Secret text = encode_call_text(deadline - now, tenant, model::encode_forwarded(request));
  if (text.size() > kMaxCalls) {
    return call.finish(Error(Code::too_large, "what another node has to answer is at most 32 MiB"));
  }
  const std::uint64_t id = state.next_id++;  // in this order they begin at the other node, see Assembly
  bool queued = false;
  send_later(self, leader,
             [&](CallOutbox& outbox) { queued = outbox.add_message(FrameKind::call, id, std::move(text)); });
  if (!queued) return call.finish(Error(Code::overloaded));
  ++context.counters.forwarded_out;
  state.outgoing.emplace(id, ForwarderState::Outgoing{std::move(call), leader, deadline});
  arm(self);
}

/// The answer of a call whose node cannot be heard any more.
void lose(CallHandle call) {
  const bool change = is_change(call.request());
  call.finish(Error(change ? Code::outcome_unknown : Code::unavailable));
}

template <class Predicate>
void lose_if(ForwarderState& state, const Predicate& predicate) {
  std::vector<CallHandle> lost;
  for (auto it = state.outgoing.begin(); it != state.outgoing.end();) {
    if (predicate(it->second)) {
      const auto peer = state.peers.find(it->second.to);
      if (peer != state.peers.end()) peer->second.replies.forget(it->first);
      lost.push_back(std::move(it->second.call));
      it = state.outgoing.erase(it);
    } else {
      ++it;
    }
  }
  for (CallHandle& call : lost) lose(std::move(call));
}

// ---- barriers --------------------------------------------------------------------------------------------------

void ask(Self self, model::GroupId group) {
  ForwarderState& state = self->state;
  Context& context = *state.context;
  ForwarderState::Round& round = state.rounds[group];
  std::move(round.next.begin(), round.next.end(), std::back_inserter(round.asked));
  round.next.clear();
  arm(self);
  if (round.asked.empty()) return;
  const GroupBoard& board = context.boards[group.value];
  round.to = model::NodeId{board.leader.load()};
  round.id = state.next_id++;
  round.at = ForwarderState::Clock::now();
  if (round.to == context.self) {
    auto done = [forwarder = context.forwarder, group, id = round.id](model::Result<model::Index> index) {
      caf::anon_send(forwarder, BarrierDone{group, id, std::move(index)});
    };
    self->send(context.groups[group.value],
               ConfirmLeadership{std::make_shared<std::function<void(model::Result<model::Index>)>>(std::move(done))});
  } else if (round.to.value != 0) {
    send_frame(self, round.to, encode_barrier(round.id, group));
  }
}

void answered(Self self, const BarrierDone& done) {
  ForwarderState& state = self->state;
  auto found = state.rounds.find(done.group);
  if (found == state.rounds.end() || found->second.id != done.id) return;
  if (!done.index.ok()) {  // it does not lead any more: the sweep asks the next one
    found->second.id = 0;
    return;
  }
  std::vector<ForwarderState::Waiter> asked;
  asked.swap(found->second.asked);
  found->second.id = 0;
  for (const ForwarderState::Waiter& waiter : asked) (*waiter.done)(done.index);
  if (!found->second.next.empty()) ask(self, done.group);
}

void add_barrier(Self self, model::GroupId group, ForwarderState::Waiter waiter) {
  ForwarderState::Round& round = self->state.rounds[group];
  round.next.push_back(std::move(waiter));
  if (round.asked.empty()) ask(self, group);
}

void sweep_barriers(Self self) {
  ForwarderState& state = self->state;
  const model::TimeMs now = state.context->wall_clock();
  for (auto& [group, round] : state.rounds) {
    for (auto* waiters : {&round.asked, &round.next}) {
      std::erase_if(*waiters, [&](const ForwarderState::Waiter& waiter) {
        if (waiter.deadline > now) return false;
        (*waiter.done)(Error(Code::unavailable, "the group has no leader that could be asked"));
        return true;
      });
    }
    const bool silent = round.id == 0 || ForwarderState::Clock::now() - round.at > kAskAgain ||
                        round.to.value != state.context->boards[group.value].leader;
    if (silent && !(round.asked.empty() && round.next.empty())) ask(self, group);
  }
}

// ---- calls whose tenant is not known here ----------------------------------------------------------------------

void look_up(ForwarderState& state, Parcel parcel) {
  CallHandle call = parcel.take();
  call.call().looked_up = true;
  state.context->resubmit(state.context->router, call.release());
}

void look_up_mirrored(ForwarderState& state) {
  Context& context = *state.context;
  const std::uint64_t mirrored = context.mirrored;
  const bool leads = context.directory_ready;
  std::vector<Parcel> ready;
  const model::TimeMs now = context.wall_clock();
  std::erase_if(state.unmirrored, [&](const auto& waiting) {
    if (leads || mirrored >= waiting.index.value) {
      ready.push_back(waiting.parcel);
    } else if (now < waiting.deadline) {
      return false;
    } else {
      waiting.parcel.take().finish(Error(Code::unavailable, "this node's copy of the directory is behind"));
    }
    return true;
  });
  for (Parcel& parcel : ready) look_up(state, std::move(parcel));
}

void miss(Self self, const Parcel& parcel) {
  Context& context = *self->state.context;
  CallHandle call = parcel.take();
  const model::TimeMs deadline =
      call.request().info.deadline != 0 ? call.request().info.deadline : context.wall_clock() + 5'000;
  const Parcel kept = context.parcel(std::move(call));
  auto done = [self, kept, deadline](model::Result<model::Index> index) {
    if (!index.ok()) return kept.take().finish(index.error());
    self->state.unmirrored.push_back({*index, kept, deadline});
    look_up_mirrored(self->state);
    arm(self);
  };
  add_barrier(self, model::kMetaGroup,
              {deadline, std::make_shared<std::function<void(model::Result<model::Index>)>>(std::move(done))});
}

// ---- in --------------------------------------------------------------------------------------------------------

void take_call(Self self, model::NodeId from, std::uint64_t id, const model::Secret& message) {
  ForwarderState& state = self->state;
  Context& context = *state.context;
  ++context.counters.forwarded_in;
  const auto& running = state.peers[from].running;
  CallHandle call(new RemoteCall(context, from, id, running));
  if (*running > kMaxRunning) return call.finish(Error(Code::overloaded));
  auto text = decode_call_text(message.expose());
  if (!text) return call.finish(text.error());
  auto request = model::decode_forwarded_request(text->request);
  if (!request) return call.finish(Error(Code::unimplemented, request.error().detail));
  request->info.deadline = context.wall_clock() + text->remaining_ms;
  call.request() = std::move(*request);
  if (!text->tenant.is_zero()) {
    const auto route = context.routing->find(call.request().tenant);
    if (!route || route->id != text->tenant) {
      return call.finish(Error(Code::unavailable, "the directories of two nodes differ for a moment"));
    }
  }
  context.resubmit(context.router, call.release());
}

void take_reply(ForwarderState& state, std::uint64_t id, const model::Secret& message) {
  auto found = state.outgoing.find(id);
  if (found == state.outgoing.end()) return;
  CallHandle call = std::move(found->second.call);
  state.outgoing.erase(found);
  if (message.empty()) return lose(std::move(call));
  auto reply = model::decode_forwarded_reply(message.expose().substr(1));
  if (!reply) return call.finish(Error(Code::internal, reply.error().detail));
  call.call().confirmed = true;  // by the node that answered
  call.audit().elsewhere = true;
  call.call().decided = message.expose().front() != 0;
  call.finish(std::move(*reply));
}

void take_question(Self self, model::NodeId from, std::uint64_t id, model::GroupId group) {
  Context& context = *self->state.context;
  const bool leads = group.value < context.boards.size() && context.boards[group.value].role == cluster::Role::leader;
  if (!leads) {
    context.send(from, cluster::PeerChannel::calls, {}, encode_answer(id, {Code::unavailable, {}}));
    return;
  }
  auto done = [&context, from, id](const model::Result<model::Index>& index) {
    const BarrierAnswer answer = index.ok() ? BarrierAnswer{Code::ok, *index} : BarrierAnswer{Code::unavailable, {}};
    context.send(from, cluster::PeerChannel::calls, {}, encode_answer(id, answer));
  };
  self->send(context.groups[group.value],
             ConfirmLeadership{std::make_shared<std::function<void(model::Result<model::Index>)>>(std::move(done))});
}

void take_frame(Self self, const FrameIn& in) {
  ForwarderState& state = self->state;
  auto frame = decode_call_frame(in.frame->body.expose());
  if (!frame) {
    ++state.context->counters.frames_refused;
    return;
  }
  if (const auto* piece = std::get_if<Piece>(&frame->body)) {
    ForwarderState::Peer& peer = state.peers[in.from];
    const bool is_call = frame->kind == FrameKind::call;
    // The answer to what is not asked any more has no reader, and its rest must not begin another one.
    const auto asked = is_call ? state.outgoing.end() : state.outgoing.find(frame->id);
    if (!is_call && (asked == state.outgoing.end() || asked->second.to != in.from)) return;
    auto whole = (is_call ? peer.calls : peer.replies).add(frame->id, *piece);
    if (!whole) {
      ++state.context->counters.frames_refused;
      if (is_call) {
        CallHandle refused(new RemoteCall(*state.context, in.from, frame->id, peer.running));
        return refused.finish(Error(Code::overloaded));
      }
      return take_reply(state, frame->id, model::Secret());
    }
    if (!whole->has_value()) return;
    if (is_call) return take_call(self, in.from, frame->id, **whole);
    return take_reply(state, frame->id, **whole);
  }
  if (const auto* question = std::get_if<BarrierQuestion>(&frame->body)) {
    return take_question(self, in.from, frame->id, question->group);
  }
  if (frame->kind == FrameKind::trust_question || frame->kind == FrameKind::trust_answer) {
    return self->send(state.context->trust_desk, in);
  }
  const auto& answer = std::get<BarrierAnswer>(frame->body);
  for (auto& [group, round] : state.rounds) {
    if (round.id != frame->id) continue;
    model::Result<model::Index> index{answer.index};
    if (answer.code != Code::ok) index = Error(Code::unavailable);
    return answered(self, BarrierDone{group, frame->id, std::move(index)});
  }
}

void peer_gone(ForwarderState& state, model::NodeId peer) {
  state.peers.erase(peer);  // what it had begun to say is lost; calls of it that still run count on their own
  lose_if(state, [peer](const ForwarderState::Outgoing& outgoing) { return outgoing.to == peer; });
}

void sweep(Self self) {
  ForwarderState& state = self->state;
  const auto now = ForwarderState::Clock::now();
  while (!state.again.empty() && state.again.front().first <= now) {
    CallHandle call = state.again.front().second.take();
    state.again.pop_front();
    state.context->resubmit(state.context->router, call.release());
  }
  const model::TimeMs wall = state.context->wall_clock();
  lose_if(state, [wall](const ForwarderState::Outgoing& outgoing) { return outgoing.deadline <= wall; });
  for (auto& [id, peer] : state.peers) drain_outbox(state, id, peer);
  sweep_barriers(self);
  look_up_mirrored(state);
  state.armed = false;
  const bool idle =
      state.again.empty() && state.outgoing.empty() && state.unmirrored.empty() &&
      std::all_of(state.peers.begin(), state.peers.end(), [](const auto& p) { return p.second.outbox.empty(); }) &&
      std::all_of(state.rounds.begin(), state.rounds.end(),
                  [](const auto& r) { return r.second.asked.empty() && r.second.next.empty(); });
  if (!idle) arm(self);
}

ForwarderActor::behavior_type forwarder(Self self, Context* context) {
  self->state.context = context;
  self->state.next_id = context->first_call_id;
  return {
      [self](const Parcel& parcel) { forward(self, parcel.take()); },
      [self](const FrameIn& in) { take_frame(self, in); },
      [self](const FrameOut& out) { send_frame(self, out.to, std::move(out.frame->body)); },
      [self](const ReplyOut& out) {
        send_later(self, out.to, [&](CallOutbox& outbox) { outbox.add_reply(out.id, std::move(*out.message)); });
      },
      [self](const PeerUp& up) { self->state.peers[up.peer].connected = true; },
      [self](const PeerGone& gone) { peer_gone(self->state, gone.peer); },
      [self](const GroupLed& led) {
        lose_if(self->state, [&](const ForwarderState::Outgoing& outgoing) {
          return outgoing.call.group() == led.group && outgoing.to != led.leader;
        });
      },
      [self](const Again& call) { put_off(self, call.parcel); },
      [self](const Missing& missing) { miss(self, missing.parcel); },
      [self](const Barrier& barrier) {
        add_barrier(self, barrier.group, {barrier.deadline, barrier.done});
      },
      [self](const Mirrored&) { look_up_mirrored(self->state); },
      [self](const BarrierDone& done) { answered(self, done); },
      [self](const Sweep&) { sweep(self); },
      [self](const Finish& finish) {
        self->state.outgoing.clear();
        self->state.again.clear();
        self->state.unmirrored.clear();
        for (auto& [group, round] : self->state.rounds) {
          for (auto* waiters : {&round.asked, &round.next}) {
            for (const auto& waiter : *waiters) (*waiter.done)(Error(Code::unavailable));
            waiters->clear();
          }
        }
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace forwarder_actor

ForwarderActor spawn_forwarder(caf::actor_system& system, Context& context) {
  return system.spawn(forwarder_actor::forwarder, &context);
}

}  // namespace coffer::actors

// The trust desk: whom tenants trust, for net's verifiers, which ask before anything is known of who calls. So it starts
// no shard, and what it asks of others is bounded: so many questions at once, and one of a tenant in twenty milliseconds,
// however many tokens come. Runs on CAF's scheduler; reads some rows of the state database at a time.
//
//   no such tenant here  -> wait until the directory here is as new as its leader's, look again
//   led here             -> confirm the leadership -> wait until what was committed is applied -> read
//   led elsewhere        -> ask the node that leads the group, which does the same
//
// A leader that is silent or changes is asked again, until the question's deadline.

#include <algorithm>
#include <unordered_map>

#include "actors/context.hpp"
#include "actors/forward_frames.hpp"

namespace coffer::actors {

namespace trust_desk_actor {
namespace {

using model::Code;
using model::Error;

constexpr std::chrono::milliseconds kSweep{2};
constexpr std::chrono::milliseconds kSpacing{20};    // between two readings of one tenant, or of the directory
constexpr std::chrono::milliseconds kAskAgain{300};  // a node that does not answer
constexpr model::TimeMs kMostPatience = 5'000;       // with other nodes' questions
constexpr std::size_t kMostAsks = 2048;              // of this node, and again as many of all others
constexpr std::size_t kMostUnderWay = 64;            // questions to others that are not answered yet
constexpr std::size_t kMostSpaced = 4096;            // tenants whose last reading is remembered

using Clock = std::chrono::steady_clock;
using Trust = model::Result<TenantTrust>;

struct Ask {
  enum class Waits : std::uint8_t { turn, directory, index, rows, answer };
  std::shared_ptr<TrustQuestion> question;  // null: another node's
  model::NodeId from;                       // which asked
  std::uint64_t their_id = 0;
  model::TimeMs deadline = 0;
  model::TenantId tenant;
  model::GroupId group;
  Waits waits = Waits::turn;
  Clock::time_point at{};  // of its next turn, or when it was sent
  model::NodeId to;        // whom it was sent to
  std::uint64_t index = 0;
  bool looked_up = false;  // in a directory that is as new as its leader's
  bool spaced = false;     // has had its turn
};

struct DeskState {
  static constexpr const char* name = "trust-desk";
  Context* context = nullptr;
  std::uint64_t next_id = 0;
  std::map<std::uint64_t, Ask> asks;
  std::size_t of_others = 0, under_way = 0;
  std::unordered_map<model::TenantId, Clock::time_point>
      last;  // reading that was begun or is to begin; zero: directory
  bool armed = false;
};

using Self = TrustDeskActor::stateful_pointer<DeskState>;

void arm(Self self) {
  if (self->state.armed || self->state.asks.empty()) return;
  self->state.armed = true;
  self->delayed_send(self, kSweep, Sweep{});
}

void send(Context& context, model::NodeId to, model::Secret body) {
  cluster::PeerFrame frame{cluster::PeerChannel::calls, {}, std::move(body)};
  caf::anon_send(context.forwarder, FrameOut{to, std::make_shared<cluster::PeerFrame>(std::move(frame))});
}

void answer_node(Context& context, model::NodeId to, std::uint64_t id, const Trust& trust) {
  const model::Secret text = trust ? encode_trust(*trust) : model::Secret();
  send(context, to, encode_trust_answer(id, {trust ? Code::ok : trust.error().code, text.expose()}));
}

void finish(DeskState& state, std::uint64_t id, Trust trust) {
  auto node = state.asks.extract(id);
  if (node.empty()) return;
  Ask& ask = node.mapped();
  if (ask.waits == Ask::Waits::answer) --state.under_way;
  if (ask.question) return ask.question->answer(std::move(trust));
  --state.of_others;
  answer_node(*state.context, ask.from, ask.their_id, trust);
}

void put_off(DeskState& state, Ask& ask, std::chrono::milliseconds pause) {
  if (ask.waits == Ask::Waits::answer) --state.under_way;
  ask.waits = Ask::Waits::turn;
  ask.at = Clock::now() + pause;
}

/// True when the ask may go on now; else it waits for its turn. Those that come while one waits share its moment.
bool has_turn(DeskState& state, Ask& ask, const model::TenantId& of) {
  if (ask.spaced) return true;
  const auto now = Clock::now();
  if (state.last.size() >= kMostSpaced) {
    std::erase_if(state.last, [now](const auto& one) { return one.second + kSpacing <= now; });
  }
  auto& last = state.last[of];
  ask.spaced = true;
  if (last + kSpacing <= now) {
    last = now;
    return true;
  }
  if (last <= now) last += kSpacing;
  ask.waits = Ask::Waits::turn;
  ask.at = last;
  return false;
}

std::shared_ptr<std::function<void(model::Result<model::Index>)>> tell_index(Self self, std::uint64_t id) {
  auto done = [desk = self->state.context->trust_desk, id](model::Result<model::Index> index) {
    caf::anon_send(desk, TrustIndex{id, std::move(index)});
  };
  return std::make_shared<std::function<void(model::Result<model::Index>)>>(std::move(done));
}

void ask_for_index(Self self, std::uint64_t id, Ask& ask, model::GroupId group) {
  Context& context = *self->state.context;
  ask.waits = Ask::Waits::index;
  if (context.boards[group.value].role == cluster::Role::leader) {
    self->send(context.groups[group.value], ConfirmLeadership{tell_index(self, id)});
  } else {
    self->send(context.forwarder, Barrier{group, ask.deadline, tell_index(self, id)});
  }
}

void ask_the_leader(DeskState& state, std::uint64_t id, Ask& ask) {
  Context& context = *state.context;
  ask.to = model::NodeId{context.boards[ask.group.value].leader.load()};
  const bool nobody = ask.to.value == 0 || ask.to == context.self;
  if (nobody || state.under_way >= kMostUnderWay) return put_off(state, ask, kSpacing);
  ++state.under_way;
  ask.waits = Ask::Waits::answer;
  ask.at = Clock::now();
  ++context.counters.trust_asked;
  send(context, ask.to, encode_trust_question(id, {ask.group, ask.tenant, ask.deadline - context.wall_clock()}));
}

/// One step of an ask whose turn it is.
void advance(Self self, std::uint64_t id, Ask& ask) {
  DeskState& state = self->state;
  Context& context = *state.context;
  if (ask.question) {
    const auto route = context.routing->find(ask.question->tenant);
    if (!route && ask.looked_up) return finish(state, id, Error(Code::tenant_not_found));
    if (!route) {
      if (!has_turn(state, ask, model::TenantId{})) return;
      ask.group = model::kMetaGroup;
      return ask_for_index(self, id, ask, model::kMetaGroup);
    }
    if (ask.group == model::kMetaGroup) ask.spaced = false;  // that was the directory's turn
    ask.tenant = route->id;
    ask.group = route->group;
    ask.looked_up = true;  // should it vanish, that is newer than the question
  }
  const GroupBoard& board = context.boards[ask.group.value];
  if (!ask.question && board.role != cluster::Role::leader) return finish(state, id, Error(Code::unavailable));
  if (!has_turn(state, ask, ask.tenant)) return;
  // Also where this node has a replica: it may be one that was taken away, which will never hold what is new.
  if (board.role != cluster::Role::leader) return ask_the_leader(state, id, ask);
  ask_for_index(self, id, ask, ask.group);
}

void read(DeskState& state, std::uint64_t id, Ask& ask) {
  Context& context = *state.context;
  const GroupBoard& board = context.boards[ask.group.value];
  if (board.applied < ask.index) return;
  const TenantDeps& deps = *context.tenant_deps;
  auto trust = read_trust(*context.state_engine, deps.ring, deps.random, ask.group, model::Generation{board.generation},
                          ask.tenant);
  // A tenant that moves has its rows somewhere else in a moment.
  if (!trust && trust.error().code == Code::unavailable && ask.question) return put_off(state, ask, kSpacing);
  finish(state, id, std::move(trust));
}

/// Does the directory here hold everything up to where its leader's was?
void look_again(Self self, std::uint64_t id, Ask& ask) {
  const Context& context = *self->state.context;
  if (!context.directory_ready && context.mirrored < ask.index) return;
  ask.looked_up = true;
  advance(self, id, ask);
}

void take_index(Self self, const TrustIndex& found) {
  DeskState& state = self->state;
  const auto it = state.asks.find(found.ask);
  if (it == state.asks.end() || it->second.waits != Ask::Waits::index) return;
  Ask& ask = it->second;
  if (!found.index) return put_off(state, ask, kSpacing);
  ask.index = found.index->value;
  const bool of_directory = ask.question && ask.group == model::kMetaGroup;
  ask.waits = of_directory ? Ask::Waits::directory : Ask::Waits::rows;
  if (of_directory) return look_again(self, found.ask, ask);
  read(state, found.ask, ask);
}

void take_answer(DeskState& state, model::NodeId from, std::uint64_t id, const TrustAnswered& answer) {
  const auto it = state.asks.find(id);
  if (it == state.asks.end() || it->second.waits != Ask::Waits::answer || it->second.to != from) return;
  switch (answer.code) {
    case Code::ok: return finish(state, id, decode_trust(it->second.tenant, answer.trust));
    case Code::data_loss:
    case Code::key_mismatch:
    case Code::disk_error: return finish(state, id, Error(answer.code));
    default:
      return put_off(state, it->second, kSpacing);  // it does not lead, or has too much to do: later, or somebody else
  }
}

void take_frame(Self self, const FrameIn& in) {
  DeskState& state = self->state;
  Context& context = *state.context;
  const auto frame = decode_call_frame(in.frame->body.expose());
  if (!frame) return;  // the forwarder has read it already
  if (const auto* answer = std::get_if<TrustAnswered>(&frame->body)) {
    return take_answer(state, in.from, frame->id, *answer);
  }
  const auto* asked = std::get_if<TrustAsked>(&frame->body);
  if (asked == nullptr) return;
  const bool known = asked->group.value != 0 && asked->group.value < context.boards.size();
  if (!known || !context.accepting) return answer_node(context, in.from, frame->id, Error(Code::unavailable));
  if (state.of_others >= kMostAsks) return answer_node(context, in.from, frame->id, Error(Code::overloaded));
  Ask ask;
  ask.from = in.from;
  ask.their_id = frame->id;
  ask.deadline = context.wall_clock() + std::min(asked->remaining_ms, kMostPatience);
  ask.tenant = asked->tenant;
  ask.group = asked->group;
  ask.spaced = true;  // where it comes from
  ++state.of_others;
  const std::uint64_t id = state.next_id++;
  advance(self, id, state.asks.emplace(id, std::move(ask)).first->second);
  arm(self);
}

void take_question(Self self, const AskTrust& asked) {
  DeskState& state = self->state;
  if (!state.context->accepting) return;  // the question answers
  if (state.asks.size() - state.of_others >= kMostAsks) return asked.question->answer(Error(Code::overloaded));
  Ask ask;
  ask.question = asked.question;
  ask.deadline = asked.question->deadline;
  const std::uint64_t id = state.next_id++;
  advance(self, id, state.asks.emplace(id, std::move(ask)).first->second);
  arm(self);
}

void look_after(Self self, std::uint64_t id, Ask& ask) {
  DeskState& state = self->state;
  const Context& context = *state.context;
  const auto now = Clock::now();
  if (ask.deadline <= context.wall_clock()) {
    return finish(state, id, Error(Code::unavailable, "no node could say in time whom the tenant trusts"));
  }
  switch (ask.waits) {
    case Ask::Waits::turn:
      if (ask.at <= now) advance(self, id, ask);
      return;
    case Ask::Waits::directory: return look_again(self, id, ask);
    case Ask::Waits::rows: return read(state, id, ask);
    case Ask::Waits::answer: {
      const bool elsewhere = context.boards[ask.group.value].leader != ask.to.value;
      if (!elsewhere && now - ask.at <= kAskAgain) return;
      put_off(state, ask, std::chrono::milliseconds(0));
      return advance(self, id, ask);
    }
    case Ask::Waits::index: return;  // the forwarder or the group answers by itself
  }
}

void sweep(Self self) {
  self->state.armed = false;
  std::vector<std::uint64_t> ids;
  for (const auto& [id, ask] : self->state.asks) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    const auto it = self->state.asks.find(id);
    if (it != self->state.asks.end()) look_after(self, id, it->second);
  }
  arm(self);
}

TrustDeskActor::behavior_type trust_desk(Self self, Context* context) {
  self->state.context = context;
  self->state.next_id = context->first_call_id;
  return {
      [self](const AskTrust& asked) { take_question(self, asked); },
      [self](const FrameIn& in) { take_frame(self, in); },
      [self](const TrustIndex& found) { take_index(self, found); },
      [self](const Sweep&) { sweep(self); },
      [self](const Finish& finish) {
        self->state.asks.clear();  // the questions answer
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace trust_desk_actor

TrustDeskActor spawn_trust_desk(caf::actor_system& system, Context& context) {
  return system.spawn(trust_desk_actor::trust_desk, &context);
}

}  // namespace coffer::actors

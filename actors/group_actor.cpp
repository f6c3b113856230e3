// The group: one GroupCore in an actor. Turns messages into the core's events and the core's actions into messages, those
// to other nodes included. Runs on CAF's scheduler and never blocks.

#include <algorithm>
#include <map>
#include <unordered_set>

#include "actors/context.hpp"
#include "actors/group_timer.hpp"
#include "cluster/membership.hpp"
#include "cluster/wire.hpp"

namespace coffer::actors {

namespace group_actor {
namespace {

struct GroupState {
  static constexpr const char* name = "group";
  struct Origin {
    SubmitterActor submitter;
    std::uint64_t life = 0;
    std::uint64_t sequence = 0;
  };
  struct Opening {
    model::Index applied_at_least;
    SubmitterActor submitter;
  };

  Context* context = nullptr;
  model::GroupId id;
  std::unique_ptr<cluster::GroupCore> core;
  std::uint64_t next_cookie = 1;
  std::map<std::uint64_t, Origin> origins;  // of proposals in flight, by cookie
  std::vector<cluster::Proposal> queue;     // until the next flush
  std::unordered_set<std::uint64_t> ended;  // lives that had a write set refused
  std::vector<Opening> openings;
  std::map<std::uint64_t, ConfirmLeadership> reads;  // that wait for a majority, by cookie
  cluster::Leadership leadership;
  bool announced = false;  // the front knows that the group is open
  bool flushing = false;
  bool started = false;
  bool in_burst = false;  // what is carried out now comes of a burst (burst.hpp)
  GroupTimer timer;

  GroupBoard& board() { return context->boards[id.value]; }
};

using Self = GroupActor::stateful_pointer<GroupState>;

void refuse(Self self, const GroupState::Origin& origin, const model::Error& error) {
  self->state.ended.insert(origin.life);
  self->send(origin.submitter, ProposalRefused{origin.sequence, error});
}

// What is committed goes to the state writer as one batch; each submitter hears of its newest write set only.
void hand_out(Self self, std::vector<cluster::Committed> committed) {
  GroupState& state = self->state;
  std::vector<std::pair<SubmitterActor, CommittedUpTo>> news;
  for (const cluster::Committed& item : committed) {
    if (item.cookie == 0) continue;
    auto found = state.origins.find(item.cookie);
    if (found == state.origins.end()) continue;
    const CommittedUpTo message{found->second.sequence, item.entry.index};
    bool merged = false;
    for (auto& [submitter, last] : news) {
      if (submitter != found->second.submitter) continue;
      last = message;
      merged = true;
      break;
    }
    if (!merged) news.emplace_back(found->second.submitter, message);
    state.origins.erase(found);
  }
  const Apply apply{state.id, state.core->generation(),
                    std::make_shared<const std::vector<cluster::Committed>>(std::move(committed))};
  self->send(state.context->state_writer, apply);
  // The mirror knows what the leader's directory actor publishes itself. Not all that is committed here is that: an earlier
  // leader's last entries are not, nor what is committed when this leadership ends before that actor has opened.
  if (state.id == model::kMetaGroup) self->send(state.context->mirror, apply);
  for (auto& [submitter, message] : news) self->send(submitter, message);
}

void report(Self self) {
  GroupState& state = self->state;
  if (state.leadership.role != cluster::Role::leader || !state.leadership.ready) return;
  model::GroupInfo info{state.id, state.context->self, state.leadership.term, state.core->commit_index(), {}};
  const auto progress = state.core->progress();
  for (const cluster::Voter& server : state.core->servers()) {
    model::ReplicaInfo replica{server.id, static_cast<model::ReplicaRole>(server.role), state.core->last_index()};
    for (const cluster::PeerProgress& peer : progress) {
      if (peer.id == server.id) replica.match = peer.match;
    }
    info.replicas.push_back(replica);
  }
  state.context->reports.put(std::move(info));
}

// Shards may start when the group leads, an entry of its own term is committed (G1) and applied.
void announce(Self self) {
  GroupState& state = self->state;
  const std::uint64_t applied = state.board().applied.load();
  const bool open = state.leadership.ready && applied >= state.leadership.ready_index.value;
  if (open && !state.announced) {
    state.announced = true;
    self->send(state.context->front, GroupOpen{state.id, state.leadership.term});
    report(self);
    self->send(state.context->steward, GroupOpen{state.id, state.leadership.term});
  } else if (!open && state.announced && !state.leadership.ready) {
    state.announced = false;
    self->send(state.context->front, GroupClosed{state.id});
  }
  if (!open) return;
  std::erase_if(state.openings, [&](const GroupState::Opening& opening) {
    if (applied < opening.applied_at_least.value) return false;
    self->send(opening.submitter, Opened{state.leadership.term, state.core->generation()});
    return true;
  });
}

void answer_reads(Self self, const cluster::Actions& actions) {
  GroupState& state = self->state;
  const auto answer = [&](std::uint64_t cookie, const model::Result<model::Index>& result) {
    auto found = state.reads.find(cookie);
    if (found == state.reads.end()) return;
    (*found->second.done)(result);
    state.reads.erase(found);
  };
  for (const cluster::ReadReady& ready : actions.reads_ready) answer(ready.cookie, ready.index);
  for (const cluster::Refused& refused : actions.reads_refused) answer(refused.cookie, refused.error);
}

// To the board, and to whoever holds calls for the group.
void publish(Self self, const cluster::Actions& actions) {
  GroupState& state = self->state;
  GroupBoard& board = state.board();
  if (actions.leadership) {
    const cluster::Leadership before = state.leadership;
    state.leadership = *actions.leadership;
    board.role = state.leadership.role;
    board.term = state.leadership.term.value;
    board.leader = state.leadership.leader.value;
    const bool elsewhere = state.leadership.leader.value != 0 && state.leadership.leader != state.context->self;
    if (elsewhere && state.leadership.leader != before.leader) {
      self->send(state.context->front, GroupLed{state.id, state.leadership.leader});
      self->send(state.context->forwarder, GroupLed{state.id, state.leadership.leader});
    }
    if (state.leadership.role != cluster::Role::leader) state.context->reports.forget(state.id);
  }
  board.commit = state.core->commit_index().value;
  board.durable = state.core->durable_index().value;
  const std::uint64_t generation = state.core->generation().value;
  // Before its start the core does not know it yet, and dropping the rows in use would lose them.
  // While its replica goes, the state writer says what of it can still be read.
  const bool counts = state.started && !state.core->is_leaving();
  if (const std::uint64_t before = board.generation; counts && before != generation) {
    board.generation = generation;
    // A snapshot has become the state: the rows of the one before are of no use, and the directory's tables are old.
    board.applied = std::max(board.applied.load(), state.core->durable_index().value);
    self->send(state.context->state_writer, DropGeneration{state.id, model::Generation{before}, false});
    if (state.id == model::kMetaGroup) self->send(state.context->mirror, Reload{});
  }
  const auto& servers = state.core->servers();
  board.voters = static_cast<std::uint32_t>(std::count_if(
      servers.begin(), servers.end(), [](const cluster::Voter& v) { return v.role == cluster::ServerRole::voter; }));
}

void carry_out(Self self) {
  GroupState& state = self->state;
  cluster::Actions actions = state.core->take_actions();
  if (actions.lease_until) state.board().lease_until = *actions.lease_until;  // before any message leaves
  if (actions.fatal) return state.context->fatal(*actions.fatal);
  if (actions.install) self->send(state.context->snapshots, Install{state.id, std::move(*actions.install)});
  for (cluster::DurableWrite& write : actions.writes) {
    self->send(state.context->log_writer, Write{std::make_shared<cluster::DurableWrite>(std::move(write))});
  }
  for (const cluster::Message& message : actions.messages) {
    // What the link does not take is lost like on any wire: Raft repeats it.
    if (state.in_burst && cluster::is_heartbeat(message)) {
      state.context->send_in_burst(message.to, cluster::PeerChannel::raft, state.id, cluster::encode(message));
    } else {
      state.context->send(message.to, cluster::PeerChannel::raft, state.id, cluster::encode(message));
    }
  }
  if (!actions.committed.empty()) hand_out(self, std::move(actions.committed));
  if (actions.drop_state) {
    self->send(state.context->state_writer, DropReplica{state.id, state.core->generation(), self});
  }
  for (const cluster::Refused& refused : actions.refused) {
    auto found = state.origins.find(refused.cookie);
    if (found == state.origins.end()) continue;
    refuse(self, found->second, refused.error);
    state.origins.erase(found);
  }
  publish(self, actions);
  answer_reads(self, actions);
  if (actions.wake_at) {
    if (const auto alarm = state.timer.want(*actions.wake_at, boot_clock_ms())) {
      const std::chrono::milliseconds wait(alarm->wait);
      if (alarm->line == 0) {
        self->delayed_send(self, wait, Tick{alarm->number});
      } else if (state.context->bell.add(alarm->line, {state.id, alarm->number})) {
        self->delayed_send(state.context->group_bell, wait, Ring{alarm->line});
      }
    }
  }
  announce(self);
}

void flush(Self self) {
  GroupState& state = self->state;
  state.flushing = false;
  if (state.queue.empty()) return;
  std::vector<cluster::Proposal> queue;
  queue.swap(state.queue);
  state.core->propose(std::move(queue), boot_clock_ms());
  carry_out(self);
}

void propose(Self self, const Propose& message) {
  GroupState& state = self->state;
  for (const Propose::Item& item : message.items) {
    const GroupState::Origin origin{message.submitter, message.life, item.sequence};
    if (state.ended.contains(message.life)) {
      refuse(self, origin, model::Error(model::Code::unavailable));
      continue;
    }
    const std::uint64_t cookie = state.next_cookie++;
    state.origins.emplace(cookie, origin);
    state.queue.push_back({cookie, message.term, item.write_set});
  }
  if (!state.queue.empty() && !state.flushing) {
    state.flushing = true;
    self->send(self, Flush{});
  }
}

// ---- with other nodes ------------------------------------------------------------------------------------------

void receive(Self self, cluster::Message message) {
  GroupState& state = self->state;
  --state.board().inbox;
  state.core->receive(std::move(message), boot_clock_ms());
  state.in_burst = true;
  carry_out(self);
  state.in_burst = false;
  state.context->end_burst();
}

void tick(Self self, const Tick& tick) {
  GroupState& state = self->state;
  if (state.timer.fired(tick.generation)) {
    state.core->tick(boot_clock_ms());
    state.in_burst = tick.in_burst;
    carry_out(self);
    state.in_burst = false;
  }
  if (tick.in_burst) state.context->end_burst();
}

void confirm(Self self, const ConfirmLeadership& request) {
  GroupState& state = self->state;
  const std::uint64_t cookie = state.next_cookie++;
  ++state.context->counters.confirmations;
  state.reads.emplace(cookie, request);
  state.core->read({cookie}, boot_clock_ms());
  carry_out(self);
}

/// One step towards the servers that placement wants; it says so again.
void approach(Self self, const Target& target) {
  GroupState& state = self->state;
  if (state.leadership.role != cluster::Role::leader || !state.leadership.ready) return;
  cluster::MembershipView view;
  view.self = state.context->self;
  view.servers = state.core->servers();
  view.progress = state.core->progress();
  view.last = state.core->last_index();
  view.now = boot_clock_ms();
  const cluster::MembershipStep step = cluster::next_membership_step(view, target.servers);
  // What is refused now is tried again with the next word of placement.
  if (step.kind == cluster::MembershipStep::Kind::change) (void)state.core->change_voters(step.servers, view.now);
  if (step.kind == cluster::MembershipStep::Kind::hand_over) (void)state.core->transfer(step.to, view.now);
  carry_out(self);
}

void transfer(Self self, model::NodeId to) {
  GroupState& state = self->state;
  if (state.leadership.role != cluster::Role::leader) return;
  (void)state.core->transfer(to, boot_clock_ms());
  carry_out(self);
}

void installed(Self self) {
  GroupState& state = self->state;
  state.core->installed(boot_clock_ms());
  ++state.context->counters.snapshots_installed;
  carry_out(self);
}

void leave(Self self, const Leave& word) {
  GroupState& state = self->state;
  const auto quiet = static_cast<cluster::MonotonicMs>(state.context->leave_after.count());
  if (!state.started || !state.core->leave(word.settled, quiet, boot_clock_ms())) return;
  state.context->log("group " + std::to_string(state.id.value) +
                     ": this node is no server of it any more; what it has of its log and rows is removed");
  carry_out(self);
}

void start(Self self) {
  self->state.started = true;
  self->state.core->start(boot_clock_ms());
}

/// Of a replica that this node has left, now or before it started. Their bytes go from the files, too: a tenant may be
/// purged of which this node hears nothing any more.
void dropped(Self self) {
  self->state.context->replica_gone(self->state.id);
  if (self->state.started) {
    self->state.core->left(boot_clock_ms());
  } else {
    start(self);
  }
  carry_out(self);
}

GroupActor::behavior_type group(Self self, Context* context, const cluster::GroupConfig& config,
                                const std::shared_ptr<storage::Recovered>& recovered) {
  GroupState& state = self->state;
  state.context = context;
  state.id = config.group;
  state.core = std::make_unique<cluster::GroupCore>(config, std::move(*recovered));
  state.timer = GroupTimer(config.heartbeat, context->self);
  self->send(context->log_writer, Subscribe{config.group, self});
  self->send(context->state_writer, Subscribe{config.group, self});
  return {
      [self](const OpenRequest& request) {
        flush(self);  // what an earlier life of the submitter proposed comes first
        self->state.openings.push_back({self->state.core->last_index(), request.submitter});
        announce(self);
      },
      [self](const Propose& message) { propose(self, message); },
      [self](const Persisted& done) {
        self->state.core->persisted(done.ticket, boot_clock_ms());
        carry_out(self);
      },
      [self](const Applied&) { announce(self); },  // the board has the index
      [self](const Checkpointed& done) {
        self->state.core->checkpoint(done.index, boot_clock_ms());
        carry_out(self);
      },
      [self](const Tick& word) {
        if (word.generation != 0) return tick(self, word);
        start(self);
        carry_out(self);
      },
      [self](const Flush&) { flush(self); },
      [self](const ConfirmLeadership& request) { confirm(self, request); },
      [self](const FromPeer& from) { receive(self, std::move(*from.message)); },
      [self](const Target& target) { approach(self, target); },
      [self](const Transfer& order) { transfer(self, order.to); },
      [self](const Installed&) { installed(self); },
      [self](const Campaign& campaign) {
        if (campaign.allowed) {
          self->state.core->allow_campaign(boot_clock_ms());
        } else {
          self->state.core->forbid_campaign(boot_clock_ms());
        }
        carry_out(self);
      },
      [self](const Report&) { report(self); },
      [self](const Leave& word) { leave(self, word); },
      [self](const ReplicaDropped&) { dropped(self); },
      [self](const Finish& finish) {
        for (auto& [cookie, read] : self->state.reads) (*read.done)(model::Error(model::Code::unavailable));
        self->state.reads.clear();
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace group_actor

GroupActor spawn_group(caf::actor_system& system, Context& context, const cluster::GroupConfig& config,
                       storage::Recovered recovered) {
  return system.spawn(group_actor::group, &context, config, std::make_shared<storage::Recovered>(std::move(recovered)));
}

}  // namespace coffer::actors

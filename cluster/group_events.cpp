// One event after the other into the core, none while a hard state waits for the disk. See group_impl.hpp.

#include <algorithm>
#include <utility>

#include "cluster/configuration.hpp"
#include "cluster/group_impl.hpp"

namespace coffer::cluster {

void GroupCore::Impl::pump() {
  while (running() && !blocked()) {
    settle();
    if (!running() || !next_event()) {
      break;
    }
  }
  if (running() && !blocked()) {
    publish();
    answer_reads();
    ping();
    rearm();
  }
  publish_lease();
}

void GroupCore::Impl::send(Message message) {
  (blocked() ? held.messages : actions.messages).push_back(std::move(message));
}

bool GroupCore::Impl::next_event() {
  if (barrier_due) {
    submit_barrier();
  } else if (!configurations_due.empty()) {
    report_configuration();
  } else if (taken && !awaits_installation()) {
    report_snapshot_taken();
  } else if (install_durable) {
    report_snapshot_installed();
  } else if (!installing && durable_last > reported_last) {
    report_entries();
  } else if (!queue.empty()) {
    Event event = std::move(queue.front());
    queue.pop_front();
    std::visit([this](auto&& e) { handle(std::move(e)); }, std::move(event));
  } else {
    return false;
  }
  return true;
}

void GroupCore::Impl::step(model::Result<StepOutcome> outcome) {
  if (outcome.ok()) {
    absorb(std::move(*outcome));
  } else {
    fail(outcome.error());
  }
}

void GroupCore::Impl::handle(Message message) {
  if (std::holds_alternative<TimeoutNow>(message.body) && !may_campaign()) {
    return;  // it would raise the term for an election that it does not hold
  }
  if (const auto* vote = std::get_if<RequestVote>(&message.body);
      vote != nullptr && storage::LogEnd{vote->last_log_term, vote->last_log_index} < floor) {
    return;  // the log that this server had would have refused it
  }
  if (const auto* stamp_echo = std::get_if<StampEcho>(&message.body)) {
    on_stamp(message.from, stamp_echo->term, message.stamp);
    return;
  }
  if (const auto* result = std::get_if<AppendEntriesResult>(&message.body); result && message.stamp != Stamp{}) {
    on_stamp(message.from, result->term, message.stamp);
  }
  // What an echo needs, for the step takes the message.
  Message asks{message.group, message.from, message.to, StampPing{}, message.stamp};
  if (const auto* ping = std::get_if<StampPing>(&message.body)) {
    asks.body = *ping;
  } else {
    if (const auto* append = std::get_if<AppendEntries>(&message.body)) {
      asks.body = StampPing{append->term};
    } else if (const auto* install = std::get_if<InstallSnapshot>(&message.body)) {
      asks.body = StampPing{install->term};
    }
    step(raft->receive(now, std::move(message)));
  }
  echo(asks);
}

void GroupCore::Impl::handle(ProposalBatch proposals) {
  std::vector<storage::LogEntry> entries;
  ProposalBatch submitted;
  for (Proposal& proposal : proposals) {
    if (!leading) {
      refuse(proposal, {model::Code::unavailable, "this node does not lead the group"});
    } else if (transfer) {
      parked.push_back(std::move(proposal));
    } else if (proposal.term != leading_term) {
      refuse(proposal, {model::Code::unavailable, "the leadership has changed"});
    } else {
      storage::LogEntry entry;
      entry.kind = storage::EntryKind::command;
      entry.data = proposal.data ? proposal.data : std::make_shared<const std::string>();
      entries.push_back(std::move(entry));
      submitted.push_back(std::move(proposal));
    }
  }
  if (entries.empty()) {
    return;
  }
  auto outcome = raft->submit(now, std::move(entries));
  if (outcome.ok()) {
    absorb(std::move(*outcome), &submitted);
    return;
  }
  const bool fatal = outcome.error().code == model::Code::internal;
  for (const Proposal& proposal : submitted) {
    refuse(proposal, {model::Code::unavailable, "the group accepts no writes now"});
  }
  if (fatal) {
    fail(outcome.error());
  }
}

void GroupCore::Impl::submit_barrier() {
  // G1: without an entry of its own term a leader neither knows what is committed nor may it change the configuration.
  barrier_due = false;
  storage::LogEntry entry;
  entry.kind = storage::EntryKind::barrier;
  entry.data = std::make_shared<const std::string>();
  auto outcome = raft->submit(now, {std::move(entry)});
  if (outcome.ok() && !outcome->entries.empty()) {
    ready_index = outcome->entries.front().index.value;
  }
  step(std::move(outcome));
}

void GroupCore::Impl::report_entries() {
  reported_last = durable_last;
  step(raft->persisted_entries(now, model::Index(durable_last)));
}

void GroupCore::Impl::report_snapshot_taken() {
  const storage::Snapshot durable = *std::exchange(taken, std::nullopt);
  if (installing || durable.index <= raft->snapshot_index()) {
    return;
  }
  step(raft->snapshot_taken(now, durable, trailing_behind(durable.index.value)));
  if (!failed) {
    cache.trim_before(raft->first_index().value);
    while (configurations.size() > 1 && configurations[1].index <= durable.index) {
      configurations.pop_front();
    }
  }
}

// While a peer receives a snapshot, libraft is not told of newer ones: it would anchor its heartbeats behind what the peer
// is about to have, take the refusals for a failed snapshot and send the next one, and so on for as long as the leader
// writes. A peer that is dead, or needs more memory than there is, does not count.
bool GroupCore::Impl::awaits_installation() {
  if (!leading) {
    return false;
  }
  bool awaits = false;
  for (const PeerProgress& peer : peers()) {
    const auto sent = snapshots_sent.find(peer.id);
    if (sent == snapshots_sent.end()) {
      continue;
    }
    if (peer.match.value >= sent->second) {
      snapshots_sent.erase(sent);
    } else {
      awaits = awaits || (is_alive(peer, 4) && may_keep(cache.trail_bytes()));
    }
  }
  return awaits;
}

// How many entries up to `index` stay in memory: the usual number, and what a living peer lacks, as far as may_keep().
// The last one always does, for whoever holds it gets the next one with its term.
unsigned GroupCore::Impl::trailing_behind(std::uint64_t index) const {
  if (servers.size() <= 1) {
    return 0;
  }
  std::uint64_t needed = index;
  for (const PeerProgress& peer : leading ? peers() : std::vector<PeerProgress>()) {
    if (is_alive(peer, 4) && peer.match.value != 0) {
      needed = std::min(needed, peer.match.value);
    }
  }
  unsigned kept = 1;
  std::size_t bytes = 0;
  for (std::uint64_t at = index - 1; cache.contains(at); --at, ++kept) {
    bytes += cache.at(at).entry.data->size();
    if ((kept >= config.trailing_entries && at < needed) || !may_keep(bytes)) {
      break;
    }
  }
  return kept;
}

void GroupCore::Impl::report_snapshot_installed() {
  install_durable = false;
  snapshot = std::exchange(installing, std::nullopt)->snapshot;
  generation = snapshot->generation;
  durable_last = reported_last = handed_out = configured = snapshot->index.value;
  commit = std::max(commit, snapshot->index.value);
  step(raft->persisted_snapshot(now, *snapshot));
}

void GroupCore::Impl::report_configuration() {
  const std::uint64_t index = configurations_due.front();
  configurations_due.pop_front();
  configured = index;
  step(raft->configuration_committed(now, model::Index(index), *cache.at(index).entry.data));
}

bool GroupCore::Impl::withheld() const {
  return !may_campaign() && raft->state() != ServerState::leader && is_sole_voter(servers, config.self);
}

void GroupCore::Impl::rearm() {
  if (withheld()) {
    return;
  }
  const MonotonicMs due = transfer ? std::min(raft->wake_at(), transfer->until) : raft->wake_at();
  if (armed != due) {
    armed = due;
    actions.wake_at = due;
  }
}

void GroupCore::Impl::publish() {
  Leadership current;
  current.term = raft->term();
  current.leader = raft->leader();
  switch (raft->state()) {
    case ServerState::follower: current.role = Role::follower; break;
    case ServerState::candidate: current.role = Role::candidate; break;
    case ServerState::leader: current.role = Role::leader; break;
  }
  if (leading && ready_index != 0) {
    current.ready = handed_out >= ready_index;
    current.ready_index = model::Index(ready_index);
  }
  if (current != published) {
    published = current;
    actions.leadership = current;
  }
}

}  // namespace coffer::cluster

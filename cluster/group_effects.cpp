// What the outcome of a step becomes: writes, held messages, committed entries, refusals. See group_impl.hpp.

#include <algorithm>
#include <limits>
#include <utility>

#include "cluster/configuration.hpp"
#include "cluster/group_impl.hpp"
#include "cluster/wire.hpp"

namespace coffer::cluster {

void GroupCore::Impl::absorb(StepOutcome outcome, const std::vector<Proposal>* proposals) {
  std::optional<storage::Snapshot> install;
  if (outcome.install) {
    begin_install(std::move(*outcome.install));
    install = installing->snapshot;
  }
  if (!outcome.entries.empty()) {
    append(outcome.entries, proposals);
  }
  if (outcome.hard_state || !outcome.entries.empty()) {
    DurableWrite& added = write();
    added.hard_state = outcome.hard_state;
    if (!outcome.entries.empty()) {
      const std::uint64_t first = outcome.entries.front().index.value;
      added.last_stored = model::Index(disk_last >= first ? disk_last : 0);
      disk_last = cache.last();
      outstanding.push_back({added.ticket, cache.last()});
      added.entries = outcome.entries;
    }
    blocked_on = outcome.hard_state ? added.ticket : 0;
  }
  if (outcome.became_leader) {
    leading = true;
    gate.begin();
    snapshots_sent.clear();
    leading_term = raft->term();
    barrier_due = outcome.entries.empty();
    ready_index = barrier_due ? 0 : outcome.entries.front().index.value;
  }
  for (Outgoing& outgoing : outcome.messages) {
    // A sealed node's timer runs (and so does that of one below its floor), for without it libraft would believe in a dead leader for ever and refuse its vote to
    // others. But nobody hears of its pre-votes: it stays a candidate that cannot win and that raises no term.
    const bool campaigns = std::holds_alternative<RequestVote>(outgoing.message.body);
    if (std::holds_alternative<TimeoutNow>(outgoing.message.body)) {
      gate.forbid_lease();
    }
    if (!campaigns || may_campaign()) {
      complete(outgoing);
    }
  }
  if (install) {
    held.install = std::move(install);
  }
  if (!blocked()) {
    release();
  }
}

void GroupCore::Impl::release() {
  blocked_on = 0;
  std::move(held.messages.begin(), held.messages.end(), std::back_inserter(actions.messages));
  held.messages.clear();
  if (held.install) {
    actions.install = std::exchange(held.install, std::nullopt);
  }
}

void GroupCore::Impl::append(const std::vector<storage::LogEntry>& entries, const std::vector<Proposal>* proposals) {
  if (entries.front().index.value <= cache.last()) {
    truncate_from(entries.front().index.value);
  }
  bool configures = false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    LogCache::Slot slot{entries[i], 0, false};
    if (proposals != nullptr) {
      slot.cookie = (*proposals)[i].cookie;
      slot.pending = true;
    }
    if (entries[i].kind == storage::EntryKind::configuration) {
      configurations.push_back({entries[i].index, *entries[i].data});
      configures = true;
    }
    cache.push(std::move(slot));
  }
  if (configures) {
    learn_configurations();
  }
}

void GroupCore::Impl::truncate_from(std::uint64_t index) {
  refuse_pending(index, cache.last());
  cache.truncate_from(index);
  // A write that was under way when its entries were replaced must not acknowledge the new ones at their index.
  for (OutstandingWrite& written : outstanding) {
    written.last = std::min(written.last, index - 1);
  }
  durable_last = std::min(durable_last, index - 1);
  reported_last = std::min(reported_last, index - 1);
  while (!configurations.empty() && configurations.back().index.value >= index) {
    configurations.pop_back();
  }
  learn_configurations();
}

void GroupCore::Impl::learn_configurations() {
  servers.clear();
  if (!configurations.empty()) {
    auto decoded = decode_configuration(configurations.back().bytes);
    if (decoded.ok()) {
      servers = std::move(*decoded);
    }
  }
  gate.configure(servers);
}

void GroupCore::Impl::begin_install(storage::Snapshot incoming) {
  refuse_pending(cache.first(), cache.last());
  incoming.generation = model::Generation(generation.value + 1);
  cache.reset(incoming.index.value + 1);
  outstanding.clear();
  durable_last = reported_last = 0;
  checkpoints.clear();
  taken.reset();
  configurations_due.clear();
  configurations.assign(1, {incoming.configuration_index, incoming.configuration});
  learn_configurations();
  installing = PendingSnapshot{0, std::move(incoming)};
}

void GroupCore::Impl::complete(Outgoing& outgoing) {
  Message& message = outgoing.message;
  if (auto* append = std::get_if<AppendEntries>(&message.body)) {
    message.stamp = gate.stamp(now);
    std::size_t bytes = 0;
    const std::uint64_t first = append->prev_log_index.value + 1;
    const std::uint64_t end = std::min(first + outgoing.entry_count, withheld_from(message.to));
    for (std::uint64_t index = first; index < end; ++index) {
      if (!cache.contains(index)) {
        fail({model::Code::internal, "an entry that a peer needs is not in memory"});
        return;
      }
      const storage::LogEntry& entry = cache.at(index).entry;
      if (!append->entries.empty() && bytes + entry.data->size() > kMaxAppendBytes) {
        // libraft counts entries and not bytes: it sent them all, so all go out, in as many messages as it takes.
        held.messages.push_back(message);
        append->entries.clear();
        append->prev_log_index = model::Index(index - 1);
        append->prev_log_term = cache.at(index - 1).entry.term;
        bytes = 0;
      }
      bytes += entry.data->size();
      append->entries.push_back(entry);
    }
  } else if (auto* install = std::get_if<InstallSnapshot>(&message.body)) {
    if (!snapshot) {
      return;
    }
    message.stamp = gate.stamp(now);
    install->snapshot = *snapshot;  // the durable one, which may be newer than the one that libraft means
    snapshots_sent[message.to] = snapshot->index.value;
  }
  held.messages.push_back(std::move(message));
}

// G14: libraft never campaigns on a server whose own log takes its vote, and that server refuses whoever has less than it.
// As long as its vote may be needed for an election, it must not hold the change: where the others lose it with their
// power, or it is the only one that got it, nobody could be elected any more. libraft takes what stays here for lost and
// sends it again after the next heartbeat.
std::uint64_t GroupCore::Impl::withheld_from(model::NodeId to) const {
  constexpr std::uint64_t kNothing = std::numeric_limits<std::uint64_t>::max();
  if (configurations.size() < 2 || configurations.back().index.value <= commit || is_voter(servers, to)) {
    return kNothing;
  }
  const auto before = decode_configuration(configurations[configurations.size() - 2].bytes);
  return before.ok() && is_voter(*before, to) ? configurations.back().index.value : kNothing;
}

void GroupCore::Impl::settle() {
  if (leading && (raft->state() != ServerState::leader || raft->term() != leading_term)) {
    lose_leadership();
  }
  commit = std::max(commit, raft->commit_index().value);  // libraft's may go backwards
  hand_out();
  drive_transfer();
}

void GroupCore::Impl::hand_out() {
  while (handed_out < std::min(commit, durable_last)) {
    LogCache::Slot& slot = cache.at(handed_out + 1);
    ++handed_out;
    if (slot.pending) {
      slot.pending = false;
      pending_bytes -= slot.entry.data->size();
    }
    actions.committed.push_back({slot.entry, std::exchange(slot.cookie, 0)});
    if (slot.entry.kind == storage::EntryKind::configuration && handed_out > configured) {
      configurations_due.push_back(handed_out);
    }
  }
}

void GroupCore::Impl::lose_leadership() {
  leading = false;
  barrier_due = false;
  ready_index = 0;
  for (const std::uint64_t cookie : gate.end()) {
    actions.reads_refused.push_back({cookie, {model::Code::unavailable, "the leadership was lost"}});
  }
  transfer.reset();
  for (const Proposal& proposal : std::exchange(parked, {})) {
    refuse(proposal, {model::Code::unavailable, "the leadership was handed over"});
  }
  // What is committed will be handed out with its cookie; the rest may or may not survive under the next leader.
  commit = std::max(commit, raft->commit_index().value);
  refuse_pending(std::max(commit + 1, cache.first()), cache.last());
}

void GroupCore::Impl::refuse_pending(std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t index = from; index <= to; ++index) {
    LogCache::Slot& slot = cache.at(index);
    if (slot.pending) {
      slot.pending = false;
      pending_bytes -= slot.entry.data->size();
      actions.refused.push_back({std::exchange(slot.cookie, 0),
                                 {model::Code::outcome_unknown, "the leadership was lost before the write committed"}});
    }
  }
}

void GroupCore::Impl::refuse(const Proposal& proposal, model::Error error) {
  pending_bytes -= proposal.data ? proposal.data->size() : 0;
  actions.refused.push_back({proposal.cookie, std::move(error)});
}

void GroupCore::Impl::fail(model::Error error) {
  if (failed) {
    return;
  }
  failed = true;
  refuse_pending(cache.first(), cache.last());
  for (const std::uint64_t cookie : gate.end()) {
    actions.reads_refused.push_back({cookie, {model::Code::unavailable, "the group has stopped"}});
  }
  for (const Proposal& proposal : std::exchange(parked, {})) {
    refuse(proposal, {model::Code::unavailable, "the group has stopped"});
  }
  for (Event& event : queue) {
    if (auto* proposals = std::get_if<ProposalBatch>(&event)) {
      for (const Proposal& proposal : *proposals) {
        refuse(proposal, {model::Code::unavailable, "the group has stopped"});
      }
    }
  }
  queue.clear();
  actions.fatal = std::move(error);
}

}  // namespace coffer::cluster

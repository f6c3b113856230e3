// raft_step() with its ownership rules. See raft_core.hpp.

#include "cluster/raft_core.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "cluster/catch_up_pace.hpp"
#include "cluster/guards.hpp"
#include "cluster/raft_convert.hpp"

namespace coffer::cluster {

struct RaftCore::Impl {
  explicit Impl(const RaftOptions& given) : options(given), pace(given.catch_up_lag) {}

  struct raft raft;
  const RaftOptions options;
  CatchUpPace pace;              // of the peers that lack much of the log of this leader
  MonotonicMs last_timeout = 0;  // as leader
  bool timed_out = false;
  model::Term handed_over;  // of the newest TimeoutNow: the term after it may disrupt a leader

  void correct(Outgoing& outgoing) const;
  model::Result<StepOutcome> step(raft_event& event, MonotonicMs now, RaftEntries* entries);
  void set_window(MonotonicMs now);
  bool admits(Message& message, MonotonicMs now);
};

namespace {

model::Error stopped(int rv) {
  return {model::Code::internal, std::string("the consensus core stopped: ") + raft_strerror(rv)};
}

model::Error refused(int rv) {
  const bool caller = rv == RAFT_MALFORMED || rv == RAFT_BADID || rv == RAFT_BADROLE;
  return {caller ? model::Code::invalid_argument : model::Code::unavailable, raft_strerror(rv)};
}

/// G10: while it answers a candidate, this server is a voter. libraft refuses its vote when the own log does not
/// (yet) say that it is one, but the candidate's log may: when one voter becomes two, the first needs the second to
/// be elected again before the second has heard of it. Raft lets servers answer without asking their own
/// configuration (its dissertation, section 4.1); the candidate counts the votes of its own configuration's voters
/// only.
class VoterForNow {
 public:
  VoterForNow(raft& r, bool applies) : raft_(r), applies_(applies) {
    server_.id = r.id;
    server_.address = r.address;
    server_.role = RAFT_VOTER;
    swap();
  }
  ~VoterForNow() { swap(); }
  VoterForNow(const VoterForNow&) = delete;
  VoterForNow& operator=(const VoterForNow&) = delete;

 private:
  void swap() {
    if (applies_) {
      std::swap(raft_.configuration, other_);
    }
  }
  raft& raft_;
  const bool applies_;
  raft_server server_{};
  raft_configuration other_{&server_, 1};
};

raft_event make_event(raft_event_type type) {
  raft_event event;
  std::memset(&event, 0, sizeof event);
  event.type = type;
  return event;
}

}  // namespace

RaftCore::RaftCore(const RaftOptions& options) : impl_(std::make_unique<Impl>(options)) {
  static std::mutex initialising;  // raft_init() writes a global
  raft& r = impl_->raft;
  std::memset(&r, 0, sizeof r);
  {
    const std::lock_guard lock(initialising);
    raft_init(&r, nullptr, nullptr, options.self.value, kNoAddress);
  }
  r.tracer = nullptr;  // the default one formats every message into one static buffer
  raft_seed(&r, static_cast<unsigned>(options.seed ^ (options.seed >> 32)));
  raft_set_election_timeout(&r, static_cast<unsigned>(options.election_timeout));
  raft_set_heartbeat_timeout(&r, static_cast<unsigned>(options.heartbeat));
  raft_set_install_snapshot_timeout(&r, static_cast<unsigned>(options.election_timeout * 20));
  raft_set_pre_vote(&r, true);
  raft_set_max_inflight_entries(&r, options.max_inflight_entries);
}

RaftCore::~RaftCore() { raft_close(&impl_->raft, nullptr); }

model::Result<StepOutcome> RaftCore::Impl::step(raft_event& event, MonotonicMs now, RaftEntries* entries) {
  const bool led = raft_state(&raft) == RAFT_LEADER;
  if (led) set_window(now);
  const bool refusable = event.type == RAFT_SUBMIT || event.type == RAFT_TRANSFER;
  raft_update update;
  std::memset(&update, 0, sizeof update);
  event.time = now;
  event.capacity = 0;
  const int rv = raft_step(&raft, &event, &update);
  if (rv != 0 && refusable && rv != RAFT_NOMEM && rv != RAFT_SHUTDOWN) {
    return refused(rv);
  }
  if (rv != 0) {
    if (entries != nullptr) {
      entries->abandon();
    }
    return stopped(rv);
  }
  StepOutcome outcome;
  if ((update.flags & (RAFT_UPDATE_CURRENT_TERM)) != 0 || (update.flags & (RAFT_UPDATE_VOTED_FOR)) != 0) {
    outcome.hard_state =
        storage::HardState{model::Term(raft_current_term(&raft)), model::NodeId(raft_voted_for(&raft))};
  }
  const bool has_entries = (update.flags & (RAFT_UPDATE_ENTRIES)) != 0;
  if (has_entries && update.entries.batch == &raft.barrier) {
    outcome.entries.push_back(barrier_entry(update.entries.index, raft.barrier.term));
    raft_free(raft.barrier.batch);
  } else if (has_entries) {
    outcome.entries = entries->take(update.entries.batch, update.entries.n, update.entries.index);
  }
  if (entries != nullptr) {
    entries->settle(has_entries);
  }
  if ((update.flags & (RAFT_UPDATE_SNAPSHOT)) != 0) {
    outcome.install = take_snapshot(update.snapshot.metadata);
    raft_free(update.snapshot.chunk.base);
  }
  if ((update.flags & (RAFT_UPDATE_MESSAGES)) != 0) {
    for (unsigned i = 0; i < update.messages.n; ++i) {
      if (update.messages.batch[i].server_id == 0) {
        continue;  // an acknowledgement for a leader that is not known any more
      }
      outcome.messages.push_back(
          from_raft(update.messages.batch[i], options.group, options.self, raft_current_term(&raft)));
      Outgoing& outgoing = outcome.messages.back();
      correct(outgoing);
      if (led && update.messages.batch[i].type == RAFT_INSTALL_SNAPSHOT) {
        pace.sent_snapshot(outgoing.message.to, update.messages.batch[i].install_snapshot.last_index, now);
      }
      // libraft does not count on entries for who has not answered lately: it sends them again.
      if (led && pace.is_away(outgoing.message.to, now)) {
        outgoing.entry_count = std::min(outgoing.entry_count, options.catch_up_window);
      }
    }
  }
  outcome.became_leader = !led && raft_state(&raft) == RAFT_LEADER;
  if (outcome.became_leader) {
    timed_out = false;
    pace.begin(now);
  }
  return outcome;
}

model::Result<StepOutcome> RaftCore::start(MonotonicMs now, const storage::Recovered& recovered) {
  raft_event event = make_event(RAFT_START);
  raft_snapshot_metadata metadata;
  event.start.term = recovered.hard_state.term.value;
  event.start.voted_for = recovered.hard_state.voted_for.value;
  event.start.start_index = 1;
  if (recovered.snapshot) {
    if (!to_raft(*recovered.snapshot, &metadata)) {
      return model::Error(model::Code::data_loss, "the stored configuration of a group does not parse");
    }
    event.start.metadata = &metadata;
    event.start.start_index = recovered.snapshot->index.value + 1;
  }
  RaftEntries entries(recovered.entries, RaftEntries::Owner::caller);
  event.start.entries = entries.data();
  event.start.n_entries = entries.size();
  return impl_->step(event, now, &entries);
}

model::Result<StepOutcome> RaftCore::timeout(MonotonicMs now) {
  impl_->last_timeout = now;
  impl_->timed_out = true;
  raft& r = impl_->raft;
  raft_event event = make_event(RAFT_TIMEOUT);
  auto outcome = impl_->step(event, now, nullptr);
  if (raft_state(&r) == RAFT_FOLLOWER && (raft_role(&r) != RAFT_VOTER || r.snapshot.installing)) {
    // Part of G10: libraft's non-voters, and voters that receive a snapshot, believe in a leader that fell silent for
    // ever, and refuse everybody else.
    r.follower_state.current_leader.id = 0;
  }
  return outcome;
}

/// G11: libraft keeps the permission to disrupt a leader for the candidate's later elections; it was given for one.
void RaftCore::Impl::correct(Outgoing& outgoing) const {
  if (auto* vote = std::get_if<RequestVote>(&outgoing.message.body)) {
    vote->disrupt_leader = vote->disrupt_leader && handed_over.value != 0 && vote->term.value == handed_over.value + 1;
  }
}

/// What a peer that is paced is sent at once should be little; libraft has one window for all.
void RaftCore::Impl::set_window(MonotonicMs now) {
  pace.observe(raft_commit_index(&raft), raft_last_index(&raft), now);
  const std::uint32_t most = options.max_inflight_entries;
  raft_set_max_inflight_entries(&raft, pace.is_pacing(now) ? std::min(most, options.catch_up_window) : most);
}

bool RaftCore::Impl::admits(Message& message, MonotonicMs now) {
  const auto* r = &raft;
  if (auto* append = std::get_if<AppendEntries>(&message.body)) {
    if (!guards::is_well_formed(*append)) {
      return false;
    }
    guards::cut_below_log(*append, r->trail.offset + 1, model::Index(r->trail.snapshot.index),
                          model::Term(r->trail.snapshot.term));
    return true;
  }
  if (auto* result = std::get_if<AppendEntriesResult>(&message.body)) {
    raft_index match = 0;
    const bool known = raft_match_index(r, message.from.value, &match) == 0;
    if (known && result->rejected.value == 0 && result->term.value == r->current_term) {
      pace.observe(raft_commit_index(&raft), raft_last_index(&raft), now);
      result->last_log_index = model::Index(pace.counted(message.from, result->last_log_index.value, match, now));
    }
    return !guards::is_stale_refusal(*result, known ? std::optional<std::uint64_t>(match) : std::nullopt,
                                     r->current_term);
  }
  if (std::holds_alternative<RequestVoteResult>(message.body)) {
    return r->state == RAFT_CANDIDATE;  // G7: otherwise libraft reads another member of its union
  }
  if (std::holds_alternative<InstallSnapshot>(message.body)) {
    return !r->snapshot.installing;  // G9: libraft would leak it
  }
  return true;
}

model::Result<StepOutcome> RaftCore::receive(MonotonicMs now, Message message) {
  if (!impl_->admits(message, now)) {
    return StepOutcome{};
  }
  const auto* append = std::get_if<AppendEntries>(&message.body);
  const auto* install = std::get_if<InstallSnapshot>(&message.body);
  const bool from_leader = append != nullptr || install != nullptr;
  const model::Term leader_term = append != nullptr ? append->term : install != nullptr ? install->term : model::Term();
  if (from_leader && state() == ServerState::leader && leader_term == term()) {
    return model::Error(model::Code::internal, "two leaders in one term");
  }
  RaftEntries entries(append != nullptr ? append->entries : std::vector<storage::LogEntry>(),
                      RaftEntries::Owner::raft_unless_taken);
  raft_message converted;
  if (!to_raft(message, entries, &converted)) {
    return StepOutcome{};
  }
  if (const auto* timeout_now = std::get_if<TimeoutNow>(&message.body)) {
    impl_->handed_over = timeout_now->term;
  }
  raft_event event = make_event(RAFT_RECEIVE);
  event.receive.message = &converted;
  const VoterForNow voter(impl_->raft, converted.type == RAFT_REQUEST_VOTE);
  return impl_->step(event, now, &entries);
}

model::Result<StepOutcome> RaftCore::submit(MonotonicMs now, std::vector<storage::LogEntry> entries) {
  const bool changes = std::any_of(entries.begin(), entries.end(), [](const storage::LogEntry& entry) {
    return entry.kind == storage::EntryKind::configuration;
  });
  if (changes && entries.size() > 1) {
    return model::Error(model::Code::invalid_argument, "a configuration is submitted alone");
  }
  for (storage::LogEntry& entry : entries) {
    entry.term = term();
  }
  RaftEntries converted(entries, RaftEntries::Owner::caller);
  raft_event event = make_event(RAFT_SUBMIT);
  event.submit.entries = converted.data();
  event.submit.n = converted.size();
  return impl_->step(event, now, &converted);
}

model::Result<StepOutcome> RaftCore::persisted_entries(MonotonicMs now, model::Index index) {
  raft_event event = make_event(RAFT_PERSISTED_ENTRIES);
  event.persisted_entries.index = index.value;
  return impl_->step(event, now, nullptr);
}

model::Result<StepOutcome> RaftCore::persisted_snapshot(MonotonicMs now, const storage::Snapshot& snapshot) {
  raft_event event = make_event(RAFT_PERSISTED_SNAPSHOT);
  if (!to_raft(snapshot, &event.persisted_snapshot.metadata)) {
    return stopped(RAFT_MALFORMED);
  }
  event.persisted_snapshot.last = true;
  return impl_->step(event, now, nullptr);
}

model::Result<StepOutcome> RaftCore::configuration_committed(MonotonicMs now, model::Index index,
                                                             const std::string& bytes) {
  raft_event event = make_event(RAFT_CONFIGURATION);
  event.configuration.index = index.value;
  if (!decode_into(bytes, &event.configuration.conf)) {
    return stopped(RAFT_MALFORMED);
  }
  return impl_->step(event, now, nullptr);
}

model::Result<StepOutcome> RaftCore::snapshot_taken(MonotonicMs now, const storage::Snapshot& snapshot,
                                                    unsigned trailing) {
  raft_event event = make_event(RAFT_SNAPSHOT);
  if (!to_raft(snapshot, &event.snapshot.metadata)) {
    return stopped(RAFT_MALFORMED);
  }
  event.snapshot.trailing = trailing;
  return impl_->step(event, now, nullptr);
}

model::Result<StepOutcome> RaftCore::transfer(MonotonicMs now, model::NodeId to) {
  raft_event event = make_event(RAFT_TRANSFER);
  event.transfer.server_id = to.value;
  return impl_->step(event, now, nullptr);
}

model::NodeId RaftCore::leader() const {
  struct raft& r = impl_->raft;
  switch (raft_state(&r)) {
    case RAFT_LEADER: return impl_->options.self;
    case RAFT_FOLLOWER: return model::NodeId(r.follower_state.current_leader.id);
    default: return {};
  }
}

model::NodeId RaftCore::transferee() const {
  return state() == ServerState::leader ? model::NodeId(raft_transferee(&impl_->raft)) : model::NodeId();
}

std::optional<model::Index> RaftCore::match_index(model::NodeId id) const {
  raft_index match = 0;
  if (state() != ServerState::leader || raft_match_index(&impl_->raft, id.value, &match) != 0) {
    return std::nullopt;
  }
  return model::Index(match);
}

ServerState RaftCore::state() const {
  switch (raft_state(&impl_->raft)) {
    case RAFT_LEADER: return ServerState::leader;
    case RAFT_CANDIDATE: return ServerState::candidate;
    default: return ServerState::follower;
  }
}

model::Term RaftCore::term() const { return model::Term(raft_current_term(&impl_->raft)); }
storage::HardState RaftCore::hard_state() const { return {term(), model::NodeId(raft_voted_for(&impl_->raft))}; }
model::Index RaftCore::commit_index() const { return model::Index(raft_commit_index(&impl_->raft)); }
model::Index RaftCore::last_index() const { return model::Index(raft_last_index(&impl_->raft)); }
model::Index RaftCore::first_index() const { return model::Index(impl_->raft.trail.offset + 1); }
model::Index RaftCore::snapshot_index() const { return model::Index(impl_->raft.trail.snapshot.index); }
bool RaftCore::installing() const { return impl_->raft.snapshot.installing; }

MonotonicMs RaftCore::wake_at() const {
  const MonotonicMs due = raft_timeout(&impl_->raft);
  if (state() != ServerState::leader || !impl_->timed_out) {
    return due;
  }
  return std::max(due, impl_->last_timeout + std::max<MonotonicMs>(1, impl_->options.heartbeat / 2));
}

}  // namespace coffer::cluster

// What the host calls: life, proposals, tickets, checkpoints. See group_core.hpp and group_impl.hpp.

#include "cluster/group_core.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "cluster/configuration.hpp"
#include "cluster/group_impl.hpp"
#include "cluster/guards.hpp"
#include "cluster/peer_link.hpp"

namespace coffer::cluster {

namespace {

// Raft repeats what is lost, so a flood of messages behind a slow disk may be dropped.
constexpr std::size_t kMaxQueuedMessages = 4096;

// A message with one entry must fit into a frame.
constexpr std::size_t kMaxEntryBytes = kMaxPeerBody - (64 << 10);

/// What clocks may differ in an election timeout, and what a thread may take from reading the clock to using it.
MonotonicMs margin_of(const GroupConfig& config) { return config.election_timeout / 10; }

ReadGate make_gate(const GroupConfig& config) {
  return {config.self, config.lease ? config.election_timeout - margin_of(config) : 0};
}

/// Has this server never followed a leader? The first one has at least term 2, and its followers store the term before
/// they answer.
bool is_pristine(const storage::Recovered& state) {
  return state.hard_state.term.value <= 1 && !state.snapshot && state.entries.size() <= 1 &&
         state.floor == storage::LogEnd();
}

}  // namespace

DurableWrite bootstrap(model::GroupId group, const std::vector<Voter>& voters) {
  DurableWrite write;
  write.group = group;
  write.hard_state = storage::HardState{model::Term(1), model::NodeId(0)};
  auto bytes = encode_configuration(voters);
  write.entries.push_back({model::Index(1), model::Term(1), storage::EntryKind::configuration,
                           std::make_shared<const std::string>(bytes.ok() ? std::move(*bytes) : std::string())});
  return write;
}

GroupCore::GroupCore(const GroupConfig& config, storage::Recovered recovered) : impl_(std::make_unique<Impl>(config)) {
  impl_->gate = make_gate(config);
  impl_->recovered = std::move(recovered);
}
GroupCore::GroupCore(GroupCore&&) noexcept = default;
GroupCore::~GroupCore() = default;

void GroupCore::start(MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  impl_->start();
  impl_->pump();
  if (impl_->started && !impl_->raft && impl_->is_below_floor() && !impl_->failed) {
    let_go(impl_->recovered.hard_state);
  }
}

void GroupCore::tick(MonotonicMs now) {
  Impl& self = *impl_;
  self.now = std::max(self.now, now);
  self.armed.reset();
  if (!self.running() || self.blocked()) {
    return;  // the timer is armed again when the hard state is durable
  }
  if (!self.withheld() && self.now >= self.raft->wake_at()) {
    self.step(self.raft->timeout(self.now));
  }
  self.pump();
}

void GroupCore::receive(Message message, MonotonicMs now) {
  Impl& self = *impl_;
  self.now = std::max(self.now, now);
  const bool ours = message.group == self.config.group && message.to == self.config.self &&
                    message.from != self.config.self && message.from.value != 0;
  if (!self.running() || !ours || self.queue.size() >= kMaxQueuedMessages) {
    return;
  }
  self.heard_at[message.from] = self.now;
  if (std::holds_alternative<AppendEntries>(message.body) || std::holds_alternative<InstallSnapshot>(message.body)) {
    self.led_at = self.now;
  }
  if (std::holds_alternative<RequestVote>(message.body) && self.now < self.votes_from) {
    return;
  }
  if (auto* append = std::get_if<AppendEntries>(&message.body)) {
    for (AppendEntries& part : guards::split_at_configurations(std::move(*append))) {
      self.queue.emplace_back(
          Message{message.group, message.from, message.to, std::move(part), std::exchange(message.stamp, {})});
    }
  } else {
    self.queue.emplace_back(std::move(message));
  }
  self.pump();
}

void GroupCore::propose(std::vector<Proposal> proposals, MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  impl_->enqueue_proposals(std::move(proposals));
  impl_->pump();
}

void GroupCore::persisted(std::uint64_t ticket, MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  impl_->on_persisted(ticket);
  impl_->pump();
}

void GroupCore::checkpoint(model::Index index, MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  impl_->on_checkpoint(index);
  impl_->pump();
}

void GroupCore::installed(MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  impl_->on_installed();
  impl_->pump();
}

void GroupCore::allow_campaign(MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  impl_->config.may_campaign = true;
  if (impl_->started && impl_->raft == nullptr && !impl_->failed) {
    impl_->start();
  }
  impl_->pump();
}

model::Status GroupCore::change_voters(const std::vector<Voter>& voters, MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  model::Status status = impl_->change(voters);
  impl_->pump();
  return status;
}

void GroupCore::read(const std::vector<std::uint64_t>& cookies, MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  impl_->on_read(cookies);
  impl_->pump();
}

model::Status GroupCore::transfer(model::NodeId to, MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  model::Status status = impl_->begin_transfer(to);
  impl_->pump();
  return status;
}

void GroupCore::forbid_campaign(MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  impl_->config.may_campaign = false;
  impl_->pump();
}

bool GroupCore::leave(model::Index settled, MonotonicMs quiet, MonotonicMs now) {
  Impl& self = *impl_;
  self.now = std::max(self.now, now);
  const bool idle = self.running() && !self.blocked() && !self.leading && !self.installing;
  const std::uint64_t last = self.cache.last();
  if (!idle || last == 0 || last > settled.value || self.now < self.led_at + quiet) {
    return false;
  }
  let_go(self.raft->hard_state());
  return true;
}

void GroupCore::let_go(const storage::HardState& hard_state) {
  Impl& self = *impl_;
  auto next = std::make_unique<Impl>(self.config);
  next->gate = make_gate(self.config);
  next->now = self.now;
  next->actions = std::move(self.actions);
  next->published = self.published;
  next->next_ticket = self.next_ticket;
  next->generation = model::Generation(self.generation.value + 1);
  next->recovered.hard_state = hard_state;
  next->recovered.floor = next->floor = std::max(self.floor, self.log_end());
  DurableWrite& write = next->write();
  write.leave = DurableWrite::Leave{next->floor, model::Index(self.disk_first), model::Index(self.disk_last)};
  next->leaving = write.ticket;
  impl_ = std::move(next);
}

void GroupCore::left(MonotonicMs now) {
  impl_->now = std::max(impl_->now, now);
  if (std::exchange(impl_->dropping, false)) {
    start(now);
  }
}

Actions GroupCore::take_actions() { return std::exchange(impl_->actions, {}); }

Leadership GroupCore::leadership() const { return impl_->published; }
model::Index GroupCore::commit_index() const { return model::Index(impl_->commit); }
model::Index GroupCore::last_index() const { return model::Index(impl_->cache.last()); }
model::Index GroupCore::first_index() const { return model::Index(impl_->cache.first()); }
model::Index GroupCore::durable_index() const { return impl_->snapshot ? impl_->snapshot->index : model::Index(0); }
model::Generation GroupCore::generation() const { return impl_->generation; }
const std::vector<Voter>& GroupCore::servers() const { return impl_->servers; }
bool GroupCore::is_transferring() const { return impl_->transfer.has_value(); }
bool GroupCore::is_leaving() const { return impl_->leaving != 0 || impl_->dropping; }

std::vector<PeerProgress> GroupCore::progress() const {
  return impl_->leading ? impl_->peers() : std::vector<PeerProgress>();
}

// ---- life

model::Status GroupCore::Impl::load() {
  snapshot = recovered.snapshot;
  floor = recovered.floor;
  led_at = now;
  const std::uint64_t base = snapshot ? snapshot->index.value : 0;
  generation = snapshot ? snapshot->generation : generation;
  cache.reset(base + 1);
  configurations.clear();
  if (snapshot) {
    configurations.push_back({snapshot->configuration_index, snapshot->configuration});
  }
  for (const storage::LogEntry& entry : recovered.entries) {
    if (entry.index.value != cache.last() + 1 || !entry.data) {
      return model::Error(model::Code::data_loss, "a group's log has a gap or does not start behind its snapshot");
    }
    cache.push({entry, 0, false});
    if (entry.kind == storage::EntryKind::configuration) {
      configurations.push_back({entry.index, *entry.data});
    }
  }
  const bool starts_with_configuration =
      snapshot || recovered.entries.empty() || recovered.entries.front().kind == storage::EntryKind::configuration;
  if (!starts_with_configuration) {
    return model::Error(model::Code::data_loss, "a group's log does not start with its configuration");
  }
  if (!configurations.empty()) {
    auto decoded = decode_configuration(configurations.back().bytes);
    if (!decoded.ok()) {
      return decoded.error();
    }
    servers = std::move(*decoded);
    gate.configure(servers);
  }
  commit = handed_out = base;
  configured = snapshot ? base : recovered.entries.empty() ? 0 : 1;
  durable_last = reported_last = disk_last = cache.last();
  disk_first = base + 1;
  return {};
}

void GroupCore::Impl::start() {
  if (raft != nullptr || failed) {
    return;
  }
  if (!started) {
    started = true;
    if (model::Status status = load(); !status.ok()) {
      fail(status.error());
      return;
    }
  }
  if (!may_campaign() && is_sole_voter(servers, config.self)) {
    return;  // libraft would elect it inside START
  }
  RaftOptions options;
  options.group = config.group;
  options.self = config.self;
  options.seed = config.seed;
  options.election_timeout = config.election_timeout;
  options.heartbeat = config.heartbeat;
  options.max_inflight_entries = config.max_inflight_entries;
  // A node that lacks much of the directory does not know its tenants: that comes as fast as it can.
  const bool is_paced = config.group != model::kMetaGroup;
  options.catch_up_lag = is_paced ? config.catch_up_lag : std::numeric_limits<std::uint32_t>::max();
  options.catch_up_window = config.catch_up_window;
  raft = std::make_unique<RaftCore>(options);
  storage::Recovered state = std::exchange(recovered, {});
  votes_from = is_pristine(state) ? 0 : now + config.election_timeout + margin_of(config);
  if (!is_sole_voter(servers, config.self)) {
    step(raft->start(now, state));
    return;
  }
  // G13: libraft lets a sole voter lead at once, in the term that it led before. What it had sent to standbys then, and
  // lost before its own disk had it, would be written anew and differently under the same term. So it begins another
  // one, of which nobody hears before it is durable.
  state.hard_state = {model::Term(state.hard_state.term.value + 1), config.self};
  auto outcome = raft->start(now, state);
  if (outcome.ok()) {
    outcome->hard_state = state.hard_state;
  }
  step(std::move(outcome));
}

// ---- proposals

void GroupCore::Impl::enqueue_proposals(ProposalBatch proposals) {
  ProposalBatch accepted;
  bool overloaded = false;
  for (Proposal& proposal : proposals) {
    const std::size_t size = proposal.data ? proposal.data->size() : 0;
    overloaded = overloaded || pending_bytes + size > config.max_pending_bytes;
    if (size > kMaxEntryBytes) {
      actions.refused.push_back(
          {proposal.cookie, {model::Code::too_large, "a write set is too large to be replicated"}});
    } else if (!running()) {
      actions.refused.push_back({proposal.cookie, {model::Code::unavailable, "the group is not running here"}});
    } else if (overloaded) {
      actions.refused.push_back({proposal.cookie, {model::Code::overloaded, "too many writes wait in the group"}});
    } else {
      pending_bytes += size;
      accepted.push_back(std::move(proposal));
    }
  }
  if (accepted.empty()) {
    return;
  }
  if (!queue.empty() && std::holds_alternative<ProposalBatch>(queue.back())) {
    ProposalBatch& batch = std::get<ProposalBatch>(queue.back());
    std::move(accepted.begin(), accepted.end(), std::back_inserter(batch));
  } else {
    queue.emplace_back(std::move(accepted));
  }
}

model::Status GroupCore::Impl::change(const std::vector<Voter>& voters) {
  if (!running() || blocked() || !published.ready || transfer) {
    return model::Error(model::Code::unavailable, "this node does not lead the group, or does not yet");
  }
  if (model::Status status = check_single_change(servers, voters); !status.ok()) {
    return status;
  }
  if (!is_voter(voters, config.self)) {
    // libraft never campaigns on a server that its own log has removed, though until the removal is committed nobody
    // else may be electable: a crash in between would leave the group without a leader for good.
    return model::Error(model::Code::invalid_argument,
                        "a leader does not remove itself: it hands the leadership over first");
  }
  auto bytes = encode_configuration(voters);
  if (!bytes.ok()) {
    return bytes.error();
  }
  storage::LogEntry entry;
  entry.kind = storage::EntryKind::configuration;
  entry.data = std::make_shared<const std::string>(std::move(*bytes));
  auto outcome = raft->submit(now, {std::move(entry)});
  if (!outcome.ok() && outcome.error().code != model::Code::internal) {
    return outcome.error();
  }
  step(std::move(outcome));
  return failed ? model::Status(model::Code::outcome_unknown) : model::Status();
}

// ---- tickets and snapshots

DurableWrite& GroupCore::Impl::write() {
  DurableWrite& added = actions.writes.emplace_back();
  added.group = config.group;
  added.ticket = next_ticket++;
  return added;
}

void GroupCore::Impl::on_persisted(std::uint64_t ticket) {
  if (failed) {
    return;
  }
  while (!outstanding.empty() && outstanding.front().ticket <= ticket) {
    durable_last = std::max(durable_last, outstanding.front().last);
    outstanding.pop_front();
  }
  while (!checkpoints.empty() && checkpoints.front().ticket <= ticket) {
    snapshot = taken = std::move(checkpoints.front().snapshot);
    checkpoints.pop_front();
    cache.cover(snapshot->index.value);
  }
  if (installing && installing->ticket != 0 && installing->ticket <= ticket) {
    install_durable = true;
  }
  if (leaving != 0 && leaving <= ticket) {
    leaving = 0;
    dropping = actions.drop_state = true;
  }
  if (blocked() && ticket >= blocked_on) {
    release();
  }
}

void GroupCore::Impl::on_checkpoint(model::Index index) {
  const std::uint64_t newest = !checkpoints.empty() ? checkpoints.back().snapshot.index.value
                               : snapshot           ? snapshot->index.value
                                                    : 0;
  if (!running() || installing || index.value <= newest) {
    return;
  }
  if (index.value > handed_out) {
    fail({model::Code::internal, "a checkpoint names entries that were never applied"});
    return;
  }
  const Configuration& configuration = configuration_at(index.value);
  storage::Snapshot next{index, cache.at(index.value).entry.term, configuration.bytes, configuration.index, generation};
  DurableWrite& added = write();
  added.snapshot = DurableWrite::SnapshotWrite{next, model::Index(disk_first), index};
  disk_first = index.value + 1;
  checkpoints.push_back({added.ticket, std::move(next)});
}

void GroupCore::Impl::on_installed() {
  if (!running() || !installing || installing->ticket != 0 || held.install) {
    return;
  }
  DurableWrite& added = write();
  const storage::Snapshot& next = installing->snapshot;
  added.snapshot = DurableWrite::SnapshotWrite{next, model::Index(disk_first), model::Index(disk_last)};
  disk_first = next.index.value + 1;
  disk_last = next.index.value;
  installing->ticket = added.ticket;
}

storage::LogEnd GroupCore::Impl::log_end() const {
  const std::uint64_t last = cache.last();
  if (cache.contains(last)) {
    return {cache.at(last).entry.term, model::Index(last)};
  }
  const storage::Snapshot* base = installing ? &installing->snapshot : snapshot ? &*snapshot : nullptr;
  return base == nullptr ? storage::LogEnd() : storage::LogEnd{base->term, base->index};
}

const GroupCore::Impl::Configuration& GroupCore::Impl::configuration_at(std::uint64_t index) const {
  auto found = std::find_if(configurations.rbegin(), configurations.rend(),
                            [index](const Configuration& c) { return c.index.value <= index; });
  return found == configurations.rend() ? configurations.front() : *found;
}

}  // namespace coffer::cluster

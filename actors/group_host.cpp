// See group_host.hpp.

#include "actors/group_host.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "actors/context.hpp"
#include "cluster/membership.hpp"
#include "cluster/wire.hpp"

namespace coffer::actors {

namespace {

// Placement says what it wants every second, as it sees things then: its word is good for as long. A server comes and
// votes, or goes, in fractions of that when there is little to catch up with.
constexpr std::chrono::milliseconds kStep{100};
constexpr unsigned kStepsPerWord = 10;
constexpr std::size_t kMostEnded = 4096;

}  // namespace

GroupHost::GroupHost(Context& context, const cluster::GroupConfig& config, storage::Recovered recovered)
    : context_(context),
      id_(config.group),
      core_(config, std::move(recovered)),
      timer_(config.heartbeat, config.self) {}

GroupBoard& GroupHost::board() { return context_.boards[id_.value]; }
const GroupActor& GroupHost::actor() const { return context_.groups[id_.value]; }

// ---- what the core wants ---------------------------------------------------------------------------------------

void GroupHost::refuse(const Origin& origin, const model::Error& error) {
  ended_.insert(origin.life);
  if (ended_.size() > kMostEnded) ended_.erase(ended_.begin());
  caf::anon_send(origin.submitter, ProposalRefused{origin.sequence, error});
}

// What is committed goes to the state writer as one batch; each submitter hears of its newest write set only.
void GroupHost::hand_out(std::vector<cluster::Committed> committed) {
  std::vector<std::pair<SubmitterActor, CommittedUpTo>> news;
  for (const cluster::Committed& item : committed) {
    if (item.cookie == 0) continue;
    auto found = origins_.find(item.cookie);
    if (found == origins_.end()) continue;
    const CommittedUpTo message{found->second.sequence, item.entry.index};
    bool merged = false;
    for (auto& [submitter, last] : news) {
      if (submitter != found->second.submitter) continue;
      last = message;
      merged = true;
      break;
    }
    if (!merged) news.emplace_back(found->second.submitter, message);
    origins_.erase(found);
  }
  const Apply apply{id_, core_.generation(),
                    std::make_shared<const std::vector<cluster::Committed>>(std::move(committed))};
  caf::anon_send(context_.state_writer, apply);
  // The mirror knows what the leader's directory actor publishes itself. Not all that is committed here is that: an earlier
  // leader's last entries are not, nor what is committed when this leadership ends before that actor has opened.
  if (id_ == model::kMetaGroup) caf::anon_send(context_.mirror, apply);
  for (auto& [submitter, message] : news) caf::anon_send(submitter, message);
}

void GroupHost::tell_report() {
  if (leadership_.role != cluster::Role::leader || !leadership_.ready) return;
  model::GroupInfo info{id_, context_.self, leadership_.term, core_.commit_index(), {}};
  const auto progress = core_.progress();
  for (const cluster::Voter& server : core_.servers()) {
    model::ReplicaInfo replica{server.id, static_cast<model::ReplicaRole>(server.role), core_.last_index()};
    for (const cluster::PeerProgress& peer : progress) {
      if (peer.id == server.id) replica.match = peer.match;
    }
    info.replicas.push_back(replica);
  }
  context_.reports.put(std::move(info));
}

// Shards may start when the group leads, an entry of its own term is committed (G1) and applied. A leadership that went and
// came back between two looks is another one: who was opened in the former must end, for its reads count no more.
void GroupHost::announce() {
  const std::uint64_t applied = board().applied.load();
  const bool open = leadership_.ready && applied >= leadership_.ready_index.value;
  if (announced_.value != 0 && (!leadership_.ready || announced_ != leadership_.term)) {
    announced_ = {};
    caf::anon_send(context_.front, GroupClosed{id_});
  }
  if (open && announced_.value == 0) {
    announced_ = leadership_.term;
    caf::anon_send(context_.front, GroupOpen{id_, leadership_.term});
    tell_report();
    caf::anon_send(context_.steward, GroupOpen{id_, leadership_.term});
  }
  if (!open) return;
  std::erase_if(openings_, [&](const Opening& opening) {
    if (applied < opening.applied_at_least.value) return false;
    caf::anon_send(opening.submitter, Opened{leadership_.term, core_.generation()});
    return true;
  });
}

void GroupHost::answer_reads(const cluster::Actions& actions) {
  const auto answer = [&](std::uint64_t cookie, const model::Result<model::Index>& result) {
    auto found = reads_.find(cookie);
    if (found == reads_.end()) return;
    (*found->second.done)(result);
    reads_.erase(found);
  };
  for (const cluster::ReadReady& ready : actions.reads_ready) answer(ready.cookie, ready.index);
  for (const cluster::Refused& refused : actions.reads_refused) answer(refused.cookie, refused.error);
}

/// To the board, and to whoever holds calls for the group.
void GroupHost::learn_leadership(const cluster::Leadership& now) {
  const cluster::Leadership before = std::exchange(leadership_, now);
  board().role = now.role;
  board().term = now.term.value;
  board().leader = now.leader.value;
  const bool elsewhere = now.leader.value != 0 && now.leader != context_.self;
  if (elsewhere && now.leader != before.leader) {
    caf::anon_send(context_.front, GroupLed{id_, now.leader});
    caf::anon_send(context_.forwarder, GroupLed{id_, now.leader});
  }
  if (now.role != cluster::Role::leader) context_.reports.forget(id_);
}

void GroupHost::publish(const cluster::Actions& actions) {
  GroupBoard& shown = board();
  if (actions.leadership) learn_leadership(*actions.leadership);
  shown.commit = core_.commit_index().value;
  shown.durable = core_.durable_index().value;
  const std::uint64_t generation = core_.generation().value;
  // Before its start the core does not know it yet, and dropping the rows in use would lose them.
  // While its replica goes, the state writer says what of it can still be read.
  const bool counts = started_ && !core_.is_leaving();
  if (const std::uint64_t before = shown.generation; counts && before != generation) {
    shown.generation = generation;
    // A snapshot has become the state: the rows of the one before are of no use, and the directory's tables are old.
    shown.applied = std::max(shown.applied.load(), core_.durable_index().value);
    caf::anon_send(context_.state_writer, DropGeneration{id_, model::Generation{before}, false});
    if (id_ == model::kMetaGroup) caf::anon_send(context_.mirror, Reload{});
  }
  const auto& servers = core_.servers();
  shown.voters = static_cast<std::uint32_t>(std::count_if(
      servers.begin(), servers.end(), [](const cluster::Voter& v) { return v.role == cluster::ServerRole::voter; }));
}

void GroupHost::send(std::vector<cluster::Message>& messages) {
  for (const cluster::Message& message : messages) {
    // What the link does not take is lost like on any wire: Raft repeats it.
    if (in_burst_ && cluster::is_heartbeat(message)) {
      context_.send_in_burst(message.to, cluster::PeerChannel::raft, id_, cluster::encode(message));
    } else {
      context_.send(message.to, cluster::PeerChannel::raft, id_, cluster::encode(message));
    }
  }
}

void GroupHost::set_timer(cluster::MonotonicMs due) {
  const auto alarm = timer_.want(due, boot_clock_ms(), leadership_.role == cluster::Role::leader);
  if (!alarm) return;
  const std::chrono::milliseconds wait(alarm->wait);
  if (alarm->line == 0) {
    caf::delayed_anon_send(actor(), wait, Tick{alarm->number});
  } else if (context_.bell.add(alarm->line, {id_, alarm->number})) {
    caf::delayed_anon_send(context_.group_bell, wait, Ring{alarm->line});
  }
}

void GroupHost::carry_out() {
  cluster::Actions actions = core_.take_actions();
  if (actions.lease_until) board().lease_until = *actions.lease_until;  // before any message leaves
  if (actions.fatal) return context_.fatal(*actions.fatal);
  if (actions.install) caf::anon_send(context_.snapshots, Install{id_, std::move(*actions.install)});
  for (cluster::DurableWrite& write : actions.writes) {
    caf::anon_send(context_.log_writer, Write{std::make_shared<cluster::DurableWrite>(std::move(write))});
  }
  send(actions.messages);
  if (!actions.committed.empty()) hand_out(std::move(actions.committed));
  if (actions.drop_state) caf::anon_send(context_.state_writer, DropReplica{id_, core_.generation(), actor()});
  for (const cluster::Refused& refused : actions.refused) {
    auto found = origins_.find(refused.cookie);
    if (found == origins_.end()) continue;
    refuse(found->second, refused.error);
    origins_.erase(found);
  }
  publish(actions);
  answer_reads(actions);
  if (actions.wake_at) set_timer(*actions.wake_at);
  announce();
}

void GroupHost::carry_out_in_burst() {
  in_burst_ = true;
  carry_out();
  in_burst_ = false;
}

// ---- proposals -------------------------------------------------------------------------------------------------

void GroupHost::open(const OpenRequest& request) {
  const Turns::Turn turn = turns_.take();
  flush_queue();  // what an earlier life of the submitter proposed comes first
  openings_.push_back({core_.last_index(), request.submitter});
  announce();
}

void GroupHost::propose(Propose proposal) {
  {
    const std::lock_guard lock(proposals_mutex_);
    if (takes_none_) return;  // like a message to an actor that has ended
    proposals_.push_back(std::move(proposal));
    if (std::exchange(flushing_, true)) return;
  }
  caf::anon_send(actor(), Flush{});
}

/// Everything that was proposed meanwhile as one.
void GroupHost::flush_queue() {
  std::vector<Propose> taken;
  {
    const std::lock_guard lock(proposals_mutex_);
    flushing_ = false;
    taken.swap(proposals_);
  }
  std::vector<cluster::Proposal> proposals;
  for (Propose& from : taken) {
    for (Propose::Item& item : from.items) {
      const Origin origin{from.submitter, from.life, item.sequence};
      if (ended_.contains(from.life)) {
        refuse(origin, model::Error(model::Code::unavailable));
        continue;
      }
      const std::uint64_t cookie = next_cookie_++;
      origins_.emplace(cookie, origin);
      proposals.push_back({cookie, from.term, std::move(item.write_set)});
    }
  }
  if (proposals.empty()) return;
  core_.propose(std::move(proposals), boot_clock_ms());
  carry_out();
}

void GroupHost::flush() {
  const Turns::Turn turn = turns_.take();
  flush_queue();
}

void GroupHost::persisted(const Persisted& done) {
  const Turns::Turn turn = turns_.take();
  core_.persisted(done.ticket, boot_clock_ms());
  carry_out();
}

bool GroupHost::try_persisted(std::uint64_t ticket) {
  const Turns::Turn turn = turns_.try_take();
  if (!turn) return false;
  if (closed_) return true;
  core_.persisted(ticket, boot_clock_ms());
  carry_out();
  return true;
}

void GroupHost::applied() {
  const Turns::Turn turn = turns_.take();
  announce();  // the board has the index
}

void GroupHost::checkpoint(const Checkpointed& done) {
  const Turns::Turn turn = turns_.take();
  core_.checkpoint(done.index, boot_clock_ms());
  carry_out();
}

void GroupHost::confirm(const ConfirmLeadership& request) {
  const Turns::Turn turn = turns_.take();
  const std::uint64_t cookie = next_cookie_++;
  ++context_.counters.confirmations;
  reads_.emplace(cookie, request);
  core_.read({cookie}, boot_clock_ms());
  carry_out();
}

// ---- time and other nodes --------------------------------------------------------------------------------------

void GroupHost::tick_core(std::uint64_t number, bool in_burst) {
  if (!timer_.fired(number)) return;
  core_.tick(boot_clock_ms());
  in_burst ? carry_out_in_burst() : carry_out();
}

void GroupHost::tick(const Tick& word) {
  const Turns::Turn turn = turns_.take();
  tick_core(word.generation, word.in_burst);
}

bool GroupHost::try_tick(std::uint64_t number) {
  const Turns::Turn turn = turns_.try_take();
  if (!turn) return false;
  if (!closed_) tick_core(number, true);
  return true;
}

void GroupHost::receive(const FromPeer& from) {
  const Turns::Turn turn = turns_.take();
  --board().inbox;
  core_.receive(std::move(*from.message), boot_clock_ms());
  carry_out_in_burst();
}

bool GroupHost::try_receive(cluster::Message& message) {
  const Turns::Turn turn = turns_.try_take();
  if (!turn || board().inbox != 0) return false;
  if (closed_) return true;
  core_.receive(std::move(message), boot_clock_ms());
  carry_out_in_burst();
  return true;
}

void GroupHost::approach(const Target& target) {
  const Turns::Turn turn = turns_.take();
  wanted_ = target.servers;
  ++words_;
  steps_left_ = kStepsPerWord;
  take_step();
}

void GroupHost::approach_further(const NextStep& next) {
  const Turns::Turn turn = turns_.take();
  if (next.word == words_) take_step();
}

void GroupHost::take_step() {
  if (leadership_.role != cluster::Role::leader || !leadership_.ready) return;
  cluster::MembershipView view;
  view.self = context_.self;
  view.servers = core_.servers();
  view.progress = core_.progress();
  view.last = core_.last_index();
  view.now = boot_clock_ms();
  const cluster::MembershipStep step = cluster::next_membership_step(view, wanted_);
  // What is refused now is tried again with the next step.
  if (step.kind == cluster::MembershipStep::Kind::change) (void)core_.change_voters(step.servers, view.now);
  if (step.kind == cluster::MembershipStep::Kind::hand_over) (void)core_.transfer(step.to, view.now);
  carry_out();
  if (step.kind == cluster::MembershipStep::Kind::done) return tell_report();  // placement waits for it
  if (--steps_left_ == 0) return;
  caf::delayed_anon_send(actor(), kStep, NextStep{words_});
}

void GroupHost::transfer(model::NodeId to) {
  const Turns::Turn turn = turns_.take();
  if (leadership_.role != cluster::Role::leader) return;
  (void)core_.transfer(to, boot_clock_ms());
  carry_out();
}

void GroupHost::installed() {
  const Turns::Turn turn = turns_.take();
  core_.installed(boot_clock_ms());
  ++context_.counters.snapshots_installed;
  carry_out();
}

void GroupHost::campaign(bool allowed) {
  const Turns::Turn turn = turns_.take();
  allowed ? core_.allow_campaign(boot_clock_ms()) : core_.forbid_campaign(boot_clock_ms());
  carry_out();
}

void GroupHost::report() {
  const Turns::Turn turn = turns_.take();
  tell_report();
}

// ---- its life --------------------------------------------------------------------------------------------------

void GroupHost::start_core() {
  started_ = true;
  core_.start(boot_clock_ms());
}

void GroupHost::start() {
  const Turns::Turn turn = turns_.take();
  start_core();
  carry_out();
}

void GroupHost::leave(const Leave& word) {
  const Turns::Turn turn = turns_.take();
  const auto quiet = static_cast<cluster::MonotonicMs>(context_.leave_after.count());
  if (!started_ || !core_.leave(word.settled, quiet, boot_clock_ms())) return;
  context_.log("group " + std::to_string(id_.value) +
               ": this node is no server of it any more; what it has of its log and rows is removed");
  carry_out();
}

void GroupHost::dropped() {
  const Turns::Turn turn = turns_.take();
  context_.replica_gone(id_);
  if (started_) {
    core_.left(boot_clock_ms());
  } else {
    start_core();
  }
  carry_out();
}

void GroupHost::close() {
  const Turns::Turn turn = turns_.take();
  closed_ = true;
  for (auto& [cookie, read] : reads_) (*read.done)(model::Error(model::Code::unavailable));
  reads_.clear();
  origins_.clear();
  openings_.clear();
  std::vector<Propose> dropped;  // outside the lock: who waits may end with its last handle
  const std::lock_guard lock(proposals_mutex_);
  takes_none_ = true;
  dropped.swap(proposals_);
}

}  // namespace coffer::actors

// See group_sim.hpp.

#include "tests/sim/group_sim.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "cluster/group_core.hpp"
#include "cluster/wire.hpp"
#include "storage/faulty_engine.hpp"
#include "tests/sim/group_checker.hpp"
#include "tests/sim/sim.hpp"

namespace coffer::sim {

namespace {

const model::GroupId kGroup{1};

/// One node; its disk outlives its lives.
struct Member {
  explicit Member(std::uint64_t seed) : disk(storage::FaultyOptions{seed, 8 << 10, 40, 500}) {}

  storage::FaultyEngine disk;
  std::uint64_t spoken_term = 0;  // highest in a message that left
  std::uint64_t rate = 1000;      // of its clock, per mille
  bool sealed = false;

  std::uint64_t life = 0;
  bool up = false;
  std::unique_ptr<cluster::GroupCore> core;
  std::unique_ptr<cluster::LogWriterCore> writer;
  std::uint64_t applied = 0, state = 1;
  std::map<std::uint64_t, std::string> waiting;  // cookie -> data
  struct Read {
    std::uint64_t floor = 0;  // acknowledged when it began
    std::uint64_t index = 0;  // what it may be answered from; 0: not confirmed yet
  };
  std::map<std::uint64_t, Read> reads;
  std::uint64_t lease_until = 0;
};

class GroupSim {
 public:
  explicit GroupSim(const GroupOptions& options) : options_(options), rng_(options.seed) {
    for (std::uint64_t id = 1; id <= options.nodes; ++id) {
      servers_.push_back({model::NodeId(id), "n" + std::to_string(id)});
      members_.push_back(std::make_unique<Member>(rng_.next()));
      members_.back()->rate = rng_.between(990, 1010);
    }
  }
  GroupReport run();

 private:
  Member& member(std::uint64_t id) { return *members_[id - 1]; }
  void bootstrap();
  void start(std::uint64_t id);
  void crash(std::uint64_t id);
  void settle(std::uint64_t id);
  void take_committed(std::uint64_t id, const cluster::Committed& committed);
  void send(cluster::Message message);
  void pump_log(std::uint64_t id);
  void finish_log(std::uint64_t id, const storage::LogBatch& batch, bool written);
  void propose();
  void read();
  void inline_read(std::uint64_t id);
  void answer_reads(std::uint64_t id);
  void seal();
  std::uint64_t lease_of(const cluster::Actions& actions, std::uint64_t present) const;
  /// A node's own clock; never the simulation's, which is what the nodes' clocks are compared by.
  std::uint64_t clock(std::uint64_t id) { return 10'000 * id + time_.now() * member(id).rate / 1000; }
  void checkpoint();
  std::uint64_t victim();
  void trouble();
  void change_member();
  void recover_all();
  std::string standing() const;  // for the message of a violation
  void in_life(std::uint64_t id, std::uint64_t ms, Timeline::Event event);
  bool cut(std::uint64_t from, std::uint64_t to) const { return cut_[from * 8 + to]; }

  const GroupOptions options_;
  Rng rng_;
  Timeline time_;
  Trace trace_;
  GroupReport report_;
  GroupChecker checker_;
  std::vector<cluster::Voter> servers_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<bool> cut_ = std::vector<bool>(64);
  bool healed_ = false;
  std::uint64_t next_cookie_ = 1;
};

void GroupSim::in_life(std::uint64_t id, std::uint64_t ms, Timeline::Event event) {
  time_.after(ms, [this, id, life = member(id).life, event = std::move(event)] {
    if (member(id).up && member(id).life == life) {
      event();
    }
  });
}

void GroupSim::bootstrap() {
  for (auto& node : members_) {
    const cluster::DurableWrite write = cluster::bootstrap(kGroup, servers_);
    storage::LogBatch batch;
    batch.hard_state(kGroup, *write.hard_state);
    batch.append(kGroup, write.entries, write.last_stored);
    require(storage::LogStore(node->disk).commit(batch).ok(), "bootstrap");
  }
}

void GroupSim::start(std::uint64_t id) {
  Member& node = member(id);
  if (node.up) {
    return;
  }
  ++node.life;
  node.up = true;
  auto recovered = storage::LogStore(node.disk).recover(kGroup);
  require(recovered.ok(), "recovery: " + std::string(recovered.ok() ? "" : recovered.error().message()));
  require(recovered->hard_state.term.value >= node.spoken_term, "a node forgot a term in which it had spoken");
  // The state is the one flushed before D was written; its value at D is known, for D is committed.
  node.applied = recovered->snapshot ? recovered->snapshot->index.value : 0;
  node.state = checker_.state_at(node.applied);
  node.waiting.clear();
  node.reads.clear();
  node.lease_until = 0;
  node.writer = std::make_unique<cluster::LogWriterCore>(64 << 10);
  cluster::GroupConfig config;
  config.group = kGroup;
  config.self = model::NodeId(id);
  config.seed = rng_.next();
  config.max_inflight_entries = 64;
  config.lease = options_.seed % 4 != 0;
  config.may_campaign = !node.sealed;
  config.trailing_entries = static_cast<std::uint32_t>(rng_.below(20));
  node.core = std::make_unique<cluster::GroupCore>(config, std::move(*recovered));
  node.core->start(clock(id));
  settle(id);
  pump_log(id);
}

void GroupSim::crash(std::uint64_t id) {
  Member& node = member(id);
  if (!node.up) {
    return;
  }
  ++report_.crashes;
  trace_.add(id);
  node.up = false;
  node.core.reset();
  node.disk.crash(rng_.next());
  node.disk.reopen();
  time_.after(rng_.between(1, 1500), [this, id] { start(id); });
}

void GroupSim::settle(std::uint64_t id) {
  Member& node = member(id);
  cluster::Actions actions = node.core->take_actions();
  require(!actions.fatal, "a group stopped: " + (actions.fatal ? std::string(actions.fatal->message()) : ""));
  node.lease_until = lease_of(actions, node.lease_until);
  for (cluster::DurableWrite& write : actions.writes) {
    if (options_.mutant == GroupMutant::forgets_votes) {
      write.hard_state.reset();
    }
    node.writer->enqueue(std::move(write));
  }
  for (cluster::Message& message : actions.messages) {
    send(std::move(message));
  }
  for (const cluster::Committed& committed : actions.committed) {
    take_committed(id, committed);
  }
  for (const cluster::Refused& refused : actions.refused) {
    if (refused.error.code != model::Code::outcome_unknown) {
      checker_.refused(node.waiting.at(refused.cookie));
    }
    node.waiting.erase(refused.cookie);
  }
  for (const cluster::ReadReady& ready : actions.reads_ready) {
    node.reads.at(ready.cookie).index = ready.index.value;
    ++report_.asked_reads;
  }
  for (const cluster::Refused& refused : actions.reads_refused) {
    node.reads.erase(refused.cookie);
  }
  answer_reads(id);
  if (actions.install) {
    // The state comes along out of band; here it is known, for a snapshot holds only what is committed.
    const std::uint64_t index = actions.install->index.value;
    in_life(id, rng_.between(1, 200), [this, id, index] {
      ++report_.installs;
      member(id).applied = index;
      member(id).state = checker_.state_at(index);
      member(id).core->installed(clock(id));
      settle(id);
      pump_log(id);
    });
  }
  if (actions.leadership && actions.leadership->role == cluster::Role::leader) {
    checker_.leads(actions.leadership->term, model::NodeId(id));
    trace_.add(actions.leadership->term.value);
  }
  if (actions.wake_at) {
    const std::uint64_t ms = *actions.wake_at > clock(id) ? *actions.wake_at - clock(id) : 0;
    in_life(id, ms * 1000 / node.rate + 1, [this, id] {
      member(id).core->tick(clock(id));
      settle(id);
      pump_log(id);
    });
  }
}

void GroupSim::take_committed(std::uint64_t id, const cluster::Committed& committed) {
  Member& node = member(id);
  require(committed.entry.index.value == node.applied + 1, "committed entries are not handed out in order");
  checker_.committed(committed.entry);
  node.applied = committed.entry.index.value;
  node.state = GroupChecker::next_state(node.state, committed.entry);
  require(node.state == checker_.state_at(node.applied), "two states differ at the same index");
  trace_.add(node.state);
  if (committed.cookie != 0) {
    checker_.acknowledged(committed.entry, node.waiting.at(committed.cookie));
    node.waiting.erase(committed.cookie);
  }
}

void GroupSim::send(cluster::Message message) {
  const std::uint64_t from = message.from.value;
  const std::uint64_t to = message.to.value;
  std::visit(
      [&](const auto& body) {
        // A pre-vote names the term after the own one, and nothing is promised by it.
        using Body = std::decay_t<decltype(body)>;
        bool binds = true;
        if constexpr (std::is_same_v<Body, cluster::RequestVote> || std::is_same_v<Body, cluster::RequestVoteResult>) {
          binds = !body.pre_vote;
        }
        if (binds) {
          member(from).spoken_term = std::max(member(from).spoken_term, body.term.value);
        }
      },
      message.body);
  int copies = 1;
  if (!healed_) {
    copies = rng_.chance(50) ? 0 : rng_.chance(30) ? 2 : 1;
  }
  for (; copies > 0; --copies) {
    const std::uint64_t delay = healed_           ? rng_.between(1, 5)
                                : rng_.chance(10) ? rng_.between(100, 2000)
                                                  : rng_.between(1, 20);
    time_.after(delay, [this, from, to, message] {
      if (member(to).up && !cut(from, to)) {
        trace_.add(from * 8 + to);
        trace_.add(message.body.index());
        auto arrived = cluster::decode(message.group, message.from, message.to, cluster::encode(message).expose());
        require(arrived.ok(), "a message does not survive the wire");
        member(to).core->receive(std::move(*arrived), clock(to));
        settle(to);
        pump_log(to);
      }
    });
  }
}

void GroupSim::pump_log(std::uint64_t id) {
  Member& node = member(id);
  auto batch = node.writer->next();
  if (!batch) {
    return;
  }
  const std::uint64_t ms = healed_ ? rng_.between(0, 3) : rng_.chance(10) ? rng_.between(50, 600) : rng_.between(0, 15);
  if (options_.mutant == GroupMutant::ack_before_fsync) {
    for (const cluster::Durable& durable : node.writer->done()) {
      node.core->persisted(durable.ticket, clock(id));
    }
    settle(id);
    in_life(id, ms, [this, id, batch = std::move(*batch)] {
      require(storage::LogStore(member(id).disk).commit(batch).ok(), "a disk failed that was not told to");
    });
    in_life(id, 1, [this, id] { pump_log(id); });
    return;
  }
  const bool early = rng_.chance(500);
  if (early) {
    require(storage::LogStore(node.disk).commit(*batch).ok(), "a disk failed that was not told to");
  }
  in_life(id, ms, [this, id, batch = std::move(*batch), early] { finish_log(id, batch, early); });
}

void GroupSim::finish_log(std::uint64_t id, const storage::LogBatch& batch, bool written) {
  Member& node = member(id);
  if (!written) {
    require(storage::LogStore(node.disk).commit(batch).ok(), "a disk failed that was not told to");
  }
  for (const cluster::Durable& durable : node.writer->done()) {
    node.core->persisted(durable.ticket, clock(id));
  }
  settle(id);
  pump_log(id);
}

void GroupSim::propose() {
  // Clients ask anybody, mostly those who lead or have led.
  for (std::uint64_t id = 1; id <= options_.nodes; ++id) {
    Member& node = member(id);
    const bool leads = node.up && node.core->leadership().role == cluster::Role::leader;
    if (!node.up || !(leads || rng_.chance(50))) {
      continue;
    }
    std::vector<cluster::Proposal> proposals;
    for (std::uint64_t n = rng_.between(1, 5); n > 0; --n) {
      const std::uint64_t cookie = next_cookie_++;
      const std::string data = "op" + std::to_string(cookie);
      node.waiting[cookie] = data;
      proposals.push_back({cookie, node.core->leadership().term, std::make_shared<const std::string>(data)});
    }
    node.core->propose(std::move(proposals), clock(id));
    settle(id);
    pump_log(id);
  }
  time_.after(rng_.between(1, 60), [this] { propose(); });
}

std::uint64_t GroupSim::lease_of(const cluster::Actions& actions, std::uint64_t present) const {
  if (!actions.lease_until || (options_.mutant == GroupMutant::lease_in_transfer && *actions.lease_until == 0)) {
    return present;
  }
  return *actions.lease_until + (options_.mutant == GroupMutant::long_lease && *actions.lease_until != 0 ? 600 : 0);
}

// A read that does not ask, as a listener's thread does it: the lease first, then what is there.
void GroupSim::inline_read(std::uint64_t id) {
  Member& node = member(id);
  const bool leased = clock(id) < node.lease_until;
  const bool skips = options_.mutant == GroupMutant::skip_read_index && node.core->leadership().ready;
  if (leased || skips) {
    require(node.applied >= checker_.last_acknowledged(),
            "a read at node " + std::to_string(id) + " misses what was acknowledged before it began");
    ++report_.leased_reads;
  }
}

void GroupSim::answer_reads(std::uint64_t id) {
  Member& node = member(id);
  std::erase_if(node.reads, [&](const auto& item) {
    const Member::Read& read = item.second;
    if (read.index == 0 || node.applied < read.index) {
      return false;
    }
    require(node.applied >= read.floor, "a confirmed read misses what was acknowledged before it began");
    return true;
  });
}

void GroupSim::read() {
  for (std::uint64_t id = 1; id <= options_.nodes; ++id) {
    Member& node = member(id);
    if (!node.up) {
      continue;
    }
    inline_read(id);
    if (node.core->leadership().role == cluster::Role::leader || rng_.chance(50)) {
      const std::uint64_t cookie = next_cookie_++;
      node.reads[cookie].floor = checker_.last_acknowledged();
      node.core->read({cookie}, clock(id));
      settle(id);
      pump_log(id);
    }
  }
  time_.after(rng_.between(1, 40), [this] { read(); });
}

void GroupSim::seal() {
  const std::uint64_t id = rng_.between(1, options_.nodes);
  Member& node = member(id);
  node.sealed = !node.sealed && rng_.chance(300);
  if (!node.up) {
    return;
  }
  if (node.sealed) {
    node.core->forbid_campaign(clock(id));
  } else {
    node.core->allow_campaign(clock(id));
  }
  settle(id);
  pump_log(id);
}

void GroupSim::checkpoint() {
  const std::uint64_t id = rng_.between(1, options_.nodes);
  Member& node = member(id);
  if (node.up && node.applied > 0) {
    node.core->checkpoint(model::Index(node.applied), clock(id));
    settle(id);
    pump_log(id);
  }
  time_.after(rng_.between(50, 600), [this] { checkpoint(); });
}

std::uint64_t GroupSim::victim() {
  const std::uint64_t any = rng_.between(1, options_.nodes);
  const bool leader = rng_.chance(500);  // whose trouble moves the most
  for (std::uint64_t id = 1; leader && id <= options_.nodes; ++id) {
    if (member(id).up && member(id).core->leadership().role == cluster::Role::leader) {
      return id;
    }
  }
  return any;
}

void GroupSim::trouble() {
  if (healed_) {
    return;
  }
  const std::uint64_t id = victim();
  switch (rng_.below(10)) {
    case 0:
    case 1: crash(id); break;
    case 2:  // everybody at once
      for (std::uint64_t each = 1; rng_.chance(100) && each <= options_.nodes; ++each) {
        crash(each);
      }
      break;
    case 3:  // one way
      cut_[id * 8 + rng_.between(1, options_.nodes)] = true;
      break;
    case 4:  // one node from all
      for (std::uint64_t other = 1; other <= options_.nodes; ++other) {
        cut_[id * 8 + other] = cut_[other * 8 + id] = true;
      }
      break;
    case 5: change_member(); break;
    case 6: seal(); break;
    case 7:
      if (member(id).up && member(id).core->transfer(model::NodeId(rng_.below(options_.nodes + 1)), clock(id)).ok()) {
        ++report_.transfers;
        settle(id);
        pump_log(id);
      }
      break;
    default: cut_.assign(cut_.size(), false); break;
  }
  time_.after(rng_.between(20, 700), [this] { trouble(); });
}

void GroupSim::change_member() {
  // One server becomes standby, or the one that is becomes a voter again.
  for (std::uint64_t id = 1; id <= options_.nodes; ++id) {
    Member& node = member(id);
    if (!node.up || node.core->leadership().role != cluster::Role::leader) {
      continue;
    }
    std::vector<cluster::Voter> next = servers_;
    const std::uint64_t other = rng_.between(1, options_.nodes);
    if (rng_.chance(500)) {
      next[other - 1].role = cluster::ServerRole::standby;
    }
    if (node.core->change_voters(next, clock(id)).ok()) {
      ++report_.changes;
    }
    settle(id);
    pump_log(id);
  }
}

std::string GroupSim::standing() const {
  std::ostringstream out;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const cluster::GroupCore& core = *members_[i]->core;
    const cluster::Leadership leadership = core.leadership();
    out << " [node " << i + 1 << ": role " << static_cast<int>(leadership.role) << " term " << leadership.term.value
        << (leadership.ready ? " ready" : "") << " D " << core.durable_index().value << " applied "
        << members_[i]->applied << " commit " << core.commit_index().value << " last " << core.last_index().value
        << "]";
  }
  return out.str();
}

void GroupSim::recover_all() {
  healed_ = true;
  cut_.assign(cut_.size(), false);
  for (std::uint64_t id = 1; id <= options_.nodes; ++id) {
    member(id).sealed = false;
    start(id);
    member(id).core->allow_campaign(clock(id));
    settle(id);
    pump_log(id);
  }
  const auto converged = [this](std::uint64_t goal) {
    return std::all_of(members_.begin(), members_.end(), [goal](const auto& node) { return node->applied >= goal; });
  };
  const std::uint64_t until = time_.now() + 60000;
  const std::uint64_t goal = checker_.last() + 20;  // new writes, on every node, behind all that was acknowledged
  require(goal > checker_.last_acknowledged(), "an acknowledged write was lost");
  while (time_.now() < until && !converged(goal)) {
    require(time_.step(), "the simulation stands still");
  }
  require(converged(goal), "no progress after everything was healed:" + standing());
}

GroupReport GroupSim::run() {
  bootstrap();
  for (std::uint64_t id = 1; id <= options_.nodes; ++id) {
    start(id);
  }
  time_.after(1, [this] { propose(); });
  time_.after(2, [this] { read(); });
  time_.after(200, [this] { checkpoint(); });
  time_.after(1000, [this] { trouble(); });
  for (std::uint64_t step = 0; step < options_.steps; ++step) {
    require(time_.step(), "the simulation stands still");
  }
  recover_all();
  report_.trace = trace_.hash();
  report_.acknowledged = checker_.acknowledgements();
  report_.elections = checker_.elections();
  return report_;
}

}  // namespace

std::string GroupReport::text() const {
  std::ostringstream out;
  out << acknowledged << " acknowledged, " << crashes << " crashes, " << elections << " elections, " << installs
      << " snapshots, " << changes << " changes, " << transfers << " transfers, " << leased_reads << " leased and "
      << asked_reads << " confirmed reads, trace " << std::hex << trace;
  return out.str();
}

GroupReport simulate_group(const GroupOptions& options) { return GroupSim(options).run(); }

}  // namespace coffer::sim

// The nodes' life, disks and network. See group_sim.hpp and group_sim_impl.hpp.

#include "cluster/wire.hpp"
#include "tests/sim/group_sim_impl.hpp"

namespace coffer::sim {

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
  node.departure = {};
  node.writer = std::make_unique<cluster::LogWriterCore>(64 << 10);
  cluster::GroupConfig config;
  config.group = kGroup;
  config.self = model::NodeId(id);
  config.seed = rng_.next();
  config.max_inflight_entries = 64;
  config.catch_up_lag = options_.seed % 3 == 2 ? 4 : 1024;
  config.catch_up_window = options_.seed % 3 == 2 ? 2 : 256;
  config.lease = options_.seed % 4 != 0;
  config.may_campaign = !node.sealed;
  config.trailing_entries = static_cast<std::uint32_t>(rng_.below(20));
  if (options_.seed % 8 == 2 || options_.seed % 8 == 3) {  // peers that lag need snapshots, and then some more
    config.trailing_bytes = rng_.below(500);
    config.room = std::make_shared<cluster::LogRoom>(rng_.below(2000));
  }
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

void GroupSim::wake(std::uint64_t id, std::uint64_t timer) {
  const Member& node = member(id);
  if (node.timer != timer) {
    return;
  }
  if (time_.now() < node.stands_still_until) {
    in_life(id, node.stands_still_until - time_.now(), [this, id, timer] { wake(id, timer); });
    return;
  }
  node.core->tick(clock(id));
  settle(id);
  pump_log(id);
}

void GroupSim::settle(std::uint64_t id) {
  Member& node = member(id);
  cluster::Actions actions = node.core->take_actions();
  require(!actions.fatal, "a group stopped: " + (actions.fatal ? std::string(actions.fatal->message()) : ""));
  node.lease_until = lease_of(actions, node.lease_until);
  known_committed_ = std::max(known_committed_, node.core->commit_index().value);
  for (cluster::DurableWrite& write : actions.writes) {
    if (options_.mutant == GroupMutant::forgets_votes) {
      write.hard_state.reset();
    }
    if (write.leave && options_.mutant == GroupMutant::forgets_floor) {
      write.leave->floor = {};
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
  if (actions.drop_state) {
    in_life(id, rng_.between(1, 200), [this, id] { drop_state(id); });
  }
  if (actions.leadership && actions.leadership->role == cluster::Role::leader) {
    checker_.leads(actions.leadership->term, model::NodeId(id));
    trace_.add(actions.leadership->term.value);
  }
  if (actions.wake_at) {
    const std::uint64_t ms = *actions.wake_at > clock(id) ? *actions.wake_at - clock(id) : 0;
    in_life(id, ms * 1000 / node.rate + 1, [this, id, timer = ++node.timer] { wake(id, timer); });
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
  check_votes_kept(message);
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
                                : rng_.chance(10) ? rng_.between(100, longest_delay())
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

}  // namespace coffer::sim

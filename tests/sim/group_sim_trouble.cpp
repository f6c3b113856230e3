// Clients, faults and the course of a run. See group_sim.hpp and group_sim_impl.hpp.

#include <algorithm>
#include <sstream>

#include "tests/sim/group_sim_impl.hpp"

namespace coffer::sim {

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

std::string GroupReport::text() const {
  std::ostringstream out;
  out << acknowledged << " acknowledged, " << crashes << " crashes, " << elections << " elections, " << installs
      << " snapshots, " << changes << " changes, " << transfers << " transfers, " << leased_reads << " leased and "
      << asked_reads << " confirmed reads, trace " << std::hex << trace;
  return out.str();
}

GroupReport simulate_group(const GroupOptions& options) { return GroupSim(options).run(); }

}  // namespace coffer::sim

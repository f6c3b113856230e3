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
  switch (rng_.below(is_moving() ? 14 : 10)) {
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
      part({id}, true);
      member(id).stands_still_until = time_.now() + (rng_.chance(500) ? rng_.between(300, 1500) : 0);
      for (std::uint64_t ms = 50; ms <= 1500; ms += 50) {
        in_life(id, ms, [this, id] { inline_read(id); });  // it may have led, and believe so
      }
      break;
    case 5:
    case 10:
    case 11:
    case 12:
    case 13: change_member(); break;
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

/// These nodes from all others, both ways.
void GroupSim::part(const std::set<std::uint64_t>& nodes, bool cut) {
  for (std::uint64_t from = 1; from <= options_.nodes; ++from) {
    for (std::uint64_t to = 1; to <= options_.nodes; ++to) {
      if (nodes.contains(from) != nodes.contains(to)) {
        cut_[from * 8 + to] = cut;
      }
    }
  }
}

/// A server that is about to go, and nodes that will not hear of it: they go on believing in it for a while.
void GroupSim::leave_unheard(std::uint64_t leader, std::uint64_t gone) {
  const std::uint64_t away = rng_.between(1, options_.nodes);
  if (away == leader || away == gone || !rng_.chance(700)) {
    return;
  }
  part({away}, true);
  time_.after(rng_.between(2000, 8000), [this, away] { part({away}, false); });
}

/// Whoever believes in a node that has let go of its log meets it, and nobody else.
void GroupSim::meet_believers(std::uint64_t gone) {
  std::set<std::uint64_t> believers{gone};
  for (std::uint64_t id = 1; id <= options_.nodes; ++id) {
    const Member& node = member(id);
    if (node.up && (node.core->servers().empty() || cluster::is_voter(node.core->servers(), model::NodeId(gone)))) {
      believers.insert(id);
    }
  }
  part(believers, true);
  for (const std::uint64_t one : believers) {
    for (const std::uint64_t other : believers) {
      cut_[one * 8 + other] = false;
    }
  }
  time_.after(rng_.between(500, 3000), [this] { cut_.assign(cut_.size(), false); });
}

// One server comes, as voter or standby, becomes the other of both, or goes.
void GroupSim::change_member() {
  for (std::uint64_t id = 1; id <= options_.nodes; ++id) {
    Member& node = member(id);
    if (!node.up || node.core->leadership().role != cluster::Role::leader) {
      continue;
    }
    std::vector<cluster::Voter> next = is_moving() ? node.core->servers() : servers_;
    cluster::Voter other = servers_[rng_.between(1, options_.nodes) - 1];
    other.role = rng_.chance(500) ? cluster::ServerRole::standby : cluster::ServerRole::voter;
    const bool goes = is_moving() && rng_.chance(400);
    const auto there = std::find_if(next.begin(), next.end(), [&](const auto& s) { return s.id == other.id; });
    if (there == next.end()) {
      next.push_back(other);
    } else if (goes) {
      next.erase(there);
      leave_unheard(id, other.id.value);
    } else {
      *there = other;
    }
    const std::vector<cluster::Voter> before = node.core->servers();
    if (node.core->change_voters(next, clock(id)).ok()) {
      ++report_.changes;
      note_change(*node.core, before, next);
    }
    settle(id);
    pump_log(id);
  }
}

void GroupSim::note_change(const cluster::GroupCore& leader, const std::vector<cluster::Voter>& before,
                           const std::vector<cluster::Voter>& after) {
  const std::pair entry{leader.leadership().term.value, leader.last_index().value};
  for (const cluster::Voter& server : before) {
    if (server.role == cluster::ServerRole::voter && !cluster::is_voter(after, server.id)) {
      votes_taken_[entry].insert(server.id.value);
    }
  }
}

// G14. Its consequence, a group without a leader, needs a power loss in just that moment; so the cause is looked for.
void GroupSim::check_votes_kept(const cluster::Message& message) {
  const auto* append = std::get_if<cluster::AppendEntries>(&message.body);
  for (std::size_t i = 0; append != nullptr && i < append->entries.size(); ++i) {
    const storage::LogEntry& entry = append->entries[i];
    if (entry.kind != storage::EntryKind::configuration) {
      continue;
    }
    const auto taken = votes_taken_.find({entry.term.value, entry.index.value});
    require(taken == votes_taken_.end() || !taken->second.contains(message.to.value) ||
                entry.index.value <= known_committed_,
            "a server hears that its vote is taken before that is committed");
  }
}

// What leaders report to everybody; lost, late and in any order.
void GroupSim::tell() {
  for (std::uint64_t id = 1; !healed_ && id <= options_.nodes; ++id) {
    Member& node = member(id);
    if (!node.up || node.core->leadership().role != cluster::Role::leader || !node.core->leadership().ready) {
      continue;
    }
    const cluster::GroupCore& core = *node.core;
    said_committed_ = std::max(said_committed_, core.commit_index().value);
    for (std::uint64_t to = 1; to <= options_.nodes; ++to) {
      const auto& servers = core.servers();
      const bool names_it =
          std::any_of(servers.begin(), servers.end(), [to](const auto& s) { return s.id.value == to; });
      const cluster::LeaderWord word{core.leadership().term, core.commit_index(), core.last_index(), names_it};
      const std::uint64_t delay = rng_.chance(100) ? rng_.between(100, 3000) : rng_.between(1, 20);
      time_.after(delay, [this, id, to, word] {
        if (to != id && !healed_ && member(to).up && !cut(id, to)) {
          hear(to, word);
        }
      });
    }
  }
  time_.after(rng_.between(50, 200), [this] { tell(); });
}

void GroupSim::hear(std::uint64_t id, const cluster::LeaderWord& word) {
  const cluster::MonotonicMs quiet = longest_delay() + 100;  // no acknowledgement is under way any more
  Member& node = member(id);
  auto settled = node.departure.heard(word);
  if (options_.mutant == GroupMutant::leaves_unproved && !word.names_us) {
    settled = word.last;
  }
  if (settled && node.core->leave(*settled, quiet, clock(id))) {
    require(settled->value <= said_committed_, "a node let go of its log before that was committed without it");
    ++report_.departures;
    trace_.add(settled->value);
    if (rng_.chance(900)) {
      meet_believers(id);
    }
  }
  settle(id);
  pump_log(id);
}

void GroupSim::drop_state(std::uint64_t id) {
  Member& node = member(id);
  if (options_.mutant == GroupMutant::forgets_floor || rng_.chance(100)) {
    return crash(id);
  }
  node.applied = 0;
  node.state = checker_.state_at(0);
  node.core->left(clock(id));
  settle(id);
  pump_log(id);
}

void GroupSim::restore_members() {
  for (std::uint64_t id = 1; id <= options_.nodes; ++id) {
    Member& node = member(id);
    if (!node.up || node.core->leadership().role != cluster::Role::leader) {
      continue;
    }
    std::vector<cluster::Voter> next = node.core->servers();
    for (const cluster::Voter& wanted : servers_) {
      const auto there = std::find_if(next.begin(), next.end(), [&](const auto& s) { return s.id == wanted.id; });
      if (there != next.end() && there->role == wanted.role) {
        continue;
      }
      if (there == next.end()) {
        next.push_back(wanted);
      } else {
        *there = wanted;
      }
      (void)node.core->change_voters(next, clock(id));
      settle(id);
      pump_log(id);
      break;
    }
  }
  time_.after(100, [this] { restore_members(); });
}

std::string GroupSim::standing() const {
  std::ostringstream out;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const cluster::GroupCore& core = *members_[i]->core;
    const cluster::Leadership leadership = core.leadership();
    out << " [node " << i + 1 << ": role " << static_cast<int>(leadership.role) << " term " << leadership.term.value
        << (leadership.ready ? " ready" : "") << " D " << core.durable_index().value << " applied "
        << members_[i]->applied << " commit " << core.commit_index().value << " last " << core.last_index().value
        << " servers";
    for (const cluster::Voter& server : core.servers())
      out << ' ' << server.id.value << "svp"[static_cast<int>(server.role)];
    out << "]";
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
  restore_members();
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
  if (is_moving()) time_.after(300, [this] { tell(); });
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
      << " snapshots, " << changes << " changes, " << departures << " departures, " << transfers << " transfers, "
      << leased_reads << " leased and " << asked_reads << " confirmed reads, trace " << std::hex << trace;
  return out.str();
}

GroupReport simulate_group(const GroupOptions& options) { return GroupSim(options).run(); }

}  // namespace coffer::sim

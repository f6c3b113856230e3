// Faults, and the course of a run. See cluster_sim.hpp.

#include <algorithm>
#include <sstream>

#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

void ClusterSim::trouble() {
  if (healed_) {
    return;
  }
  std::uint64_t id = rng_.between(1, size());
  const model::GroupId group(rng_.below(wanted_.size()));
  for (std::uint64_t each = 1; each <= size() && rng_.chance(700); ++each) {
    id = node(each).leads(group) ? each : id;  // whose trouble moves the most
  }
  one_trouble(id);
}

void ClusterSim::one_trouble(std::uint64_t id) {
  switch (rng_.below(18)) {
    case 0: crash(id, true); break;
    case 1: crash(id, false); break;
    case 2:
      for (std::uint64_t each = 1; rng_.chance(250) && each <= size(); ++each) {
        crash(each, true);
      }
      break;
    case 3: cut_[id * 8 + rng_.between(1, size())] = true; break;
    case 4:
    case 5: partition(); break;
    case 6:
      for (std::uint64_t other = 1; other <= size(); ++other) {
        cut_[id * 8 + other] = true;
        cut_[other * 8 + id] = rng_.chance(700);
      }
      // It may lead and not notice; then its lease must end by itself.
      if (rng_.chance(500)) {
        machines_[id - 1].groups_stopped_until = time_.now() + rng_.between(300, 1500);
      }
      break;
    case 7:
      if (node(id).is_up()) {
        node(id).fail_disk();
      }
      break;
    case 8:
      ++report_.seals;
      node(id).seal(rng_.chance(500));
      break;
    case 9:
      for (auto& [group, checker] : checkers_) {
        if (node(id).leads(group) &&
            node(id)
                .group(group)
                ->transfer(model::NodeId(rng_.below(size() + 1)), boot_clock(model::NodeId(id)))
                .ok()) {
          ++report_.transfers;
          node(id).settle(group);
        }
      }
      break;
    case 10: machines_[id - 1].wall_jump += static_cast<std::int64_t>(rng_.below(7'200'000)) - 3'600'000; break;
    case 11: want_members(); break;
    case 12:
    case 13: machines_[id - 1].stopped_until = time_.now() + rng_.between(50, 1500); break;
    case 14: storm_ = !storm_ && rng_.chance(500); break;
    default:
      cut_.assign(cut_.size(), false);
      storm_ = false;
      for (std::uint64_t each = 1; each <= size(); ++each) {
        node(each).seal(false);
      }
      break;
  }
}

void ClusterSim::partition() {
  std::vector<bool> side(size() + 1);
  for (std::uint64_t id = 1; id <= size(); ++id) {
    side[id] = rng_.chance(500);
  }
  for (std::uint64_t from = 1; from <= size(); ++from) {
    for (std::uint64_t to = 1; to <= size(); ++to) {
      cut_[from * 8 + to] = side[from] != side[to];
    }
  }
}

void ClusterSim::checkpoint() {
  const std::uint64_t id = rng_.between(1, size());
  if (node(id).is_up()) {
    node(id).checkpoint();
  }
}

void ClusterSim::want_members() {
  if (is_steered()) {
    return;
  }
  const model::GroupId group(rng_.below(wanted_.size()));
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 1; id <= size(); ++id) {
    ids.push_back(id);
  }
  for (std::size_t i = ids.size(); i > 1; --i) {
    std::swap(ids[i - 1], ids[rng_.below(i)]);
  }
  std::vector<cluster::Voter>& wanted = wanted_[group];
  wanted.clear();
  const bool is_everywhere = group == model::kMetaGroup;
  const std::size_t servers = is_everywhere ? size() : rng_.between(std::min<std::uint64_t>(3, size()), size());
  for (std::size_t i = 0; i < servers; ++i) {
    const bool votes = i < 3 || (servers == 5 && rng_.chance(500));
    wanted.push_back({model::NodeId(ids[i]), std::to_string(ids[i]),
                      votes ? cluster::ServerRole::voter : cluster::ServerRole::standby});
  }
}

void ClusterSim::change_members() {
  for (std::uint64_t id = 1; id <= size(); ++id) {
    for (const auto& [group, wanted] : wanted_) {
      node(id).approach(group, wanted);
    }
  }
}

void ClusterSim::compare() {
  const std::uint64_t id = rng_.between(1, size());
  for (const auto& [group, wanted] : wanted_) {
    compare(group, id);
  }
}

void ClusterSim::compare(model::GroupId group, std::uint64_t id) {
  if (!node(id).is_up()) {
    return;
  }
  if (const auto rows = node(id).fingerprint(group)) {
    const auto [known, fresh] = fingerprints_[group].emplace(node(id).applied(group), *rows);
    report_.compared += fresh ? 0 : 1;
    require(known->second == *rows, "the rows of group " + std::to_string(group.value) + " at node " +
                                        std::to_string(id) + " differ from another node's at index " +
                                        std::to_string(known->first));
  }
}

std::string ClusterSim::standing() {
  std::ostringstream out;
  for (std::uint64_t id = 1; id <= size(); ++id) {
    for (const auto& [group, wanted] : wanted_) {
      const cluster::GroupCore* core = node(id).group(group);
      out << " [node " << id << " group " << group.value;
      if (core != nullptr) {
        const cluster::Leadership leadership = core->leadership();
        out << ": role " << static_cast<int>(leadership.role) << " term " << leadership.term.value << " leader "
            << leadership.leader.value << (leadership.ready ? " ready" : "") << " D " << core->durable_index().value
            << " applied " << node(id).applied(group) << " commit " << core->commit_index().value << " last "
            << core->last_index().value << " servers";
        for (const cluster::Voter& server : core->servers()) {
          out << " " << server.id.value << (server.role == cluster::ServerRole::voter ? "" : "s");
        }
      }
      out << "]";
    }
  }
  for (std::uint64_t id = 1; id <= size(); ++id) {
    for (const std::string& words : machines_[id - 1].placement) {
      out << " [node " << id << " wants " << words << "]";
    }
  }
  for (const auto& [group, wanted] : wanted_) {
    out << " wanted in " << group.value << ":";
    for (const cluster::Voter& server : wanted) {
      out << " " << server.id.value << (server.role == cluster::ServerRole::voter ? "" : "s");
    }
  }
  for (std::size_t index = 0; index < tenants_.size() && tenants_[index].exists(); ++index) {
    const model::TenantInfo& is = tenants_[index].is();
    out << " [tenant " << index << " in group " << is.group.value << " move " << is.moves << " to "
        << is.moving_to.value << " from " << is.moved_from.value << ":";
    for (std::uint64_t id = 1; id <= size(); ++id) {
      out << " node " << id << " knows group " << node(id).home_of(index).value_or(model::GroupId()).value
          << node(id).standing(index);
    }
    out << "]";
  }
  return out.str();
}

bool ClusterSim::has_converged() const {
  for (const auto& [group, checker] : checkers_) {
    const auto servers = servers_of(group);
    const auto lacks = [&](const cluster::Voter& server) {
      return node(server.id.value).applied(group) < checker.last();
    };
    if (servers.empty() || std::any_of(servers.begin(), servers.end(), lacks)) {
      return false;
    }
  }
  return true;
}

void ClusterSim::heal() {
  healed_ = true;
  storm_ = false;
  cut_.assign(cut_.size(), false);
  for (std::uint64_t id = 1; id <= size(); ++id) {
    start(id);
    node(id).seal(false);
  }
  // What is under way ends; then everybody reads everything, behind all that was acknowledged.
  closing_ = true;
  run_until(&ClusterSim::is_idle, 60'000, "an operation does not end after everything was healed");
  if (is_steered()) {
    come_to_rest();
  }
  run_until(&ClusterSim::is_settled, 60'000,
            "the directory, its groups or a tenant's move do not come to rest after everything was healed");
  run_until(&ClusterSim::is_watched, 60'000, "a watcher does not hear of everything after everything was healed");
  std::map<std::size_t, std::size_t> last_reads;  // by tenant; behind it may come a move that was ordered long ago
  for (std::size_t client = 0; client < tenants_.size(); ++client) {
    if (!tenants_[client].is_made) {
      continue;  // nobody has come to create it
    }
    last_reads[client] = tenants_[client].history.size();
    clients_[client].tenant = client;
    clients_[client].op = tenants_[client].history.size();
    Op op;
    op.id = next_op_++;
    op.kind = OpKind::batch;
    op.invoked = time_.now();
    for (std::size_t key = 0; key < kKeys; ++key) {
      op.keys.push_back(key);
    }
    tenants_[client].history.push_back(std::move(op));
    clients_[client].deadline = time_.now() + 50'000;
    clients_[client].asks = 1;
    clients_[client].attempts = 0;
    ask(client);
  }
  run_until(&ClusterSim::is_idle, 60'000, "no answer after everything was healed");
  for (const auto& [tenant, read] : last_reads) {
    const bool is_read = tenants_[tenant].history[read].outcome == Outcome::ok;
    require(is_read, is_read ? "" : "a tenant cannot be read after everything was healed:" + standing());
  }
  run_until(&ClusterSim::has_converged, 60'000, "the nodes do not converge after everything was healed");
  for (const auto& [group, checker] : checkers_) {
    report_.elections += checker.elections();
    for (const cluster::Voter& server : servers_of(group)) {
      compare(group, server.id.value);
    }
  }
}

void ClusterSim::check_histories() {
  for (const Tenant& tenant : tenants_) {
    if (auto wrong = find_contradiction(tenant.history)) {
      throw Violation("not linearizable: " + *wrong);
    }
  }
}

ClusterReport ClusterSim::run() {
  for (std::uint64_t id = 1; id <= size(); ++id) {
    start(id);
  }
  for (std::size_t client = 0; client < clients_.size(); ++client) {
    time_.after(rng_.between(300, 900), [this, client] { think(client); });
  }
  for (std::size_t number = 0; number < watchers_.size(); ++number) {
    watch_later(number, rng_.between(300, 900));
  }
  every(60, 300, &ClusterSim::checkpoint);
  every(150, 700, &ClusterSim::trouble);
  if (is_steered()) {
    every(80, 120, &ClusterSim::report);
    every(80, 120, &ClusterSim::place);
  } else {
    every(50, 120, &ClusterSim::change_members);
  }
  every(400, 900, &ClusterSim::compare);
  every(40, 300, &ClusterSim::operate);
  every(20, 60, &ClusterSim::attend);
  for (std::uint64_t step = 0; step < options_.steps; ++step) {
    require(time_.step(), "the simulation stands still");
  }
  report_.simulated_ms = time_.now();
  heal();
  check_histories();
  check_watchers();
  for (const Machine& machine : machines_) {
    const NodeCounts& counts = machine.node->counts();
    report_.installs += counts.installs;
    report_.moves += counts.moves;
    report_.leased += counts.leased;
    report_.asked += counts.asked;
    report_.disk_failures += counts.disk_failures;
    report_.changes += counts.changes;
    report_.transfers += counts.transfers;
    report_.placed += counts.placed;
  }
  report_.trace = trace_.hash();
  return report_;
}

}  // namespace coffer::sim

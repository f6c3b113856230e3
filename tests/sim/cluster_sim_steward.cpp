// Placement by the stewards, in every third seed: nodes report to each other by way of a network that loses and delays,
// whoever leads the directory says where everything should be, operators drain nodes and take that back. When everything is
// healed it comes to rest, and what it was for is reached. See cluster_sim.hpp.

#include <algorithm>
#include <set>

#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

namespace {

constexpr std::size_t kReplicas = 3;
// Rounds of placement that find nothing to do: longer than another load must last to count for replicas.
constexpr std::uint64_t kRest = 40;

}  // namespace

/// Short beside the faults, so that nodes count as away and as lost.
actors::Placer::Settings ClusterSim::settings_of_placement() const {
  actors::Placer::Settings settings;
  settings.interval = std::chrono::milliseconds(100);
  settings.replace_after = std::chrono::milliseconds(options_.seed / 3 % 3 * 600);  // 0: never by itself
  settings.load_window = std::chrono::milliseconds(300);
  settings.replicas = kReplicas;
  return settings;
}

void ClusterSim::post(std::uint64_t from, std::uint64_t to, Timeline::Event event) {
  if (from == to) {
    event();
    return;
  }
  if (!healed_ && rng_.chance(storm_ ? 250 : 20)) {
    return;
  }
  time_.after(hops(from), [this, from, to, event = std::move(event)] {
    if (!cut(from, to)) {
      trace_.add(from * 8 + to);
      at(to, [this, to, event] {
        if (node(to).is_up()) {
          event();
        }
      });
    }
  });
}

void ClusterSim::report() {
  for (std::uint64_t id = 1; id <= size(); ++id) {
    at(id, [this, id] {
      if (!node(id).is_up()) {
        return;
      }
      const auto groups = node(id).report();  // itself hears it where it places
      for (std::uint64_t to = 1; to <= size(); ++to) {
        if (to != id) {
          post(id, to, [this, id, to, groups] { node(to).hear(model::NodeId(id), groups); });
        }
      }
    });
  }
}

void ClusterSim::place() {
  for (std::uint64_t id = 1; id <= size(); ++id) {
    at(id, [this, id] {
      const auto plan = node(id).is_up() ? node(id).place() : std::nullopt;
      std::uint64_t& rest = machines_[id - 1].placement_rests;
      rest = plan && plan->orders.empty() ? rest + 1 : 0;
      machines_[id - 1].placement = plan ? plan->words : std::vector<std::string>();
      for (std::size_t i = 0; plan && i < plan->orders.size(); ++i) {
        const auto& [leader, word] = plan->orders[i];
        post(id, leader.value, [this, leader = leader.value, word = word] { node(leader).heed(word); });
      }
    });
  }
}

model::DirectoryOperation ClusterSim::choose_drain() {
  return model::DrainNode{model::NodeId(rng_.between(1, size())), rng_.chance(500)};
}

/// How many nodes stay, when placement is at rest and everything is where it should be: nothing on nodes that are drained,
/// and of each group as many servers as it should have. None: not yet.
std::optional<std::size_t> ClusterSim::placed_on() {
  const std::uint64_t directory = who_leads(model::kMetaGroup);
  if (directory == 0 || machines_[directory - 1].placement_rests < kRest) {
    return std::nullopt;
  }
  std::set<model::NodeId> staying;
  for (const model::NodeInfo& info : node(directory).nodes()) {
    if (info.state == model::NodeState::up) {
      staying.insert(info.id);
    }
  }
  for (const auto& [group, wanted] : wanted_) {
    const std::uint64_t leader = who_leads(group);
    if (leader == 0 || !node(leader).group(group)->leadership().ready) {
      return std::nullopt;
    }
    const auto servers = node(leader).group(group)->servers();
    const std::size_t most = group == model::kMetaGroup ? size() : kReplicas;
    const auto is_staying = [&](const cluster::Voter& server) { return staying.contains(server.id); };
    const auto votes = [](const cluster::Voter& server) { return server.role == cluster::ServerRole::voter; };
    const auto voters = static_cast<std::size_t>(std::count_if(servers.begin(), servers.end(), votes));
    if (servers.size() != std::min(most, staying.size()) || !std::all_of(servers.begin(), servers.end(), is_staying) ||
        voters < std::min(kReplicas, staying.size() - (staying.size() + 1) % 2)) {
      return std::nullopt;
    }
  }
  return staying.size();
}

bool ClusterSim::is_placed() { return placed_on().has_value(); }
bool ClusterSim::is_placed_on_all() { return placed_on() == size(); }

/// With what is drained, and again when all nodes stay: those that held nothing get their part, and follow the directory.
void ClusterSim::come_to_rest() {
  const std::string restless = "placement does not come to rest, with everything where it should be, ";
  run_until(&ClusterSim::is_placed, 60'000, restless + "after everything was healed");
  for (const model::NodeInfo& info : node(who_leads(model::kMetaGroup)).nodes()) {
    if (info.state != model::NodeState::draining) {
      continue;
    }
    operators_[0].tenant = kDirectory;
    operators_[0].operation = model::DrainNode{info.id, true};
    begin_order(0, 50'000);
    run_until(&ClusterSim::is_idle, 60'000, "a node's draining is not taken back");
  }
  run_until(&ClusterSim::is_placed_on_all, 60'000, restless + "after no node was drained any more");
}

/// None while nobody knows.
std::vector<cluster::Voter> ClusterSim::servers_of(model::GroupId group) const {
  if (!is_steered()) {
    return wanted_.at(group);
  }
  const std::uint64_t leader = who_leads(group);
  auto& self = const_cast<ClusterSim&>(*this);
  return leader == 0 ? std::vector<cluster::Voter>() : self.node(leader).group(group)->servers();
}

}  // namespace coffer::sim

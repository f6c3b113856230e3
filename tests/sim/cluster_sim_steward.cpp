// Placement by the stewards, in every third seed: nodes report to each other by way of a network that loses and delays,
// whoever leads the directory says where everything should be, operators drain nodes and take that back. When everything is
// healed it comes to rest, and what it was for is reached. See cluster_sim.hpp.

#include <algorithm>

#include "tests/sim/cluster_sim_impl.hpp"

namespace coffer::sim {

namespace {

constexpr std::size_t kReplicas = 3;
constexpr std::uint64_t kRest = 10;  // rounds of placement that find nothing to do

}  // namespace

/// Short beside the faults, so that nodes count as away and as lost.
actors::Placer::Settings ClusterSim::settings_of_placement() const {
  actors::Placer::Settings settings;
  settings.interval = std::chrono::milliseconds(100);
  settings.replace_after = std::chrono::milliseconds(options_.seed % 2 == 0 ? 1200 : 0);
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
      for (std::uint64_t to = 1; to <= size(); ++to) {
        post(id, to, [this, id, to, groups = node(id).report()] { node(to).hear(model::NodeId(id), groups); });
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

/// At rest, and where everything should be: nothing on nodes that are drained, if others can take it, and of each group as
/// many servers as it should have.
bool ClusterSim::is_placed() {
  const std::uint64_t directory = who_leads(model::kMetaGroup);
  if (directory == 0 || machines_[directory - 1].placement_rests < kRest) {
    return false;
  }
  std::vector<model::NodeId> staying;
  for (const model::NodeInfo& info : node(directory).nodes()) {
    if (info.state == model::NodeState::up) {
      staying.push_back(info.id);
    }
  }
  for (auto& [group, wanted] : wanted_) {
    const std::uint64_t leader = who_leads(group);
    if (leader == 0 || !node(leader).group(group)->leadership().ready) {
      machines_[directory - 1].placement_rests = 0;  // nobody reported the group
      return false;
    }
    wanted = node(leader).group(group)->servers();
    if (staying.size() < kReplicas) {
      continue;  // nobody could take over what drained nodes hold
    }
    const auto is_staying = [&](const cluster::Voter& server) {
      return std::find(staying.begin(), staying.end(), server.id) != staying.end();
    };
    const std::string name = "group " + std::to_string(group.value);
    require(std::all_of(wanted.begin(), wanted.end(), is_staying),
            "placement rests while " + name + " has a server on a node that is drained:" + standing());
    const std::size_t servers = group == model::kMetaGroup ? staying.size() : kReplicas;
    require(wanted.size() == servers,
            "placement rests while " + name + " has too many servers or too few:" + standing());
  }
  return true;
}

/// With what is drained, and again when all nodes stay: those that held nothing get their part, and follow the directory.
void ClusterSim::come_to_rest() {
  const std::string restless = "placement does not come to rest after everything was healed";
  run_until(&ClusterSim::is_placed, 60'000, restless);
  for (const model::NodeInfo& info : node(who_leads(model::kMetaGroup)).nodes()) {
    if (info.state != model::NodeState::draining) {
      continue;
    }
    operators_[0].tenant = kDirectory;
    operators_[0].operation = model::DrainNode{info.id, true};
    begin_order(0, 50'000);
    run_until(&ClusterSim::is_idle, 60'000, "a node's draining is not taken back");
  }
  for (Machine& machine : machines_) {
    machine.placement_rests = 0;
  }
  run_until(&ClusterSim::is_placed, 60'000, restless + " and no node is drained");
}

}  // namespace coffer::sim

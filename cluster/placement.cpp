// See placement.hpp.

#include "cluster/placement.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace coffer::cluster {

namespace {

using Servers = std::vector<Voter>;

constexpr std::uint64_t kReplicaWeight = 1000;  // half of what an average group weighs; the other half is its load

std::size_t odd_at_most(std::size_t n) { return n == 0 ? 0 : n - (n + 1) % 2; }

class PlacementPlanner {
 public:
  PlacementPlanner(const std::vector<PlacementNode>& nodes, const std::vector<PlacementGroup>& groups,
                   const PlacementOptions& options)
      : groups_(groups), options_(options) {
    for (const PlacementNode& node : nodes) {
      nodes_[node.id] = node;
      staying_ += node.health == NodeHealth::up || node.health == NodeHealth::away ? 1 : 0;
    }
    weigh();
  }

  PlacementPlan plan() {
    for (const PlacementGroup& group : groups_) {
      repair(group);
    }
    for (const PlacementGroup& group : groups_) {
      if (plan_.transfers.size() < options_.max_transfers) relieve(group);
    }
    for (bool moved = plan_.targets.empty(); moved && plan_.targets.size() < options_.max_moves;) {
      moved = balance_replicas();
    }
    for (bool moved = plan_.targets.empty(); moved && plan_.transfers.size() < options_.max_transfers;) {
      moved = balance_leaders();
    }
    return std::move(plan_);
  }

 private:
  NodeHealth health(model::NodeId id) const {
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? NodeHealth::leaving : found->second.health;
  }
  bool stays(model::NodeId id) const { return health(id) == NodeHealth::up || health(id) == NodeHealth::away; }
  bool is_up(model::NodeId id) const { return health(id) == NodeHealth::up; }

  void weigh() {
    std::uint64_t total = 0;
    for (const PlacementGroup& group : groups_) {
      total += group.load;
    }
    for (const PlacementGroup& group : groups_) {
      const std::uint64_t load = total == 0 ? 0 : kReplicaWeight * group.load * groups_.size() / total;
      weight_[group.id] = kReplicaWeight + load;
      for (const Voter& server : group.servers) {
        cost_[server.id] += weight_[group.id];
      }
      leads_[group.leader] += weight_[group.id];
    }
  }

  static bool has(const Servers& servers, model::NodeId id) {
    return std::any_of(servers.begin(), servers.end(), [id](const Voter& v) { return v.id == id; });
  }

  /// The node with the least to do that could take a replica; none: nullopt.
  std::optional<model::NodeId> lightest(const Servers& without) const {
    std::optional<model::NodeId> best;
    for (const auto& [id, node] : nodes_) {
      if (is_up(id) && !has(without, id) && (!best || cost_of(id) < cost_of(*best))) {
        best = id;
      }
    }
    return best;
  }
  std::uint64_t cost_of(model::NodeId id) const {
    const auto found = cost_.find(id);
    return found == cost_.end() ? 0 : found->second;
  }

  void add(Servers& servers, model::NodeId id, model::GroupId group) {
    servers.push_back({id, nodes_.at(id).address, ServerRole::standby});
    cost_[id] += weight_[group];
  }

  /// Takes out the server whose node has most to do.
  Voter drop_heaviest(Servers& servers, const PlacementGroup& group) {
    auto heaviest = servers.end();
    for (auto server = servers.begin(); server != servers.end(); ++server) {
      const bool is_heavier = heaviest == servers.end() || cost_of(server->id) > cost_of(heaviest->id) ||
                              (cost_of(server->id) == cost_of(heaviest->id) && heaviest->id == group.leader);
      heaviest = is_heavier ? server : heaviest;
    }
    cost_[heaviest->id] -= weight_[group.id];
    const Voter dropped = *heaviest;
    servers.erase(heaviest);
    return dropped;
  }

  /// As many vote as the group should have; whoever votes already goes on.
  void name_voters(Servers& servers, std::size_t wanted) const {
    for (std::size_t voters = count_voters(servers); voters < wanted; ++voters) {
      Voter* next = nullptr;
      for (Voter& server : servers) {
        const bool can_vote = server.role != ServerRole::voter && is_up(server.id);
        if (can_vote && (next == nullptr || cost_of(server.id) < cost_of(next->id))) {
          next = &server;
        }
      }
      if (next == nullptr) {
        return;
      }
      next->role = ServerRole::voter;
    }
  }

  // The servers that the group should have, apart from balance.
  void repair(const PlacementGroup& group) {
    const bool is_meta = group.id == model::kMetaGroup;
    const std::size_t wanted = is_meta ? staying_ : std::min(options_.replicas, staying_);
    Servers servers, lost;
    for (const Voter& server : group.servers) {
      if (stays(server.id)) {
        servers.push_back(server);
      } else if (health(server.id) == NodeHealth::lost) {
        lost.push_back(server);
      }
    }
    while (servers.size() < wanted) {
      const auto next = lightest(servers);
      if (!next) {
        break;
      }
      add(servers, *next, group.id);
    }
    Servers dropped;
    while (servers.size() > wanted && !is_meta) {
      dropped.push_back(drop_heaviest(servers, group));
    }
    const std::size_t voters = is_meta ? std::min(odd_at_most(wanted), options_.meta_voters) : odd_at_most(wanted);
    name_voters(servers, voters);
    // Whoever takes a vote over may be away himself: until then nobody's is taken.
    keep_voters(servers, dropped, odd_at_most(count_voters(group.servers)));
    keep_voters(servers, lost, odd_at_most(count_voters(group.servers)));
    if (count_voters(servers) > 0 && differs(group.servers, servers) && plan_.targets.size() < options_.max_moves) {
      plan_.targets.push_back({group.id, std::move(servers)});
    }
  }

  static std::size_t count_voters(const Servers& servers) {
    return static_cast<std::size_t>(
        std::count_if(servers.begin(), servers.end(), [](const Voter& v) { return v.role == ServerRole::voter; }));
  }

  void keep_voters(Servers& servers, const Servers& gone, std::size_t voters) const {
    std::size_t present = count_voters(servers);
    for (const bool living : {true, false}) {
      for (const Voter& server : gone) {
        if (server.role == ServerRole::voter && is_up(server.id) == living && present < voters) {
          servers.push_back(server);
          ++present;
        }
      }
    }
  }

  static bool differs(const Servers& from, const Servers& to) {
    const auto key = [](const Servers& servers) {
      std::set<std::pair<model::NodeId, ServerRole>> out;
      for (const Voter& server : servers) {
        out.emplace(server.id, server.role);
      }
      return out;
    };
    return key(from) != key(to);
  }

  /// One replica from the busiest to the idlest node, when that makes a real difference.
  bool balance_replicas() {
    std::optional<PlacementPlan::Target> best;
    std::uint64_t best_gain = 0;
    model::NodeId best_from, best_to;
    for (const PlacementGroup& group : groups_) {
      if (group.id == model::kMetaGroup || group.leader.value == 0 || is_targeted(group.id)) {
        continue;
      }
      const auto to = lightest(group.servers);
      for (const Voter& server : group.servers) {
        const std::uint64_t weight = weight_[group.id];
        const std::uint64_t after = to ? cost_of(*to) + weight + weight / 2 : 0;
        if (!to || !is_up(server.id) || cost_of(server.id) < after || cost_of(server.id) - after < best_gain) {
          continue;
        }
        best_gain = cost_of(server.id) - after + 1;
        best_from = server.id;
        best_to = *to;
        Servers servers = group.servers;
        const ServerRole role = server.role;
        std::erase_if(servers, [&](const Voter& v) { return v.id == server.id; });
        servers.push_back({*to, nodes_.at(*to).address, role});
        best = PlacementPlan::Target{group.id, std::move(servers)};
      }
    }
    if (!best) {
      return false;
    }
    cost_[best_from] -= weight_[best->group];
    cost_[best_to] += weight_[best->group];
    plan_.targets.push_back(std::move(*best));
    return true;
  }

  bool may_lead(model::NodeId id) const {
    const auto node = nodes_.find(id);
    return node != nodes_.end() && node->second.may_lead;
  }

  /// From a leader that should not be one to the voter that leads least.
  void relieve(const PlacementGroup& group) {
    if (group.leader.value == 0 || is_targeted(group.id) || !stays(group.leader) || may_lead(group.leader)) return;
    const Voter* best = nullptr;
    for (const Voter& server : group.servers) {
      if (server.role != ServerRole::voter || !is_up(server.id) || !may_lead(server.id)) continue;
      if (best == nullptr || leads_[server.id] < leads_[best->id]) best = &server;
    }
    if (best != nullptr) hand_over(group, best->id);
  }

  void hand_over(const PlacementGroup& group, model::NodeId to) {
    leads_[group.leader] -= weight_[group.id];
    leads_[to] += weight_[group.id];
    plan_.transfers.push_back({group.id, to});
  }

  /// One leadership from the node that leads most to one that leads least.
  bool balance_leaders() {
    const PlacementGroup* best = nullptr;
    model::NodeId best_to;
    std::uint64_t best_gain = 0;
    for (const PlacementGroup& group : groups_) {
      const bool is_free = group.leader.value != 0 && !is_targeted(group.id);
      for (const Voter& server : is_free ? group.servers : Servers()) {
        const bool can_lead =
            server.role == ServerRole::voter && server.id != group.leader && is_up(server.id) && may_lead(server.id);
        const std::uint64_t weight = weight_[group.id];
        const std::uint64_t after = leads_[server.id] + weight + weight / 2;
        if (can_lead && leads_[group.leader] >= after && leads_[group.leader] - after >= best_gain) {
          best_gain = leads_[group.leader] - after + 1;
          best = &group;
          best_to = server.id;
        }
      }
    }
    if (best == nullptr) {
      return false;
    }
    hand_over(*best, best_to);
    return true;
  }

  bool is_targeted(model::GroupId id) const {
    return std::any_of(plan_.targets.begin(), plan_.targets.end(), [id](const auto& t) { return t.group == id; }) ||
           std::any_of(plan_.transfers.begin(), plan_.transfers.end(), [id](const auto& t) { return t.group == id; });
  }

  std::map<model::NodeId, PlacementNode> nodes_;
  const std::vector<PlacementGroup>& groups_;
  const PlacementOptions& options_;
  std::size_t staying_ = 0;
  std::map<model::GroupId, std::uint64_t> weight_;
  std::map<model::NodeId, std::uint64_t> cost_, leads_;
  PlacementPlan plan_;
};

}  // namespace

PlacementPlan plan_placement(const std::vector<PlacementNode>& nodes, const std::vector<PlacementGroup>& groups,
                             const PlacementOptions& options) {
  return PlacementPlanner(nodes, groups, options).plan();
}

bool is_empty_of_groups(model::NodeId node, const std::vector<PlacementGroup>& groups) {
  return std::none_of(groups.begin(), groups.end(), [node](const PlacementGroup& group) {
    return std::any_of(group.servers.begin(), group.servers.end(), [node](const Voter& v) { return v.id == node; });
  });
}

}  // namespace coffer::cluster

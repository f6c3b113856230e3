// See placement.hpp.

#include "cluster/placement.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace coffer::cluster {

namespace {

using Servers = std::vector<Voter>;

// In requests per second, of which one core serves some 58,000 (docs/benchmarks.md).
constexpr std::uint64_t kIdleWeight = 500;       // of a group that nobody uses
constexpr std::uint64_t kLeastForLeader = 1000;  // two nodes that differ by less are equally busy
constexpr std::uint64_t kLeastForReplica = 2000;
// Of what a node does on average because of loads: the difference that is worth a hand-over, and a copy; and how much of it
// one copy must take along.
constexpr std::uint64_t kPartForLeader = 4, kPartForReplica = 2, kPartOfReplica = 64;

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
    const bool is_whole = plan_.targets.empty();
    for (bool moved = options_.balance; moved && plan_.transfers.size() < options_.max_transfers;) {
      moved = balance_leaders();
    }
    for (bool moved = options_.balance && is_whole; moved && plan_.targets.size() < options_.max_moves;) {
      moved = balance_replicas();
    }
    return std::move(plan_);
  }

 private:
  NodeHealth health(model::NodeId id) const {
    const auto found = nodes_.find(id);
    return found == nodes_.end() ? NodeHealth::leaving : found->second.health;
  }
  bool stays(model::NodeId id) const { return health(id) != NodeHealth::leaving && health(id) != NodeHealth::lost; }
  bool is_up(model::NodeId id) const { return health(id) == NodeHealth::up; }

  /// What a node has to do of one kind: led groups, or replicas.
  struct Burden {
    std::uint64_t weight = 0;
    std::size_t groups = 0;
    void add(std::uint64_t more) {
      weight += more;
      ++groups;
    }
    void take(std::uint64_t less) {
      weight -= less;
      --groups;
    }
  };
  using Burdens = std::map<model::NodeId, Burden>;

  static std::uint64_t weight_of_leading(const PlacementGroup& group) { return kIdleWeight + group.leading; }
  static std::uint64_t weight_of_replica(const PlacementGroup& group) { return kIdleWeight + group.replica; }

  void weigh() {
    std::uint64_t leading = 0, copying = 0, up = 0;
    for (const PlacementGroup& group : groups_) {
      for (const Voter& server : group.servers) replicas_[server.id].add(weight_of_replica(group));
      leads_[group.leader].add(weight_of_leading(group));
      leading += group.leading;
      copying += group.replica * group.servers.size();
    }
    for (const auto& [id, node] : nodes_) up += is_up(id) ? 1 : 0;
    if (up == 0) return;
    worth_leader_ = std::max(kLeastForLeader, leading / up / kPartForLeader);
    worth_replica_ = std::max(kLeastForReplica, copying / up / kPartForReplica);
    least_replica_ = copying / up / kPartOfReplica;
  }

  static Burden burden(const Burdens& burdens, model::NodeId id) {
    const auto found = burdens.find(id);
    return found == burdens.end() ? Burden() : found->second;
  }

  /// What the move of so much from one node to another gains; 0: it should not be made. `worth`: the difference between
  /// the two that is worth it where it does not make their numbers more even.
  static std::uint64_t gain(const Burden& from, const Burden& to, std::uint64_t weight, std::uint64_t worth) {
    if (from.weight < to.weight + weight + weight / 2) return 0;
    const std::uint64_t difference = from.weight - to.weight;
    if (from.groups < to.groups + 2 && difference < worth) return 0;
    return weight * (difference - weight);
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
  std::uint64_t cost_of(model::NodeId id) const { return burden(replicas_, id).weight; }

  void add(Servers& servers, model::NodeId id, const PlacementGroup& group) {
    servers.push_back({id, nodes_.at(id).address, ServerRole::standby});
    replicas_[id].add(weight_of_replica(group));
  }

  /// Takes out the server whose node has most to do.
  Voter drop_heaviest(Servers& servers, const PlacementGroup& group) {
    auto heaviest = servers.end();
    for (auto server = servers.begin(); server != servers.end(); ++server) {
      const bool is_heavier = heaviest == servers.end() || cost_of(server->id) > cost_of(heaviest->id) ||
                              (cost_of(server->id) == cost_of(heaviest->id) && heaviest->id == group.leader);
      heaviest = is_heavier ? server : heaviest;
    }
    replicas_[heaviest->id].take(weight_of_replica(group));
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
      add(servers, *next, group);
    }
    Servers dropped;
    while (servers.size() > wanted && !is_meta) {
      dropped.push_back(drop_heaviest(servers, group));
    }
    const std::size_t voters = is_meta ? std::min(odd_at_most(wanted), options_.meta_voters) : odd_at_most(wanted);
    name_voters(servers, voters);
    // Whoever takes a vote over may be away himself: until then nobody's is taken, but those that are too many.
    const std::size_t most = odd_at_most(is_meta ? options_.meta_voters : options_.replicas);
    const std::size_t kept = std::min(most, odd_at_most(count_voters(group.servers)));
    keep_voters(servers, dropped, kept);
    keep_voters(servers, lost, kept);
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

  /// The one replica whose move to the idlest node that could have it gains most.
  bool balance_replicas() {
    const PlacementGroup* best = nullptr;
    Voter best_from;
    model::NodeId best_to;
    std::uint64_t best_gain = 0;
    for (const PlacementGroup& group : groups_) {
      if (group.id == model::kMetaGroup || group.leader.value == 0 || is_planned(group.id)) continue;
      const auto to = lightest(group.servers);
      const std::uint64_t weight = weight_of_replica(group);
      for (const Voter& server : to ? group.servers : Servers()) {
        const Burden &from = replicas_[server.id], &there = replicas_[*to];
        if (!is_up(server.id) || (from.groups < there.groups + 2 && weight < least_replica_)) continue;
        const std::uint64_t gained = gain(from, there, weight, worth_replica_);
        if (gained <= best_gain) continue;
        best_gain = gained;
        best = &group;
        best_from = server;
        best_to = *to;
      }
    }
    if (best == nullptr) return false;
    Servers servers = best->servers;
    std::erase_if(servers, [&](const Voter& v) { return v.id == best_from.id; });
    servers.push_back({best_to, nodes_.at(best_to).address, best_from.role});
    replicas_[best_from.id].take(weight_of_replica(*best));
    replicas_[best_to].add(weight_of_replica(*best));
    plan_.targets.push_back({best->id, std::move(servers)});
    return true;
  }

  bool may_lead(model::NodeId id) const {
    const auto node = nodes_.find(id);
    return node != nodes_.end() && node->second.may_lead;
  }

  /// From a leader that should not be one to the voter that leads least.
  void relieve(const PlacementGroup& group) {
    if (group.leader.value == 0 || is_planned(group.id) || !stays(group.leader) || may_lead(group.leader)) return;
    const Voter* best = nullptr;
    for (const Voter& server : group.servers) {
      if (server.role != ServerRole::voter || !is_up(server.id) || !may_lead(server.id)) continue;
      if (best == nullptr || leads_[server.id].weight < leads_[best->id].weight) best = &server;
    }
    if (best != nullptr) hand_over(group, best->id);
  }

  void hand_over(const PlacementGroup& group, model::NodeId to) {
    leads_[group.leader].take(weight_of_leading(group));
    leads_[to].add(weight_of_leading(group));
    plan_.transfers.push_back({group.id, to});
  }

  /// The one leadership whose hand-over gains most.
  bool balance_leaders() {
    const PlacementGroup* best = nullptr;
    model::NodeId best_to;
    std::uint64_t best_gain = 0;
    for (const PlacementGroup& group : groups_) {
      const bool is_free = group.leader.value != 0 && !is_planned(group.id);
      for (const Voter& server : is_free ? group.servers : Servers()) {
        const bool can_lead =
            server.role == ServerRole::voter && server.id != group.leader && is_up(server.id) && may_lead(server.id);
        if (!can_lead) continue;
        const std::uint64_t gained =
            gain(leads_[group.leader], leads_[server.id], weight_of_leading(group), worth_leader_);
        if (gained <= best_gain) continue;
        best_gain = gained;
        best = &group;
        best_to = server.id;
      }
    }
    if (best == nullptr) return false;
    hand_over(*best, best_to);
    return true;
  }

  bool is_planned(model::GroupId id) const {
    return std::any_of(plan_.targets.begin(), plan_.targets.end(), [id](const auto& t) { return t.group == id; }) ||
           std::any_of(plan_.transfers.begin(), plan_.transfers.end(), [id](const auto& t) { return t.group == id; });
  }

  std::map<model::NodeId, PlacementNode> nodes_;
  const std::vector<PlacementGroup>& groups_;
  const PlacementOptions& options_;
  std::size_t staying_ = 0;
  Burdens replicas_, leads_;
  std::uint64_t worth_leader_ = 0, worth_replica_ = 0, least_replica_ = 0;
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

// See placement.hpp.

#include "actors/placement.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace coffer::actors {

namespace {

using Kind = Step::Kind;
using model::NodeId;

constexpr std::uint32_t kMetaVoters = 5;
constexpr std::uint64_t kCaughtUp = 256;  // entries that a standby may lack to become a voter
constexpr std::size_t kMovesAtOnce = 4;   // groups whose members change
constexpr std::size_t kTransfersAtOnce = 2;

struct Load {
  int replicas = 0, leads = 0;
};

class Planner {
 public:
  explicit Planner(const PlacementInput& input) : input_(input) {
    for (const PlacementNode& node : input.nodes) {
      nodes_[node.id] = node;
      if (is_home(node.id)) load_[node.id] = {};
    }
    for (const model::GroupInfo& group : input.groups) {
      for (const model::ReplicaInfo& replica : group.replicas) {
        if (load_.contains(replica.node)) ++load_[replica.node].replicas;
      }
      if (load_.contains(group.leader)) ++load_[group.leader].leads;
    }
  }

  std::vector<Step> run() {
    for (const model::GroupInfo& group : input_.groups) {
      if (auto step = next(group)) add(*step);
    }
    if (moves_ == 0) spread_replicas();
    for (const model::GroupInfo& group : input_.groups) spread_leaders(group);
    std::sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) { return a.group < b.group; });
    return std::move(steps_);
  }

 private:
  /// May keep what it holds. A node that is silent for a moment does.
  bool is_home(NodeId id) const {
    auto found = nodes_.find(id);
    return found != nodes_.end() && found->second.state == model::NodeState::up && !found->second.dead;
  }
  /// The meta group is also on a node that is about to come: from its rows it learns whom to speak to.
  bool is_home(NodeId id, const model::GroupInfo& group) const {
    if (is_home(id)) return true;
    auto found = nodes_.find(id);
    return group.id == model::kMetaGroup && found != nodes_.end() && found->second.state == model::NodeState::joining;
  }
  /// May be given something.
  bool is_open(NodeId id) const { return is_home(id) && nodes_.at(id).alive; }

  std::uint32_t wanted(const model::GroupInfo& group) const {
    const auto homes = static_cast<std::uint32_t>(load_.size());
    return voters_of(homes, group.id == model::kMetaGroup ? kMetaVoters : input_.replicas);
  }

  void add(const Step& step) {
    if (step.kind == Kind::transfer) {
      if (transfers_++ >= kTransfersAtOnce) return;
    } else if (moves_++ >= kMovesAtOnce) {
      return;
    }
    steps_.push_back(step);
  }
  bool has_step(model::GroupId group) const {
    return std::any_of(steps_.begin(), steps_.end(), [&](const Step& step) { return step.group == group; });
  }

  static bool holds(const model::GroupInfo& group, NodeId node) {
    return std::any_of(group.replicas.begin(), group.replicas.end(),
                       [&](const model::ReplicaInfo& replica) { return replica.node == node; });
  }
  static bool caught_up(const model::GroupInfo& group, const model::ReplicaInfo& replica) {
    return replica.match.value != 0 && replica.match.value + kCaughtUp >= group.commit.value;
  }

  std::optional<NodeId> least_loaded(const model::GroupInfo& group) const {
    std::optional<NodeId> best;
    for (const auto& [id, load] : load_) {
      if (!is_open(id) || holds(group, id)) continue;
      if (!best || load.replicas < load_.at(*best).replicas) best = id;
    }
    return best;
  }

  /// The leader gives the leadership to a voter that stays.
  std::optional<Step> hand_over(const model::GroupInfo& group) const {
    std::optional<NodeId> best;
    for (const model::ReplicaInfo& replica : group.replicas) {
      if (replica.role != model::ReplicaRole::voter || replica.node == group.leader || !is_open(replica.node)) continue;
      if (!best || load_.at(replica.node).leads < load_.at(*best).leads) best = replica.node;
    }
    if (!best) return std::nullopt;
    return Step{group.id, Kind::transfer, *best};
  }

  /// The next step of one group towards its members.
  std::optional<Step> next(const model::GroupInfo& group) const {
    const bool meta = group.id == model::kMetaGroup;
    const std::uint32_t want = wanted(group);
    std::uint32_t voters = 0, staying = 0;
    const model::ReplicaInfo* leaving = nullptr;  // a voter
    const model::ReplicaInfo* leaving_standby = nullptr;
    const model::ReplicaInfo* ready = nullptr;  // a standby that could vote
    std::uint32_t standbys = 0;
    for (const model::ReplicaInfo& replica : group.replicas) {
      const bool stays = is_home(replica.node, group);
      if (replica.role == model::ReplicaRole::voter) {
        ++voters;
        if (stays) {
          ++staying;
        } else if (leaving == nullptr || leaving->node == group.leader) {
          leaving = &replica;
        }
      } else if (!stays) {
        leaving_standby = &replica;
      } else {
        ++standbys;
        if (is_open(replica.node) && caught_up(group, replica) &&
            (ready == nullptr || better(replica.node, ready->node)))
          ready = &replica;
      }
    }
    if (leaving_standby != nullptr) return Step{group.id, Kind::remove, leaving_standby->node};
    if (staying < want && ready != nullptr) return Step{group.id, Kind::promote, ready->node};
    if (leaving != nullptr && staying >= want) {
      if (leaving->node == group.leader) return hand_over(group);
      return Step{group.id, Kind::remove, leaving->node};
    }
    if (meta) {
      for (const auto& [id, node] : nodes_) {
        if (!holds(group, id) && (is_open(id) || is_home(id, group))) return Step{group.id, Kind::add_standby, id};
      }
    } else if (staying + standbys < want) {
      if (auto node = least_loaded(group)) return Step{group.id, Kind::add_standby, *node};
    }
    if (staying > want) return shrink(group, meta);
    if (!meta && staying == want && standbys > 0 && leaving == nullptr) return settle(group);
    return std::nullopt;
  }

  bool better(NodeId a, NodeId b) const { return load_.at(a).replicas < load_.at(b).replicas; }

  /// One voter too many: the busiest goes, but never the leader.
  std::optional<Step> shrink(const model::GroupInfo& group, bool meta) const {
    std::optional<NodeId> worst;
    for (const model::ReplicaInfo& replica : group.replicas) {
      if (replica.role != model::ReplicaRole::voter || replica.node == group.leader || !is_home(replica.node)) continue;
      if (!worst || load_.at(replica.node).replicas > load_.at(*worst).replicas) worst = replica.node;
    }
    if (!worst) return std::nullopt;
    return Step{group.id, meta ? Kind::demote : Kind::remove, *worst};
  }

  /// All voters are there and a standby more: it came to take over from a busier one, or is not needed.
  std::optional<Step> settle(const model::GroupInfo& group) const {
    for (const model::ReplicaInfo& replica : group.replicas) {
      if (replica.role == model::ReplicaRole::voter) continue;
      const NodeId busiest = busiest_voter(group);
      const bool worth = load_.at(busiest).replicas > load_.at(replica.node).replicas;
      if (!worth) return Step{group.id, Kind::remove, replica.node};
      if (caught_up(group, replica)) return Step{group.id, Kind::promote, replica.node};
    }
    return std::nullopt;
  }

  NodeId busiest_voter(const model::GroupInfo& group) const {
    NodeId worst = group.replicas.front().node;
    for (const model::ReplicaInfo& replica : group.replicas) {
      if (replica.role != model::ReplicaRole::voter || !load_.contains(replica.node)) continue;
      if (!load_.contains(worst) || load_.at(replica.node).replicas > load_.at(worst).replicas) worst = replica.node;
    }
    return worst;
  }

  /// One data group gets a standby on the emptiest node, when it is emptier than another one by two.
  void spread_replicas() {
    for (const model::GroupInfo& group : input_.groups) {
      if (group.id == model::kMetaGroup || has_step(group.id)) continue;
      const bool at_rest = std::all_of(group.replicas.begin(), group.replicas.end(), [&](const auto& replica) {
        return replica.role == model::ReplicaRole::voter && is_home(replica.node);
      });
      if (!at_rest || group.replicas.size() != wanted(group)) continue;
      const auto to = least_loaded(group);
      if (!to) continue;
      NodeId from = busiest_voter(group);
      if (load_.at(from).replicas < load_.at(*to).replicas + 2) continue;
      return add({group.id, Kind::add_standby, *to});
    }
  }

  void spread_leaders(const model::GroupInfo& group) {
    if (has_step(group.id) || !load_.contains(group.leader)) return;
    for (const model::ReplicaInfo& replica : group.replicas) {
      const NodeId to = replica.node;
      if (replica.role != model::ReplicaRole::voter || to == group.leader || !is_open(to)) continue;
      if (!caught_up(group, replica) || load_[group.leader].leads < load_[to].leads + 2) continue;
      --load_[group.leader].leads;
      ++load_[to].leads;
      return add({group.id, Kind::transfer, to});
    }
  }

  const PlacementInput& input_;
  std::map<NodeId, PlacementNode> nodes_;
  std::map<NodeId, Load> load_;  // of nodes that may keep what they hold
  std::vector<Step> steps_;
  std::size_t moves_ = 0, transfers_ = 0;
};

}  // namespace

std::uint32_t voters_of(std::uint32_t nodes, std::uint32_t most) {
  const std::uint32_t count = std::min(nodes, most);
  return count == 0 ? 1 : count - (count % 2 == 0 ? 1 : 0);
}

std::vector<Step> plan(const PlacementInput& input) { return Planner(input).run(); }

std::string to_string(const Step& step) {
  const char* what = "";
  switch (step.kind) {
    case Kind::add_standby: what = " follows"; break;
    case Kind::promote: what = " votes"; break;
    case Kind::remove: what = " leaves"; break;
    case Kind::transfer: what = " leads"; break;
    case Kind::demote: what = " only follows"; break;
  }
  return "group " + std::to_string(step.group.value) + ": node " + std::to_string(step.node.value) + what;
}

}  // namespace coffer::actors

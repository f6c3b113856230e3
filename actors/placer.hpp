#pragma once
// Where everything should be, as the meta group's leader works it out of what the nodes report (cluster_view.hpp): who
// counts as away or lost, what the groups weigh, and what their leaders are told. The steward asks it again and again, and
// so does the simulated one. A value; time comes from outside.

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "actors/cluster_view.hpp"
#include "cluster/group_load.hpp"
#include "cluster/placement.hpp"

namespace coffer::actors {

/// A server of a group, as Raft's configurations name it.
cluster::Voter server_of(model::NodeId node, cluster::ServerRole role);

class Placer {
 public:
  using Clock = ClusterView::Clock;
  struct Settings {
    std::chrono::milliseconds interval{1000};    // between two reports of a node
    std::chrono::milliseconds replace_after{0};  // a silent node's replicas are made elsewhere; 0: only by an operator
    std::chrono::milliseconds load_window{60'000};  // over which the groups' loads are smoothed
    std::uint32_t replicas = 3;                     // of a data group, as far as there are nodes
  };
  using Word = std::variant<cluster::PlacementPlan::Target, cluster::PlacementPlan::Transfer>;
  struct Plan {
    std::vector<std::pair<model::NodeId, Word>> orders;  // for the leaders of the groups that are not as they should be
    std::vector<std::string> words;                      // the same for operators
  };

  explicit Placer(const Settings& settings) : settings_(settings) {}
  /// What to say now; nothing while a new leader still listens. `view` begins anew with each leadership of the meta group.
  std::optional<Plan> place(const ClusterView& view, const std::vector<model::NodeInfo>& nodes, Clock::time_point now);

 private:
  std::vector<cluster::PlacementNode> health(const ClusterView& view, const std::vector<model::NodeInfo>& nodes,
                                             Clock::time_point now) const;
  std::vector<cluster::PlacementGroup> weigh(const ClusterView& view, Clock::time_point now);

  Settings settings_;
  std::optional<cluster::LoadLevels> levels_;
  Clock::time_point levels_since_;  // the leadership of the meta group that they belong to
};

}  // namespace coffer::actors

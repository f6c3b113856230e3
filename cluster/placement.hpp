#pragma once
// Which node should hold and lead which group: a pure function of what the meta group's leader knows. It is asked again
// and again; each answer names few changes, and following them ends in a plan without any. The groups' leaders carry the
// changes out one server at a time (membership.hpp).
//
// The meta group is on every node; its voters are 1, 3 or 5 of them. A data group has `replicas` servers, or as many as
// there are nodes; of these an odd number vote. A voter is never demoted because nodes became fewer: two voters keep each
// write twice. A lost node stays in its groups until another takes its place, for leaving it out alone gains nothing.

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/types.hpp"

namespace coffer::cluster {

enum class NodeHealth : std::uint8_t {
  up,
  away,     // silent, but perhaps back soon: keeps what it has and gets nothing
  leaving,  // to be drained: hands everything over
  lost,     // silent for longer than the operator wants to wait: is replaced
};

struct PlacementNode {
  model::NodeId id;
  std::string address;
  NodeHealth health = NodeHealth::up;
  bool may_lead = true;  // false while it is sealed, or its disk has no room for changes
};

struct PlacementGroup {
  model::GroupId id;
  std::vector<Voter> servers;  // of the newest configuration
  model::NodeId leader;        // 0: unknown
  std::uint64_t load = 0;      // in any unit that is the same for all, as writes per second
};

struct PlacementOptions {
  std::size_t replicas = 3;  // of a data group; odd
  std::size_t meta_voters = 5;
  std::size_t max_moves = 8;  // groups that change their servers at a time, for balance or for repair
  std::size_t max_transfers = 2;
};

struct PlacementPlan {
  struct Target {
    model::GroupId group;
    std::vector<Voter> servers;  // that it should have
  };
  struct Transfer {
    model::GroupId group;
    model::NodeId to;
  };
  std::vector<Target> targets;
  std::vector<Transfer> transfers;
  bool is_settled() const { return targets.empty() && transfers.empty(); }
};

/// Groups whose servers are right are not named. Repairs and leaders that should not lead go before balance, balance of
/// replicas before that of leaders. A group none of whose voters may lead keeps its leader: it serves reads.
PlacementPlan plan_placement(const std::vector<PlacementNode>& nodes, const std::vector<PlacementGroup>& groups,
                             const PlacementOptions& options = {});

/// Does a node still serve any group? When not, a leaving one may be removed.
bool is_empty_of_groups(model::NodeId node, const std::vector<PlacementGroup>& groups);

}  // namespace coffer::cluster

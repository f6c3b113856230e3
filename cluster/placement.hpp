#pragma once
// Which node should hold and lead which group: a pure function of what the meta group's leader knows. It is asked again
// and again; each answer names few changes, and following them ends in a plan without any. The groups' leaders carry the
// changes out one server at a time (membership.hpp).
//
// The meta group is on every node; its voters are 1, 3 or 5 of them. A data group has `replicas` servers, or as many as
// there are nodes; of these an odd number vote. A voter is never demoted because nodes became fewer: two voters keep each
// write twice. A lost node stays in its groups until another takes its place, for leaving it out alone gains nothing.
//
// Balance is by load (group_load.hpp says in which unit). Who leads a group does most of the work for it, so leaders and
// replicas are weighed apart: a leader by what only it does, a replica by what it writes and by its part of the leading,
// which may come to it. To both is added what a group costs that nobody uses, so that idle groups are spread by number.
// A step is taken only when it brings two nodes nearer to each other by a good part of what is moved, so the squares of
// what the nodes do shrink with every step and the steps end, whatever the loads are. What is not a matter of numbers must
// be worth it besides: a hand-over costs the group's tenants some milliseconds and their caches, a replica is copied, so
// the latter needs twice the difference, and much of it must go at once. REQUIRES: loads that noise does not move (LoadLevels).

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
  joining,  // has a name and was never there, and perhaps never will be: keeps what it has, and nobody counts on it
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
  std::uint64_t leading = 0;   // what leading it costs, in requests per second
  std::uint64_t replica = 0;   // what each replica costs
};

struct PlacementOptions {
  std::size_t replicas = 3;  // of a data group; odd
  std::size_t meta_voters = 5;
  std::size_t max_moves = 8;  // groups that change their servers at a time, for balance or for repair
  std::size_t max_transfers = 2;
  bool balance = true;  // false: only what has to be done
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
/// leaders before that of replicas, which takes long. A group none of whose voters may lead keeps its leader: it serves
/// reads.
PlacementPlan plan_placement(const std::vector<PlacementNode>& nodes, const std::vector<PlacementGroup>& groups,
                             const PlacementOptions& options = {});

/// Does a node still serve any group? When not, a leaving one may be removed.
bool is_empty_of_groups(model::NodeId node, const std::vector<PlacementGroup>& groups);

}  // namespace coffer::cluster

#pragma once
// Which node holds what, as a pure function: from what nodes and groups report to the next steps. It is asked again and
// again; each answer is a step towards the goal from wherever the cluster is, so a step that got lost is found again,
// and nobody keeps a plan. The steward's beside the meta group's leader; any thread.
//
// The goal: every data group has as many voters as are wanted, an odd number, as far as there are nodes for it; the meta
// group is on every node, on up to five as voter; a node that drains, was removed, or is silent for too long holds
// nothing; replicas and leaderships are spread evenly. A group never has a voter less than it needs while another
// node could take its place: a newcomer first follows as standby, then votes, then the other one leaves.

#include <cstdint>
#include <string>
#include <vector>

#include "actors/actors.hpp"
#include "model/cluster_requests.hpp"

namespace coffer::actors {

struct PlacementNode {
  model::NodeId id;
  model::NodeState state = model::NodeState::up;
  bool alive = true;  // reported lately: may be given something
  bool dead = false;  // silent for so long that its replicas are made elsewhere
};

struct PlacementInput {
  std::vector<PlacementNode> nodes;
  std::vector<model::GroupInfo> groups;  // those whose leader reported
  std::uint32_t replicas = 3;            // wanted, of a data group
};

/// At most one step a group; few that move data at once. Ordered by group.
std::vector<Step> plan(const PlacementInput& input);

/// "group 3: node 4 follows"
std::string to_string(const Step& step);

/// How many of `nodes` shall vote, when `most` are wanted: odd, so that each of them counts.
std::uint32_t voters_of(std::uint32_t nodes, std::uint32_t most);

}  // namespace coffer::actors

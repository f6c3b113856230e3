#pragma once
// A group that has lost its majority for good, brought back by an operator's decision: the log of one surviving node gets
// an entry that makes this node its only voter. Pure; `coffer admin cluster recover` calls it on a stopped node.
//
// What it costs: writes that the lost majority had acknowledged and that this node does not hold are gone, and what this
// node holds of unacknowledged ones counts as committed. A lost node that comes back with its old disk must not join
// again under its old id: its log may contradict this one.

#include "cluster/group_core.hpp"

namespace coffer::cluster {

/// What the node writes, synced, before its next start: a higher term and, behind its log, the configuration with this
/// node alone. Errors: invalid_argument (the node holds nothing of the group, or is the sole voter already).
model::Result<DurableWrite> make_sole_voter(model::GroupId group, const storage::Recovered& state, model::NodeId self);

}  // namespace coffer::cluster

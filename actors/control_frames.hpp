#pragma once
// What the peer channel `control` carries: reports of the groups that a node leads, to the leader of the meta group, and
// placement's words to the leaders of groups. Used by the steward; pure, any thread. A golden file fixes the bytes.
//
//   body     = format:1 (=1) kind:1 fields      numbers are varints
//   report   = n group*n [low [m load*m]]       kind 1     group   = id term commit m replica*m
//   target   = group m server*m                 kind 2     replica = node role match
//   transfer = group node                       kind 3     server  = node role
//                                                          load    = id requests writes
//
// `low` is 1 when the sender's disk has no room for changes (only since cluster::kRoomFormat), 0 only when loads follow.
// The loads, per second, are of those of the report's groups that have one, in their order; only since
// cluster::kLoadFormat. A report ends where nothing more is to be said.

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include "actors/actors.hpp"
#include "model/cluster_requests.hpp"

namespace coffer::actors {

inline constexpr std::uint32_t kControlFormat = 1;

struct GroupsReport {
  std::vector<model::GroupInfo> groups;  // their leader is the sender
  bool low_on_disk = false;              // it takes no changes: others should lead
};
using ControlMessage = std::variant<GroupsReport, Target, Transfer>;

model::Secret encode_control(const ControlMessage& message);
/// Errors: unimplemented (a form of a newer program), invalid_argument.
model::Result<ControlMessage> decode_control(model::NodeId from, std::string_view bytes);

}  // namespace coffer::actors

#pragma once
// A group's configuration as bytes: libraft's encoding, which is what configuration entries and snapshots store and
// what every replica compares byte by byte. Pure functions, any thread.

#include <string>
#include <string_view>
#include <vector>

#include "cluster/types.hpp"
#include "model/result.hpp"

namespace coffer::cluster {

/// Errors: invalid_argument (an id or address twice, an id of zero).
model::Result<std::string> encode_configuration(const std::vector<Voter>& servers);
/// Errors: data_loss.
model::Result<std::vector<Voter>> decode_configuration(std::string_view bytes);

bool is_voter(const std::vector<Voter>& servers, model::NodeId id);
/// True when `self` is the only voter: it elects itself without asking anybody.
bool is_sole_voter(const std::vector<Voter>& servers, model::NodeId self);

/// Raft changes one server at a time (its dissertation, section 4.1), and libraft keeps its progress by position: one
/// server added, removed or changed, the others in their old order. Errors: invalid_argument.
model::Status check_single_change(const std::vector<Voter>& from, const std::vector<Voter>& to);

}  // namespace coffer::cluster

#pragma once
// Small values that the cluster room's headers share. Any thread.

#include <cstdint>
#include <string>

#include "model/ids.hpp"

namespace coffer::cluster {

/// Milliseconds of a monotonic clock of the host.
using MonotonicMs = std::uint64_t;

/// Whom a server takes itself for.
enum class ServerState : std::uint8_t { follower, candidate, leader };

/// What a server of a group does: voters decide, standbys only replicate, spares do neither. libraft's numbers.
enum class ServerRole : std::uint8_t { standby = 0, voter = 1, spare = 2 };

/// A server of a group's configuration. Address and id are unique in it.
struct Voter {
  model::NodeId id;
  std::string address;
  ServerRole role = ServerRole::voter;
  friend bool operator==(const Voter&, const Voter&) = default;
};

}  // namespace coffer::cluster

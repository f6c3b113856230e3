#pragma once
// What /metrics shows of the link. Pure; called by the link's samples(), any thread.

#include <array>
#include <vector>

#include "actors/gateway.hpp"
#include "net/peer/connection.hpp"

namespace coffer::net::peer {

struct PeerSample {
  model::NodeId id;
  bool connected = false;
  std::size_t waiting_bytes = 0;
  std::array<std::uint64_t, kChannels> frames{};  // sent
};

std::vector<actors::Sample> make_samples(const Counters& counters, const std::vector<PeerSample>& peers);

}  // namespace coffer::net::peer

// See samples.hpp.

#include "net/peer/samples.hpp"

namespace coffer::net::peer {

std::vector<actors::Sample> make_samples(const Counters& counters, const std::vector<PeerSample>& peers) {
  using Labels = std::vector<std::pair<std::string, std::string>>;
  std::vector<actors::Sample> samples;
  const auto add = [&](const char* name, const char* help, bool counter, Labels labels, std::uint64_t value) {
    samples.push_back({name, help, counter, std::move(labels), static_cast<double>(value)});
  };
  std::array<std::uint64_t, kChannels> sent{};
  for (const PeerSample& peer : peers) {
    const Labels labels{{"node", std::to_string(peer.id.value)}};
    add("coffer_peer_connected", "1 while there is a connection with that node.", false, labels, peer.connected);
    add("coffer_peer_waiting_bytes", "Bytes that wait to be sent to that node.", false, labels, peer.waiting_bytes);
    for (std::size_t i = 0; i < kChannels; ++i) sent[i] += peer.frames[i];
  }
  for (std::size_t i = 0; i < kChannels; ++i) {
    const std::string channel = channel_name(i);
    const char* const frames = "Frames between nodes, by direction and channel.";
    add("coffer_peer_frames_total", frames, true, {{"direction", "sent"}, {"channel", channel}}, sent[i]);
    add("coffer_peer_frames_total", frames, true, {{"direction", "received"}, {"channel", channel}},
        counters.frames_received[i]);
    const char* const refused = "Frames that were not taken for sending: the queue was full, or nobody connected.";
    add("coffer_peer_unsent_total", refused, true, {{"reason", "full"}, {"channel", channel}},
        counters.refused_full[i]);
    add("coffer_peer_unsent_total", refused, true, {{"reason", "disconnected"}, {"channel", channel}},
        counters.refused_closed[i]);
  }
  const char* const bytes = "Bytes between nodes, by direction, before TLS.";
  add("coffer_peer_bytes_total", bytes, true, {{"direction", "sent"}}, counters.bytes_sent);
  add("coffer_peer_bytes_total", bytes, true, {{"direction", "received"}}, counters.bytes_received);
  add("coffer_peer_writes_total", "Writes to nodes; each carries what was due together.", true, {}, counters.writes);
  add("coffer_peer_connects_total", "Connections with nodes that were made.", true, {}, counters.connects);
  add("coffer_peer_disconnects_total", "Connections with nodes that ended.", true, {}, counters.disconnects);
  add("coffer_peer_dropped_total", "Frames that waited when their connection ended.", true, {}, counters.dropped);
  const std::pair<const char*, std::uint64_t> refusals[] = {
      {"handshake", counters.bad_handshake}, {"certificate", counters.bad_certificate},
      {"hello", counters.bad_hello},         {"not_a_member", counters.not_a_member},
      {"message", counters.bad_message},     {"timeout", counters.timed_out},
      {"too_many", counters.too_many},       {"join", counters.joins_refused}};
  for (const auto& [reason, count] : refusals) {
    add("coffer_peer_refused_total", "Connections of the peers' port that were refused or cut, by reason.", true,
        {{"reason", reason}}, count);
  }
  add("coffer_peer_joins_total", "Nodes that were let in through this node.", true, {}, counters.joins);
  return samples;
}

}  // namespace coffer::net::peer

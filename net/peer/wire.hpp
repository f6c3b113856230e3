#pragma once
// What two nodes say to each other on their connection, as bytes and values. Pure; used by the connection, by the join
// of a new node and by tests, on any thread. Integers are big-endian.
//
//   message  =  length:4 (of what follows)  kind:1  ...
//   hello    =  kind 1  "CFPL"  newest:2 oldest:2 (formats of this stream)  cluster:16  node:8  newest content format:4
//   frame    =  kind 2  channel:1  group:8  body
//   credit   =  kind 3  channel:1  total:8 (bytes of bodies taken since the connection began)
//   ping     =  kind 4  number:8          pong  =  kind 5  number:8
//   join     =  kind 6  format:1 (=1)  token id:8  secret:32  content format:4  size:4 request  size:4 address
//   joined   =  kind 7  format:1 (=1)  node:8  cluster:16  data groups:4  size:4 certificate  size:4 ca  count:4 { node:8 size:4 address }
//   goodbye  =  kind 8  code:2  reason (UTF-8)
//
// A hello is the first message of both sides; the one that accepted says its own when it has let the other in. Bytes behind the known fields of a hello are left for later formats.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cluster/peer_link.hpp"
#include "model/errors.hpp"
#include "model/secret.hpp"

namespace coffer::net::peer {

/// Formats of the stream that this program speaks. A connection uses the newest that both do.
inline constexpr std::uint16_t kNewestStream = 1, kOldestStream = 1;
inline constexpr std::size_t kLengthSize = 4;
inline constexpr std::size_t kFrameHead = 10;  // kind, channel, group
inline constexpr std::size_t kMostMessage = cluster::kMaxPeerBody + kFrameHead;
/// Before the other side has proved who it is.
inline constexpr std::size_t kMostGreeting = 16 << 10;
inline constexpr std::size_t kClusterIdSize = 16;

struct Hello {
  std::uint16_t newest = kNewestStream, oldest = kOldestStream;
  std::string cluster_id;  // 16 bytes
  model::NodeId node;
  std::uint32_t content_format = 0;
  friend bool operator==(const Hello&, const Hello&) = default;
};
struct Credit {
  cluster::PeerChannel channel = cluster::PeerChannel::raft;
  std::uint64_t total = 0;
};
struct Ping {
  std::uint64_t number = 0;
};
struct Pong {
  std::uint64_t number = 0;
};
/// A new node shows its token and asks for a certificate.
struct Join {
  std::string token_id;  // 8 bytes
  model::Secret secret;  // 32 bytes
  std::uint32_t content_format = 0;
  std::string certificate_request;  // DER
  std::string address;              // where the others find it
  std::string from = {};            // that it was asked from: not sent, the link knows
};
/// What it starts with.
struct Joined {
  model::NodeId node;
  std::string cluster_id;  // 16 bytes
  std::uint32_t data_groups = 0;
  std::string certificate, ca;  // PEM
  std::vector<cluster::Peer> peers;
};
struct Goodbye {
  model::Error error;
};
using Message = std::variant<Hello, cluster::PeerFrame, Credit, Ping, Pong, Join, Joined, Goodbye>;

/// Appends the message with its length. REQUIRES: a frame's body is no longer than kMaxPeerBody.
void append(const Message& message, model::Secret& out);
void append_frame(const cluster::PeerFrame& frame, model::Secret& out);

/// Reads one message without its length. None: no message of this format (a kind, channel or size that there is not).
std::optional<Message> decode(std::string_view bytes);

/// Cuts a stream of bytes into messages. One per connection; not thread-safe. What it holds is wiped when released.
class Decoder {
 public:
  enum class State { message, more, broken };
  /// Longer messages are refused.
  void set_most(std::size_t most) { most_ = most; }
  /// Room for `size` bytes that were read, then how many there are.
  char* prepare(std::size_t size);
  void commit(std::size_t size);
  /// The next whole message, if there is one. After `broken` nothing can be read any more.
  State next(Message& message);
  std::size_t held() const { return filled_ - taken_; }

 private:
  model::Secret buffer_;
  std::size_t filled_ = 0, taken_ = 0;
  std::size_t most_ = kMostGreeting;
};

}  // namespace coffer::net::peer

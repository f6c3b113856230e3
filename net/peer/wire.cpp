// See wire.hpp, whose grammar this is.

#include "net/peer/wire.hpp"

#include <algorithm>
#include <cstring>

namespace coffer::net::peer {
namespace {

using cluster::PeerChannel;
using cluster::PeerFrame;
using model::Secret;

constexpr std::string_view kMagic = "CFPL";
constexpr std::uint8_t kJoinFormat = 1;
constexpr std::size_t kTokenIdSize = 8, kJoinSecretSize = 32;
constexpr std::size_t kMostPeers = 10'000;

enum class Kind : std::uint8_t { hello = 1, frame, credit, ping, pong, join, joined, goodbye };

template <class Int>
void put(Secret& out, Int value) {
  char bytes[sizeof(Int)];
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    bytes[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> 8 * (sizeof(Int) - 1 - i));
  }
  out.append({bytes, sizeof bytes});
}
void put_kind(Secret& out, Kind kind) { put(out, static_cast<std::uint8_t>(kind)); }
void put_sized(Secret& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}

void write(const Hello& hello, Secret& out) {
  put_kind(out, Kind::hello);
  out.append(kMagic);
  put(out, hello.newest);
  put(out, hello.oldest);
  out.append(hello.cluster_id);
  put(out, hello.node.value);
  put(out, hello.content_format);
}
void write(const PeerFrame& frame, Secret& out) {
  put_kind(out, Kind::frame);
  put(out, static_cast<std::uint8_t>(frame.channel));
  put(out, frame.group.value);
  out.append(frame.body.expose());
}
void write(const Credit& credit, Secret& out) {
  put_kind(out, Kind::credit);
  put(out, static_cast<std::uint8_t>(credit.channel));
  put(out, credit.total);
}
void write(const Ping& ping, Secret& out) {
  put_kind(out, Kind::ping);
  put(out, ping.number);
}
void write(const Pong& pong, Secret& out) {
  put_kind(out, Kind::pong);
  put(out, pong.number);
}
void write(const Join& join, Secret& out) {
  put_kind(out, Kind::join);
  put(out, kJoinFormat);
  out.append(join.token_id);
  out.append(join.secret.expose());
  put(out, join.content_format);
  put_sized(out, join.certificate_request);
  put_sized(out, join.address);
}
void write(const Joined& joined, Secret& out) {
  put_kind(out, Kind::joined);
  put(out, kJoinFormat);
  put(out, joined.node.value);
  out.append(joined.cluster_id);
  put(out, joined.data_groups);
  put_sized(out, joined.certificate);
  put_sized(out, joined.ca);
  put(out, static_cast<std::uint32_t>(joined.peers.size()));
  for (const cluster::Peer& peer : joined.peers) {
    put(out, peer.id.value);
    put_sized(out, peer.address);
  }
}
void write(const Goodbye& goodbye, Secret& out) {
  put_kind(out, Kind::goodbye);
  put(out, static_cast<std::uint16_t>(goodbye.error.code));
  out.append(goodbye.error.message());
}

/// Takes fields off the front; once something is missing every further field is empty and ok() is false.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  template <class Int>
  Int number() {
    const std::string_view bytes = take(sizeof(Int));
    std::uint64_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return static_cast<Int>(value);
  }
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return out;
  }
  std::string sized() { return std::string(take(number<std::uint32_t>())); }
  std::string_view rest() { return std::exchange(rest_, {}); }
  bool ok() const { return ok_; }
  bool done() const { return ok_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

bool read_channel(Reader& in, PeerChannel& out) {
  const auto number = in.number<std::uint8_t>();
  out = static_cast<PeerChannel>(number);
  return in.ok() && number >= static_cast<std::uint8_t>(PeerChannel::raft) &&
         number <= static_cast<std::uint8_t>(PeerChannel::control);
}

std::optional<Message> read_hello(Reader& in) {
  if (in.take(kMagic.size()) != kMagic) return std::nullopt;
  Hello hello;
  hello.newest = in.number<std::uint16_t>();
  hello.oldest = in.number<std::uint16_t>();
  hello.cluster_id = std::string(in.take(kClusterIdSize));
  hello.node.value = in.number<std::uint64_t>();
  hello.content_format = in.number<std::uint32_t>();
  return in.ok() ? std::optional<Message>(std::move(hello)) : std::nullopt;
}

std::optional<Message> read_frame(Reader& in) {
  PeerFrame frame;
  if (!read_channel(in, frame.channel)) return std::nullopt;
  frame.group.value = in.number<std::uint64_t>();
  if (!in.ok()) return std::nullopt;
  frame.body = Secret(in.rest());
  return frame;
}

std::optional<Message> read_join(Reader& in) {
  if (in.number<std::uint8_t>() != kJoinFormat) return std::nullopt;
  Join join;
  join.token_id = std::string(in.take(kTokenIdSize));
  join.secret = Secret(in.take(kJoinSecretSize));
  join.content_format = in.number<std::uint32_t>();
  join.certificate_request = in.sized();
  join.address = in.sized();
  return in.done() ? std::optional<Message>(std::move(join)) : std::nullopt;
}

std::optional<Message> read_joined(Reader& in) {
  if (in.number<std::uint8_t>() != kJoinFormat) return std::nullopt;
  Joined joined;
  joined.node.value = in.number<std::uint64_t>();
  joined.cluster_id = std::string(in.take(kClusterIdSize));
  joined.data_groups = in.number<std::uint32_t>();
  joined.certificate = in.sized();
  joined.ca = in.sized();
  const auto count = in.number<std::uint32_t>();
  if (!in.ok() || count > kMostPeers) return std::nullopt;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const model::NodeId id{in.number<std::uint64_t>()};
    joined.peers.push_back({id, in.sized()});
  }
  return in.done() ? std::optional<Message>(std::move(joined)) : std::nullopt;
}

std::optional<Message> read_goodbye(Reader& in) {
  const auto code = in.number<std::uint16_t>();
  if (!in.ok()) return std::nullopt;
  // An unknown code, of a newer node, is `internal` in the catalogue.
  return Goodbye{model::Error(model::info(static_cast<model::Code>(code)).code, std::string(in.rest()))};
}

template <class T>
std::optional<Message> read_number(Reader& in) {
  T message;
  message.number = in.number<std::uint64_t>();
  return in.done() ? std::optional<Message>(message) : std::nullopt;
}

}  // namespace

void append(const Message& message, Secret& out) {
  const std::size_t at = out.size();
  put(out, std::uint32_t{0});
  std::visit([&](const auto& m) { write(m, out); }, message);
  const std::size_t size = out.size() - at - kLengthSize;
  for (std::size_t i = 0; i < kLengthSize; ++i) {
    out.expose_mutable()[at + i] = static_cast<char>(size >> 8 * (kLengthSize - 1 - i));
  }
}

void append_frame(const PeerFrame& frame, Secret& out) {
  put(out, static_cast<std::uint32_t>(kFrameHead + frame.body.size()));
  write(frame, out);
}

std::optional<Message> decode(std::string_view bytes) {
  Reader in(bytes);
  switch (static_cast<Kind>(in.number<std::uint8_t>())) {
    case Kind::hello: return read_hello(in);
    case Kind::frame: return read_frame(in);
    case Kind::credit: {
      Credit credit;
      if (!read_channel(in, credit.channel)) return std::nullopt;
      credit.total = in.number<std::uint64_t>();
      return in.done() ? std::optional<Message>(credit) : std::nullopt;
    }
    case Kind::ping: return read_number<Ping>(in);
    case Kind::pong: return read_number<Pong>(in);
    case Kind::join: return read_join(in);
    case Kind::joined: return read_joined(in);
    case Kind::goodbye: return read_goodbye(in);
  }
  return std::nullopt;
}

char* Decoder::prepare(std::size_t size) {
  if (taken_ > 0 && (taken_ == filled_ || buffer_.size() - filled_ < size)) {
    // What was taken is wiped when it is overwritten or cut off here; moving is cheap, for little is left over.
    std::memmove(buffer_.expose_mutable(), buffer_.expose_mutable() + taken_, filled_ - taken_);
    model::wipe(buffer_.expose_mutable() + (filled_ - taken_), taken_);
    filled_ -= taken_;
    taken_ = 0;
  }
  if (buffer_.size() - filled_ < size) {
    buffer_.reserve(std::max(filled_ + size, std::min(2 * buffer_.size(), kMostMessage)));
    buffer_.resize(filled_ + size);
  }
  return buffer_.expose_mutable() + filled_;
}

void Decoder::commit(std::size_t size) { filled_ += size; }

Decoder::State Decoder::next(Message& message) {
  const std::string_view bytes = buffer_.expose().substr(taken_, filled_ - taken_);
  if (bytes.size() < kLengthSize) return State::more;
  std::size_t size = 0;
  for (std::size_t i = 0; i < kLengthSize; ++i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  if (size == 0 || size > most_) return State::broken;
  if (bytes.size() - kLengthSize < size) return State::more;
  auto decoded = decode(bytes.substr(kLengthSize, size));
  if (!decoded) return State::broken;
  message = *std::move(decoded);
  taken_ += kLengthSize + size;
  return State::message;
}

}  // namespace coffer::net::peer

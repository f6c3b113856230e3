// What nodes say to each other, and what lets a node in: the stream between two nodes, the bodies of all four channels,
// requests and replies that are forwarded, join tokens. Whatever arrives, nothing but what was written is taken, and what
// is taken is the same when it is written again.

#include "actors/control_frames.hpp"
#include "actors/forward_frames.hpp"
#include "actors/trust_lookup.hpp"
#include "cluster/group_view.hpp"
#include "cluster/snapshot_transfer.hpp"
#include "cluster/wire.hpp"
#include "crypto/join_token.hpp"
#include "model/codec.hpp"
#include "model/forward_codec.hpp"
#include "model/rules.hpp"
#include "net/peer/wire.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace coffer::fuzz {
namespace {

/// What is written of what was read can be read, and is written the same.
template <class Read, class Write>
void stable(std::string_view bytes, const Read& read, const Write& write) {
  const auto value = read(bytes);
  if (!value) return;
  const model::Secret first = write(*value);
  const auto again = read(first.expose());
  require(bool(again), "what is written can be read");
  require(write(*again) == first, "and is the same");
}

model::Secret written(const net::peer::Message& message) {
  model::Secret out;
  net::peer::append(message, out);
  return out;
}

struct Stream {
  model::Secret messages;  // written again
  bool broken = false;
};
/// As a socket brings it: so many bytes at a time.
Stream read_stream(std::string_view bytes, std::size_t step) {
  Stream stream;
  net::peer::Decoder decoder;
  while (!bytes.empty()) {
    const std::size_t size = std::min(step, bytes.size());
    bytes.copy(decoder.prepare(size), size);
    decoder.commit(size);
    bytes.remove_prefix(size);
    for (;;) {
      net::peer::Message message;
      const auto state = decoder.next(message);
      if (state == net::peer::Decoder::State::more) break;
      if (state == net::peer::Decoder::State::broken) {
        stream.broken = true;
        return stream;
      }
      net::peer::append(message, stream.messages);
    }
    require(decoder.held() <= net::peer::kMostGreeting + net::peer::kLengthSize + step, "what is kept is bounded");
  }
  return stream;
}

}  // namespace

COFFER_FUZZ(peer_message) {
  stable(
      input,
      [](std::string_view bytes) {
        // What is written has its length in front.
        return net::peer::decode(bytes);
      },
      [](const net::peer::Message& message) {
        return model::Secret(written(message).expose().substr(net::peer::kLengthSize));
      });
}

COFFER_FUZZ(peer_stream) {
  const Stream whole = read_stream(input, input.size() + 1), slow = read_stream(input, 1), some = read_stream(input, 7);
  for (const Stream* other : {&slow, &some}) {
    require(whole.broken == other->broken && whole.messages == other->messages, "how it arrives does not matter");
  }
}

COFFER_FUZZ(raft_message) {
  stable(
      input,
      [](std::string_view bytes) {
        return cluster::decode(model::GroupId{1}, model::NodeId{2}, model::NodeId{3}, bytes);
      },
      [](const cluster::Message& message) { return cluster::encode(message); });
}

COFFER_FUZZ(snapshot_message) {
  stable(input, cluster::decode_snapshot, [](const cluster::SnapshotMessage& message) { return encode(message); });
}

COFFER_FUZZ(view_message) {
  stable(input, cluster::decode_view, [](const cluster::ViewMessage& message) { return encode(message); });
}

// A source and a sink of ten rows, and a network that loses, repeats, delays and alters what they say: the sink writes
// each row once and in order, or not at all.
COFFER_FUZZ(snapshot_transfer) {
  using namespace cluster;
  constexpr int kRows = 10;
  Input in(input);
  MonotonicMs now = 1000;
  const auto key_of = [](int row) { return std::string(1, static_cast<char>('a' + row)); };
  SnapshotSink sink({model::Index{5}, model::Term{2}, {}}, {model::NodeId{2}, model::NodeId{3}}, 7, now, {});
  std::optional<SnapshotSource> source;
  std::vector<SnapshotChunk> wire;
  std::vector<std::uint64_t> unwritten;
  int next_row = 0;
  for (int step = 0; step < 400 && !in.empty() && !sink.finished(); ++step) {
    for (auto& out : sink.take_messages()) {
      if (const auto* request = std::get_if<SnapshotRequest>(&out.message)) source.emplace(*request);
      const auto* credit = std::get_if<SnapshotCredit>(&out.message);
      if (credit != nullptr && source && source->transfer() == credit->transfer) source->credit(*credit);
    }
    while (source) {
      const auto order = source->next();
      if (!order) break;
      int row = 0;
      while (row < kRows && !order->after.empty() && key_of(row) <= order->after) ++row;
      const bool last = row + 1 >= kRows;
      wire.push_back(source->chunk(row < kRows ? key_of(row) : "", row < kRows ? key_of(row) : order->after, last));
    }
    const std::size_t at = wire.empty() ? 0 : in.below(wire.size());
    const auto take = [&](SnapshotChunk chunk) {
      const auto rows = sink.chunk(model::NodeId{2}, std::move(chunk), now);
      if (!rows) return;
      if (!rows->rows.empty()) require(rows->rows == key_of(next_row++), "rows come in order, each once");
      unwritten.push_back(rows->number);
    };
    switch (in.below(8)) {
      case 0:
      case 1:
        if (!wire.empty()) take(wire.front()), wire.erase(wire.begin());
        break;
      case 2:
        if (!wire.empty()) take(wire[at]);
        break;
      case 3:
        if (!wire.empty()) wire.erase(wire.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 4: {
        if (wire.empty()) break;
        SnapshotChunk chunk = wire[at];
        (in.below(2) == 0 ? chunk.rows : chunk.last_key) += 'x';
        take(std::move(chunk));
        break;
      }
      case 5: sink.refused(model::NodeId{2}, {in.chance(50) && source ? source->transfer() : in.byte()}, now); break;
      case 6:
        now = std::max(now, sink.wake_at());
        sink.tick(now);
        break;
      default:
        if (unwritten.empty()) break;
        sink.written(unwritten.front());
        unwritten.erase(unwritten.begin());
    }
  }
  if (sink.finished()) require(next_row == kRows, "what is finished has every row");
}

COFFER_FUZZ(control_message) {
  stable(
      input, [](std::string_view bytes) { return actors::decode_control(model::NodeId{2}, bytes); },
      [](const actors::ControlMessage& message) { return actors::encode_control(message); });
}

// Frames behind their lengths (one byte each).
COFFER_FUZZ(call_frames) {
  Input in(input);
  actors::Assembly calls(1024, actors::Assembly::Ids::rising), replies(1024);
  while (!in.empty()) {
    const std::size_t size = in.byte();
    const std::string_view bytes = in.rest().substr(0, size);
    for (std::size_t i = 0; i < bytes.size(); ++i) in.byte();
    const auto frame = actors::decode_call_frame(bytes);
    if (!frame) continue;
    if (const auto* question = std::get_if<actors::BarrierQuestion>(&frame->body)) {
      require(actors::encode_barrier(frame->id, question->group).expose() == bytes, "there is one encoding");
    } else if (const auto* answer = std::get_if<actors::BarrierAnswer>(&frame->body)) {
      require(actors::encode_answer(frame->id, *answer).expose() == bytes, "there is one encoding");
    } else if (const auto* asked = std::get_if<actors::TrustAsked>(&frame->body)) {
      const bool cut = asked->remaining_ms == 60'000;  // nobody waits longer
      require(cut || actors::encode_trust_question(frame->id, *asked).expose() == bytes, "there is one encoding");
    } else if (const auto* trust = std::get_if<actors::TrustAnswered>(&frame->body)) {
      require(actors::encode_trust_answer(frame->id, *trust).expose() == bytes, "there is one encoding");
    } else {
      const auto whole = (frame->kind == actors::FrameKind::call ? calls : replies)
                             .add(frame->id, std::get<actors::Piece>(frame->body));
      if (whole && whole->has_value()) (void)actors::decode_call_text((*whole)->expose());
    }
    require(calls.bytes() <= 1024 && replies.bytes() <= 1024, "what is put together is bounded");
  }
}

COFFER_FUZZ(tenant_trust) {
  const auto tenant = model::TenantId::from_raw("0123456789abcdef");
  stable(
      input, [&](std::string_view bytes) { return actors::decode_trust(tenant, bytes); },
      [](const actors::TenantTrust& trust) { return actors::encode_trust(trust); });
}

COFFER_FUZZ(forwarded_request) {
  stable(input, model::decode_forwarded_request,
         [](const model::Request& request) { return model::encode_forwarded(request); });
  const auto request = model::decode_forwarded_request(input);
  if (!request) return require(request.error().code == model::Code::invalid_argument, "what is malformed is told so");
  const auto* operation = std::get_if<model::TenantOperation>(&request->operation);
  if (operation == nullptr) return;
  (void)model::operation_name(*operation);
  if (model::check_operation(*operation, {}).ok() && model::is_mutation(*operation)) {
    (void)model::canonical_request(*operation);
  }
}

COFFER_FUZZ(forwarded_reply) {
  stable(input, model::decode_forwarded_reply,
         [](const model::Result<model::Reply>& reply) { return model::encode_forwarded(reply); });
}

COFFER_FUZZ(join_token) {
  const auto token = crypto::parse_join_token(input);
  if (!token) return require(token.error().code == model::Code::invalid_argument, "it is told that it is none");
  require(token->id.size() == 8 && token->secret.size() == 32 && token->ca_hash.size() == 32, "it has its three parts");
  const auto again = crypto::parse_join_token(crypto::join_token_text(*token).expose());
  require(again && again->id == token->id && again->secret == token->secret && again->ca_hash == token->ca_hash,
          "and is itself when it is written");
}

}  // namespace coffer::fuzz

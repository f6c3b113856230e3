// See remote_call.hpp.

#include "actors/remote_call.hpp"

#include "actors/retrying_call.hpp"
#include "model/forward_codec.hpp"

namespace coffer::actors {

RemoteCall::RemoteCall(Context& context, model::NodeId from, std::uint64_t id,
                       std::shared_ptr<std::atomic<std::uint32_t>> running)
    : context_(context), from_(from), id_(id), running_(std::move(running)) {
  forwarded = survives = true;  // the asking node asks again
  ++*running_;
}

void RemoteCall::complete() noexcept {
  // What was read without a lease is not sent: the asking node asks again.
  const bool committed = reply.ok() && is_change(request);
  const bool unknown = !reply.ok() && reply.error().code == model::Code::outcome_unknown;
  if (!committed && !unknown && !confirmed && !context_.boards[group.value].holds_lease_of(*this)) {
    reply = model::Error(model::Code::unavailable);
    decided = false;
  }
  model::Secret text;
  const char head = decided ? 1 : 0;
  text.append({&head, 1});
  text.append(model::encode_forwarded(reply).expose());
  // What goes in pieces goes through the forwarder, whole or not at all.
  cluster::PeerLink* link = text.size() <= kPieceBytes ? context_.link.load() : nullptr;
  const auto frame = [&] {
    return cluster::PeerFrame{cluster::PeerChannel::calls, {}, encode_piece(FrameKind::reply, id_, text.expose(), 0)};
  };
  if (link == nullptr || !link->send(from_, frame())) {
    caf::anon_send(context_.forwarder, ReplyOut{from_, id_, std::make_shared<model::Secret>(std::move(text))});
  }
  --*running_;
  delete this;
}

}  // namespace coffer::actors

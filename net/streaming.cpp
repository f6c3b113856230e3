// See streaming.hpp.

#include "net/streaming.hpp"

#include <utility>

namespace coffer::net {
namespace {

using model::Code;

/// The tenant's shard is moving, starting or busy: asking again is harmless and likely to help.
bool may_pass(const model::Error& error) {
  return error.code == Code::unavailable || error.code == Code::outcome_unknown || error.code == Code::overloaded ||
         error.code == Code::deadline_exceeded;
}

}  // namespace

Streaming::Streaming(const Method& method, const model::Request& first, Clock::time_point now)
    : method_(method), next_(first), heard_(now) {}

model::Request Streaming::request(model::TimeMs wall) const {
  model::Request request = next_;
  request.info.deadline = wall + (kStreamWait + kStreamGrace).count();
  return request;
}

Streaming::Outcome Streaming::answered(const model::Result<model::Reply>& reply, Clock::time_point now) {
  Outcome outcome;
  if (!reply.ok()) {
    outcome.error = reply.error();
    const bool waits = begun_ && may_pass(outcome.error) && now - heard_ < kStreamPatience;
    outcome.what = waits ? Outcome::What::pause : Outcome::What::end;
    return outcome;
  }
  heard_ = now;
  auto part = method_.advance(*reply, next_);
  if (!part) {
    outcome.error = part.error();
    return outcome;
  }
  begun_ = true;
  outcome.what = Outcome::What::tell;
  outcome.part = std::move(*part);
  if (outcome.part.position == position_) outcome.part.progress.reset();
  position_ = outcome.part.position;
  return outcome;
}

}  // namespace coffer::net

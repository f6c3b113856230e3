#pragma once
// A stream of answers as a value, the same over gRPC and server-sent events: which request is next, what of a reply is
// told, which failures pass and are waited for. The listener asks, sends everything that a part brings, and asks again,
// so a slow reader holds up nobody and nothing piles up. Used by net/grpc/stream.cpp and net/http/event_endpoint.cpp, one
// thread at a time.

#include <chrono>
#include <optional>

#include "net/flight.hpp"
#include "net/rpc.hpp"

namespace coffer::net {

/// How long the actors are asked to wait for something new; then the listener shows that it is still there.
inline constexpr std::chrono::milliseconds kStreamWait{15'000};
/// What a request of a stream may take beyond that.
inline constexpr std::chrono::milliseconds kStreamGrace{10'000};
/// Between two requests when the first one failed and the failure may pass.
inline constexpr std::chrono::milliseconds kStreamPause{250};
/// A stream without any answer for so long ends; its client resumes at another node.
inline constexpr std::chrono::seconds kStreamPatience{30};

class Streaming {
 public:
  /// REQUIRES: method.advance; `first` as decode made it. `method` outlives the stream.
  Streaming(const Method& method, const model::Request& first, Clock::time_point now);

  /// The next request, with its deadline. `wall` is the time now.
  model::Request request(model::TimeMs wall) const;
  /// When the listener gives up on that request by itself.
  static constexpr std::chrono::milliseconds patience() { return kStreamWait + kStreamGrace + kGrace; }

  struct Outcome {
    enum class What { tell, pause, end } what = What::end;
    StreamPart part;     // tell
    model::Error error;  // end
  };
  /// What to do with the answer of the last request.
  Outcome answered(const model::Result<model::Reply>& reply, Clock::time_point now);
  /// A first answer came: what fails from here on fails within the stream.
  bool has_begun() const { return begun_; }

 private:
  const Method& method_;
  model::Request next_;
  std::string position_;  // where a client resumes that has read everything up to now; empty before the first answer
  bool begun_ = false;
  Clock::time_point heard_;  // of the actors
};

}  // namespace coffer::net

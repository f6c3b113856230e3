#pragma once
// One call over gRPC that is answered by a stream: a row of requests to the actors, each asked when everything that the
// last one brought was sent. However it ends, its trailer last-event-id says where to go on. Everything runs on its worker's
// thread, except that a request may be completed by any.

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "net/grpc/caller.hpp"
#include "net/grpc/worker.hpp"
#include "net/streaming.hpp"

namespace coffer::net::rpc {

class StreamCall final : private GrpcCaller, private Tag, private Visited {
 public:
  /// Requests a call of the method on the worker's queue.
  static void post(Worker& worker, const ServedMethod& method);

 private:
  class Poll;
  struct Unsent {
    grpc::ByteBuffer message;
    std::string position;  // where a client that has seen it resumes; empty: it is not the last of its position
  };
  /// The event that the client is gone, or that the call is over.
  struct Gone final : Tag {
    explicit Gone(StreamCall& stream) : call(stream) {}
    void proceed(bool) override { call.ended(); }
    StreamCall& call;
  };

  StreamCall(Worker& worker, const ServedMethod& method);
  ~StreamCall();

  void proceed(bool ok) override;
  void tick(Clock::time_point now) override;
  void begin();
  void decode();
  void ask();
  void answered(const model::Result<model::Reply>& reply);
  void tell(StreamPart part);
  void go_on();
  void refuse(const model::Error& error);
  void fail(const model::Error& error);
  void finish(const grpc::Status& status);
  void cut();
  void ended();
  void leave();
  bool is_writing() const { return writes_ > 0; }

  Worker& worker_;
  const ServedMethod& served_;
  Gone gone_{*this};
  bool began_ = false, is_finishing_ = false, is_finished_ = false, is_gone_ = false;
  int writes_ = 0;  // under way; two while a message that nobody takes and the end behind it are
  bool is_counted_ = false;
  Clock::time_point arrived_;
  Clock::time_point acted_;  // the last request, write or pause began
  bool is_pausing_ = false;
  std::optional<Streaming> streaming_;
  Poll* poll_ = nullptr;  // the request that is under way, or its answer on its way back; it owns itself
  std::deque<Unsent> unsent_;
  std::string told_;  // the position of what was written

  grpc::ServerContext context_;
  grpc::ByteBuffer payload_;
  grpc::ServerAsyncWriter<grpc::ByteBuffer> writer_{&context_};
};

}  // namespace coffer::net::rpc

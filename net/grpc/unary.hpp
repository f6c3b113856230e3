#pragma once
// One unary call over gRPC: requested, parsed, decoded, answered and deleted by its worker's thread; completed by any.
// Memory of the call, its context and its message is one block.

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include <google/protobuf/arena.h>

#include "net/grpc/caller.hpp"
#include "net/grpc/worker.hpp"
#include "net/rpc.hpp"

namespace coffer::net::rpc {

class UnaryCall final : public Rpc,
                        public Returned,
                        private GrpcCaller,
                        private Tag,
                        private Outgoing,
                        private Visited {
 public:
  /// Requests a call of the method on the worker's queue.
  static void post(Worker& worker, const ServedMethod& method);

  const Caller& caller() const override { return *this; }
  const google::protobuf::Message& in() const override { return *in_; }
  google::protobuf::Message& out() override;
  void set_header(std::string_view name, std::string_view value) override;
  void set_http_status(int) override {}
  void complete() noexcept override;
  /// Sends what complete() left. The worker's thread.
  void answer_completed() noexcept override;

 private:
  /// What belongs to grpc++ and goes when the answer is sent, also if the actors still hold the call.
  struct Wire {
    grpc::ServerContext context;
    grpc::ByteBuffer payload;  // the request's, later the answer's
    grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer;
    // Not by a default of the member: clang believes in no default constructor of a nested struct that needs one.
    Wire() : writer(&context) {}
  };
  enum class State : int { pending, answering, abandoned, completed_late, disowned };

  UnaryCall(Worker& worker, const ServedMethod& method);
  ~UnaryCall() override;

  // Tag, Outgoing and Visited: the worker's thread.
  void proceed(bool ok) override;
  void send_now() noexcept override;
  void tick(Clock::time_point now) override;
  void tick_sent(Clock::time_point now);

  void begin();
  void read_deadline();
  model::Status parse(std::string_view id);
  /// REQUIRES: the call is this thread's: not submitted yet, or claimed.
  void answer(const model::Status& status, bool may_recover) noexcept;
  void answer_now(const model::Status& status);
  void encode_aside() noexcept;
  void serialize();
  void send_out();
  void note(model::Code code) const;
  void log(model::Category status, Clock::time_point now) const;
  void sent();

  Worker& worker_;
  const ServedMethod& served_;
  std::optional<Wire> wire_;
  bool began_ = false;
  bool changes_ = false;
  Clock::time_point arrived_, patience_;
  Clock::time_point sent_at_ = Clock::time_point::max();  // handed to grpc++, which waits until the client takes it
  model::TimeMs deadline_ = 0;
  InFlight* counted_ = nullptr;
  std::shared_ptr<InFlight> in_flight_;  // set when disowned: the listener may be gone before the call
  std::atomic<State> state_{State::pending};

  alignas(16) char block_[1024];
  std::optional<google::protobuf::Arena> arena_;  // of both messages
  google::protobuf::Message* in_ = nullptr;
  google::protobuf::Message* out_ = nullptr;
  std::unique_ptr<grpc::Status> failure_;   // what is sent instead of an answer
  std::unique_ptr<model::Status> encoded_;  // of a large reply: done before the worker has it back
};

}  // namespace coffer::net::rpc

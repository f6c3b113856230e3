// See stream.hpp.

#include "net/grpc/stream.hpp"

#include <atomic>
#include <utility>

namespace coffer::net::rpc {
namespace {

using model::Code;
using model::Error;

std::string behind(const std::string& position) {
  return position.empty() ? "" : "; go on behind revision " + position;
}

}  // namespace

/// One request to the actors. It belongs to itself: the stream may end before it is completed, and the worker too.
class StreamCall::Poll final : public Rpc, public Returned {
 public:
  explicit Poll(StreamCall& stream)
      : stream_(&stream), worker_(stream.worker_), in_(stream.served_.method->in_prototype->New()) {}

  const Caller& caller() const override { return *stream_; }
  const google::protobuf::Message& in() const override { return *in_; }
  google::protobuf::Message& mutable_in() { return *in_; }
  google::protobuf::Message& out() override {
    if (!out_) out_.reset(stream_->served_.method->out_prototype->New());
    return *out_;
  }
  void set_header(std::string_view, std::string_view) override {}
  void set_http_status(int) override {}

  void complete() noexcept override {
    bool expected = false;
    if (settled_.compare_exchange_strong(expected, true, std::memory_order_acq_rel)) {
      worker_.give_back(*this);  // also on its thread: the stream is in the middle of something there
    } else {
      delete this;
    }
  }
  void answer_completed() noexcept override {
    StreamCall* const stream = std::exchange(stream_, nullptr);
    stream->poll_ = nullptr;
    stream->answered(reply);
    delete this;
  }
  /// Lets the stream go without an answer. False: the answer is on its way back to it.
  bool abandon() {
    bool expected = false;
    return settled_.compare_exchange_strong(expected, true, std::memory_order_acq_rel);
  }

 private:
  StreamCall* stream_;
  Worker& worker_;
  std::atomic<bool> settled_{false};
  std::unique_ptr<google::protobuf::Message> in_, out_;
};

void StreamCall::post(Worker& worker, const ServedMethod& method) {
  auto* call = new StreamCall(worker, method);  // the queue holds it now
  worker.opened();
  call->context_.AsyncNotifyWhenDone(static_cast<Tag*>(&call->gone_));
  worker.shared().service->RequestAsyncServerStreaming(method.index, &call->context_, &call->payload_, &call->writer_,
                                                       worker.queue(), worker.queue(), static_cast<Tag*>(call));
}

StreamCall::StreamCall(Worker& worker, const ServedMethod& method) : worker_(worker), served_(method) {}

StreamCall::~StreamCall() {
  if (is_counted_) worker_.shared().in_flight->leave();
}

void StreamCall::proceed(bool ok) {
  if (!began_) {
    if (!ok) {  // the server shuts down
      worker_.closed();
      delete this;
      return;
    }
    began_ = true;
    return begin();
  }
  --writes_;
  if (is_finishing_) {
    is_finished_ = !is_writing();
    return leave();
  }
  if (!ok || is_gone_) return finish(grpc::Status::CANCELLED);
  go_on();
}

void StreamCall::begin() {
  worker_.replace(served_);
  worker_.visit(this);
  arrived_ = acted_ = Clock::now();
  arrived(context_, worker_.shared().tls);
  Shared& shared = worker_.shared();
  is_counted_ = shared.in_flight->enter();
  if (!is_counted_) return refuse(Error(Code::overloaded));
  if (shared.guard && shared.guard->may_refuse()) {
    if (auto status = shared.guard->admit(address(), is_loopback(), arrived_); !status) return refuse(status.error());
  }
  decode();
}

void StreamCall::decode() {
  auto poll = std::make_unique<Poll>(*this);
  const std::string_view id = header("x-request-id");
  if (auto status = check_call_id(id); !status) return refuse(status.error());
  if (auto status = read_message(payload_, &poll->mutable_in()); !status) return refuse(status.error());
  const auto step = guarded_decode(served_.method->decode, static_cast<Rpc&>(*poll));
  if (!step) return refuse(step.error());
  complete_info(poll->request.info, id, address(), header("traceparent"), 0);
  streaming_.emplace(*served_.method, poll->request, arrived_);
  ask();
}

void StreamCall::ask() {
  acted_ = Clock::now();
  is_pausing_ = false;
  poll_ = new Poll(*this);  // it deletes itself
  poll_->request = streaming_->request(wall_clock_ms());
  worker_.shared().gateway->submit(poll_);
}

void StreamCall::answered(const model::Result<model::Reply>& reply) {
  if (is_finishing_ || is_gone_) return is_finishing_ ? leave() : finish(grpc::Status::CANCELLED);
  const bool first = !streaming_->has_begun();
  auto outcome = streaming_->answered(reply, Clock::now());
  using What = Streaming::Outcome::What;
  if (outcome.what == What::end) return fail(outcome.error);
  if (outcome.what == What::pause) {
    acted_ = Clock::now();
    is_pausing_ = true;
    return;
  }
  if (first) {
    Metrics::observe(*served_.series, model::Category::ok,
                     std::chrono::duration<double>(Clock::now() - arrived_).count());
    ++writes_;  // the client learns at once that it is listened to
    writer_.SendInitialMetadata(static_cast<Tag*>(this));
  }
  tell(std::move(outcome.part));
}

void StreamCall::tell(StreamPart part) {
  for (auto& event : part.events) {
    unsent_.push_back({to_buffer(event.message->SerializeAsString()), std::move(event.id)});
  }
  if (part.events.empty() && part.progress) unsent_.push_back({to_buffer(part.progress->SerializeAsString()), {}});
  (unsent_.empty() ? told_ : unsent_.back().position) = std::move(part.position);
  if (!is_writing()) go_on();
}

void StreamCall::go_on() {
  if (unsent_.empty()) {
    if (poll_ == nullptr && !is_pausing_) ask();
    return;
  }
  acted_ = Clock::now();
  ++writes_;
  Unsent& next = unsent_.front();
  if (!next.position.empty()) told_ = std::move(next.position);
  writer_.Write(next.message, static_cast<Tag*>(this));
  unsent_.pop_front();
}

/// What never reached the actors.
void StreamCall::refuse(const Error& error) {
  const Poll call(*this);
  note_unsubmitted(*worker_.shared().gateway, call, *this, Metrics::door(*served_.series),
                   Metrics::method(*served_.series), error.code);
  fail(error);
}

void StreamCall::fail(const Error& error) {
  const bool is_first = !streaming_ || !streaming_->has_begun();
  const Poll words(*this);
  const WireStatus failure = served_.method->fail(words, error);
  const auto now = Clock::now();
  if (is_first) {
    Metrics::observe(*served_.series, failure.grpc_code, std::chrono::duration<double>(now - arrived_).count());
  }
  if (worker_.shared().guard && error.code == Code::unauthenticated) {
    worker_.shared().guard->failed(address(), is_loopback(), now);
  }
  finish(to_grpc(failure, error));
}

void StreamCall::finish(const grpc::Status& status) {
  if (poll_ != nullptr && poll_->abandon()) poll_ = nullptr;
  unsent_.clear();
  is_pausing_ = false;
  acted_ = Clock::now();
  ++writes_;
  is_finishing_ = true;
  if (!told_.empty()) context_.AddTrailingMetadata("last-event-id", told_);
  writer_.Finish(status, static_cast<Tag*>(this));
}

/// Nobody reads. What grpc++ has taken stays on its way, and the end goes behind it: whoever reads on within as long again learns
/// where he is. All else is forgotten.
void StreamCall::cut() { fail(Error(Code::unavailable, "nothing was read for too long" + behind(told_))); }

void StreamCall::tick(Clock::time_point now) {
  if (is_gone_ || is_finished_) return;
  if (is_writing()) {
    if (now - acted_ < worker_.shared().limits().slow_reader) return;
    return is_finishing_ ? context_.TryCancel() : cut();
  }
  if (worker_.shared().draining.load(std::memory_order_acquire)) {
    return fail(Error(Code::unavailable, "the server is stopping" + behind(told_)));
  }
  if (is_pausing_ && now - acted_ >= kStreamPause) return ask();
  if (poll_ != nullptr && now - acted_ >= Streaming::patience()) fail(Error(Code::deadline_exceeded));
}

void StreamCall::ended() {
  is_gone_ = true;
  if (is_finished_) return leave();
  if (!is_writing()) finish(grpc::Status::CANCELLED);
}

/// The call is over when its last write, the notice of its end and its last answer have come.
void StreamCall::leave() {
  if (!is_gone_ || !is_finished_ || poll_ != nullptr) return;
  worker_.closed();
  delete this;
}

}  // namespace coffer::net::rpc

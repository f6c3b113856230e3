// A gRPC call's way; see unary.hpp.

#include "net/grpc/unary.hpp"

#include <algorithm>

namespace coffer::net::rpc {
namespace {

using model::Category;
using model::Code;
using model::Error;
using model::Status;

constexpr std::size_t kLeastTakenPerMs = 64;  // bytes of an answer, as of the HTTP listener's

}  // namespace

void UnaryCall::post(Worker& worker, const ServedMethod& method) {
  auto* call = new UnaryCall(worker, method);  // the queue holds it now
  worker.opened();
  Wire& wire = *call->wire_;
  worker.shared().service->RequestAsyncUnary(method.index, &wire.context, &wire.payload, &wire.writer, worker.queue(),
                                             worker.queue(), static_cast<Tag*>(call));
}

UnaryCall::UnaryCall(Worker& worker, const ServedMethod& method) : worker_(worker), served_(method) { wire_.emplace(); }

UnaryCall::~UnaryCall() {
  if (counted_) counted_->leave();
}

void UnaryCall::proceed(bool ok) {
  if (began_) return sent();
  if (!ok) {  // the server shuts down
    worker_.say_goodbye();
    worker_.closed();
    delete this;
    return;
  }
  began_ = true;
  begin();
}

void UnaryCall::begin() {
  worker_.replace(served_);
  worker_.visit(this);
  arrived_ = Clock::now();
  arrived(wire_->context, worker_.shared().tls);
  read_deadline();
  Shared& shared = worker_.shared();
  arena_.emplace(block_, sizeof block_);
  in_ = served_.method->in_prototype->New(&*arena_);
  if (!shared.in_flight->enter()) return answer_now(Error(Code::overloaded));
  counted_ = shared.in_flight.get();
  if (shared.guard && shared.guard->may_refuse()) {
    if (auto status = shared.guard->admit(address(), is_loopback(), arrived_); !status) return answer_now(status);
  }
  const std::string_view id = header("x-request-id");
  if (auto status = parse(id); !status) return answer_now(status);
  const auto step = guarded_decode(served_.method->decode, static_cast<Rpc&>(*this));
  if (!step) return answer_now(step.error());
  if (*step == Step::done) return note(Code::ok), answer_now({});
  complete_info(request.info, id, address(), header("traceparent"), deadline_);
  changes_ = served_.method->start || may_change_something(request);
  if (served_.method->start) return served_.method->start(*this);
  shared.gateway->submit(this);  // and with it the call: nothing is touched behind this
}

void UnaryCall::read_deadline() {
  auto by_client = std::chrono::milliseconds::max();
  const auto deadline = wire_->context.deadline();
  if (deadline != std::chrono::system_clock::time_point::max()) {
    by_client = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::system_clock::now());
  }
  const auto allowed = time_allowed(by_client, worker_.shared().limits());
  patience_ = arrived_ + allowed + kGrace;
  deadline_ = wall_clock_ms() + allowed.count();
  request.info.deadline = deadline_;
}

Status UnaryCall::parse(std::string_view id) {
  if (auto status = check_call_id(id); !status) return status;
  return read_message(wire_->payload, in_);
}

google::protobuf::Message& UnaryCall::out() {
  if (!out_) {
    out_ = served_.method->out_prototype->New(&*arena_);
  }
  return *out_;
}

void UnaryCall::set_header(std::string_view name, std::string_view value) {
  // grpc++ aborts the process on what is not printable here.
  if (!std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; })) return;
  wire_->context.AddInitialMetadata(std::string(name), std::string(value));
}

void UnaryCall::complete() noexcept {
  State expected = State::pending;
  if (state_.compare_exchange_strong(expected, State::answering, std::memory_order_acq_rel)) {
    const bool aside = reply.ok() && is_large(*reply) && worker_.shared().large.take([this] {
      encode_aside();
      worker_.give_back(*this);
    });
    if (aside) return;
    return worker_.is_mine() ? answer_completed() : worker_.give_back(*this);
  }
  expected = State::abandoned;
  if (!state_.compare_exchange_strong(expected, State::completed_late, std::memory_order_acq_rel)) {
    delete this;  // disowned
  }
}

void UnaryCall::answer_completed() noexcept {
  if (!reply.ok()) return answer(reply.error(), true);
  if (encoded_) return answer(*encoded_, false);
  try {
    answer(served_.method->encode(*this), false);
  } catch (...) {
    answer(Code::internal, false);
  }
}

void UnaryCall::encode_aside() noexcept {
  encoded_ = std::make_unique<Status>(Code::internal);
  try {
    *encoded_ = served_.method->encode(*this);
    if (!encoded_->ok()) return;
    serialize();
    // Giving its memory back takes long, too, and is not left to the worker. Nobody reads the messages any more.
    reply->body = {};
    in_ = out_ = nullptr;
    arena_->Reset();
  } catch (...) {
    *encoded_ = Code::internal;
  }
}

void UnaryCall::answer_now(const Status& status) {
  state_.store(State::answering, std::memory_order_relaxed);
  answer(status, false);
}

void UnaryCall::answer(const Status& status, bool may_recover) noexcept {
  const Method& method = *served_.method;
  if (status.ok() || (may_recover && method.recover && method.recover(*this, status.error()))) return send_out();
  const WireStatus failure = method.fail(*this, status.error());
  if (failure.grpc_code == Category::ok) return send_out();
  const auto now = Clock::now();
  Metrics::observe(*served_.series, failure.grpc_code, std::chrono::duration<double>(now - arrived_).count());
  note(status.error().code);
  log(failure.grpc_code, now);
  if (worker_.shared().guard && status.error().code == Code::unauthenticated) {
    worker_.shared().guard->failed(address(), is_loopback(), now);
  }
  failure_ = std::make_unique<grpc::Status>(to_grpc(failure, status.error()));
  worker_.send_soon(*this);
}

void UnaryCall::serialize() {
  google::protobuf::Message& message = out();
  grpc::Slice slice(message.ByteSizeLong());
  // The size was computed by the line above and is kept in the message.
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  wire_->payload = grpc::ByteBuffer(&slice, 1);
}

void UnaryCall::send_out() {
  if (!encoded_ || !encoded_->ok()) serialize();
  const auto now = Clock::now();
  Metrics::observe(*served_.series, Category::ok, std::chrono::duration<double>(now - arrived_).count());
  log(Category::ok, now);
  worker_.send_soon(*this);
}

void UnaryCall::send_now() noexcept {
  sent_at_ = Clock::now();
  if (failure_) return wire_->writer.FinishWithError(*failure_, static_cast<Tag*>(this));
  wire_->writer.Finish(wire_->payload, grpc::Status::OK, static_cast<Tag*>(this));
}

/// For the audit trail, of what the actors have not noted.
void UnaryCall::note(Code code) const {
  note_unsubmitted(*worker_.shared().gateway, *this, *this, Metrics::door(*served_.series),
                   Metrics::method(*served_.series), code);
}

void UnaryCall::log(Category status, Clock::time_point now) const {
  const CallLog* const log = worker_.shared().log;
  if (log == nullptr || !log->wants(status != Category::ok)) return;
  const std::string_view trace = header("traceparent");
  log->write({Metrics::door(*served_.series), Metrics::method(*served_.series), model::category_name(status),
              status != Category::ok, std::chrono::duration<double>(now - arrived_).count(), address(),
              header("x-request-id"), is_valid_traceparent(trace) ? trace : std::string_view()});
}

void UnaryCall::sent() {
  worker_.closed();
  if (state_.load(std::memory_order_acquire) == State::answering) {
    delete this;
    return;
  }
  // Abandoned: what grpc++ owns goes now, the rest when the actors are done with it.
  unlink();
  in_flight_ = worker_.shared().in_flight;
  wire_.reset();
  State expected = State::abandoned;
  if (!state_.compare_exchange_strong(expected, State::disowned, std::memory_order_acq_rel)) delete this;
}

/// A client that opens no window for its answer would hold the answer, and a place among the calls in flight, for ever.
void UnaryCall::tick_sent(Clock::time_point now) {
  const auto& limits = worker_.shared().limits();
  const std::chrono::milliseconds taking(wire_->payload.Length() / kLeastTakenPerMs);
  if (now - sent_at_ < limits.slow_reader + taking) return;
  sent_at_ = now;
  wire_->context.TryCancel();
}

void UnaryCall::tick(Clock::time_point now) {
  if (sent_at_ != Clock::time_point::max()) return tick_sent(now);
  const bool cut = worker_.shared().is_cut(now);
  if (now < patience_ && !cut) return;
  State expected = State::pending;
  if (!state_.compare_exchange_strong(expected, State::abandoned, std::memory_order_acq_rel)) return;
  const Error error = cut ? cut_off(changes_) : overdue(changes_);
  Metrics::observe(*served_.series, error.category(), std::chrono::duration<double>(now - arrived_).count());
  log(error.category(), now);
  sent_at_ = now;
  wire_->writer.FinishWithError(to_grpc(error), static_cast<Tag*>(this));
}

}  // namespace coffer::net::rpc

// A gRPC call's way; see unary.hpp.

#include "net/grpc/unary.hpp"

#include <algorithm>

#include <grpc/grpc_security_constants.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include "net/certificate.hpp"

namespace coffer::net::rpc {
namespace {

using model::Category;
using model::Code;
using model::Error;
using model::Status;

/// "ipv4:127.0.0.1:40812" and "ipv6:%5B::1%5D:40812" as people write them.
std::string address_of(std::string peer) {
  if (peer.starts_with("ipv4:") || peer.starts_with("ipv6:")) peer.erase(0, 5);
  for (const auto& [code, bracket] : {std::pair("%5B", "["), std::pair("%5D", "]")}) {
    if (const auto at = peer.find(code); at != std::string::npos) peer.replace(at, 3, bracket);
  }
  return peer;
}

grpc::Status to_grpc(const WireStatus& failure, const Error& error) {
  const bool says_when = error.retry_after_s != 0 && failure.grpc_details.empty();
  return {static_cast<grpc::StatusCode>(failure.grpc_code), failure.grpc_message,
          says_when ? retry_details(error) : failure.grpc_details};
}

grpc::Status to_grpc(const Error& error) {
  return {static_cast<grpc::StatusCode>(error.category()), std::string(error.message())};
}

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
  address_ = address_of(wire_->context.peer());
  read_deadline();
  Shared& shared = worker_.shared();
  arena_.emplace(block_, sizeof block_);
  in_ = served_.method->in_prototype->New(&*arena_);
  if (!shared.in_flight->enter()) return answer_now(Error(Code::overloaded));
  counted_ = shared.in_flight.get();
  if (shared.guard && shared.guard->may_refuse()) {
    if (auto status = shared.guard->admit(address_, is_loopback(), arrived_); !status) return answer_now(status);
  }
  const std::string_view id = header("x-request-id");
  if (auto status = parse(id); !status) return answer_now(status);
  const auto step = guarded_decode(served_.method->decode, static_cast<Rpc&>(*this));
  if (!step) return answer_now(step.error());
  if (*step == Step::done) return note(Code::ok), answer_now({});
  complete_info(request.info, id, address_, header("traceparent"), deadline_);
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
  if (!id.empty() && !is_valid_call_id(id)) {
    return Error(Code::invalid_argument, "x-request-id: expected at most 128 visible ASCII characters");
  }
  grpc::Slice slice;
  bool good = false;
  if (wire_->payload.TrySingleSlice(&slice).ok()) {
    good = in_->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  } else {
    grpc::ProtoBufferReader reader(&wire_->payload);
    good = reader.status().ok() && in_->ParseFromZeroCopyStream(&reader);
  }
  wire_->payload.Clear();
  if (good) return {};
  return Error(Code::invalid_argument, "the message is not a " + in_->GetDescriptor()->full_name());
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
    return worker_.is_mine() ? answer_completed() : worker_.give_back(*this);
  }
  expected = State::abandoned;
  if (!state_.compare_exchange_strong(expected, State::completed_late, std::memory_order_acq_rel)) {
    delete this;  // disowned
  }
}

void UnaryCall::answer_completed() noexcept {
  if (!reply.ok()) return answer(reply.error(), true);
  try {
    answer(served_.method->encode(*this), false);
  } catch (...) {
    answer(Code::internal, false);
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
    worker_.shared().guard->failed(address_, is_loopback(), now);
  }
  wire_->writer.FinishWithError(to_grpc(failure, status.error()), static_cast<Tag*>(this));
}

void UnaryCall::send_out() {
  google::protobuf::Message& message = out();
  grpc::Slice slice(message.ByteSizeLong());
  // The size was computed by the line above and is kept in the message.
  message.SerializeWithCachedSizesToArray(const_cast<std::uint8_t*>(slice.begin()));
  const grpc::ByteBuffer bytes(&slice, 1);
  const auto now = Clock::now();
  Metrics::observe(*served_.series, Category::ok, std::chrono::duration<double>(now - arrived_).count());
  log(Category::ok, now);
  wire_->writer.Finish(bytes, grpc::Status::OK, static_cast<Tag*>(this));
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
              status != Category::ok, std::chrono::duration<double>(now - arrived_).count(), address_,
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

void UnaryCall::tick(Clock::time_point now) {
  const bool cut = worker_.shared().is_cut(now);
  if (now < patience_ && !cut) return;
  State expected = State::pending;
  if (!state_.compare_exchange_strong(expected, State::abandoned, std::memory_order_acq_rel)) return;
  const Error error = cut ? cut_off(changes_) : overdue(changes_);
  Metrics::observe(*served_.series, error.category(), std::chrono::duration<double>(now - arrived_).count());
  log(error.category(), now);
  wire_->writer.FinishWithError(to_grpc(error), static_cast<Tag*>(this));
}

std::string_view UnaryCall::header(std::string_view name) const {
  const auto& metadata = wire_->context.client_metadata();
  const auto found = metadata.find(grpc::string_ref(name.data(), name.size()));
  return found == metadata.end() ? std::string_view() : std::string_view(found->second.data(), found->second.size());
}

bool UnaryCall::is_loopback() const {
  return address_.starts_with("127.") || address_.starts_with("[::1]:") || address_.starts_with("[::ffff:127.");
}

bool UnaryCall::is_tls() const { return worker_.shared().tls; }

std::string_view UnaryCall::client_certificate() const {
  if (!certificate_.empty()) return certificate_;
  const auto auth = wire_->context.auth_context();
  const auto pem = auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (!pem.empty()) certificate_ = certificate_names(std::string_view(pem.front().data(), pem.front().size()));
  return certificate_;
}

}  // namespace coffer::net::rpc

// grpc.health.v1: Check and Watch, for the server as a whole ("") and for each service of its doors. Written by hand on
// the workers' queues, because grpc++'s own one runs on the callback API, whose threads would poll our connections, too.
// The messages are one field each: a request's service name is 1, an answer's status is 1.

#include <algorithm>

#include <google/protobuf/unknown_field_set.h>

#include "net/grpc/worker.hpp"

namespace coffer::net::rpc {
namespace {

enum class Serving : std::uint64_t { unknown = 0, serving = 1, not_serving = 2, service_unknown = 3 };

std::string service_of(const grpc::ByteBuffer& request) {
  google::protobuf::UnknownFieldSet fields;
  if (!fields.ParseFromString(to_string(request))) return {};
  std::string service;
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    if (field.number() == 1 && field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      service = field.length_delimited();
    }
  }
  return service;
}

grpc::ByteBuffer answer_of(Serving status) {
  google::protobuf::UnknownFieldSet fields;
  fields.AddVarint(1, static_cast<std::uint64_t>(status));
  std::string bytes;
  fields.SerializeToString(&bytes);
  return to_buffer(bytes);
}

Serving status_of(const Shared& shared, const std::string& service) {
  if (!service.empty() && !std::ranges::binary_search(shared.service_names, service)) return Serving::service_unknown;
  const bool ready = !shared.draining.load(std::memory_order_acquire) && shared.gateway->status().ready;
  return ready ? Serving::serving : Serving::not_serving;
}

class CheckCall final : private Tag {
 public:
  static void post(Worker& worker) {
    auto* call = new CheckCall(worker);  // the queue holds it
    worker.opened();
    worker.shared().service->RequestAsyncUnary(worker.shared().service->check, &call->context_, &call->request_,
                                               &call->writer_, worker.queue(), worker.queue(), static_cast<Tag*>(call));
  }

 private:
  explicit CheckCall(Worker& worker) : worker_(worker) {}

  void proceed(bool ok) override {
    if (!ok || began_) {
      worker_.closed();
      delete this;
      return;
    }
    began_ = true;
    post(worker_);
    const Serving status = status_of(worker_.shared(), service_of(request_));
    if (status == Serving::service_unknown) {
      writer_.FinishWithError({grpc::StatusCode::NOT_FOUND, "there is no such service"}, static_cast<Tag*>(this));
    } else {
      writer_.Finish(answer_of(status), grpc::Status::OK, static_cast<Tag*>(this));
    }
  }

  Worker& worker_;
  bool began_ = false;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_{&context_};
};

/// A stream that tells the status now and whenever it has changed by a tick.
class WatchCall final : private Tag, private Visited {
 public:
  static void post(Worker& worker) {
    auto* call = new WatchCall(worker);  // the queue holds it
    worker.opened();
    call->context_.AsyncNotifyWhenDone(static_cast<Tag*>(&call->gone_));
    worker.shared().service->RequestAsyncServerStreaming(worker.shared().service->watch, &call->context_,
                                                         &call->request_, &call->writer_, worker.queue(),
                                                         worker.queue(), static_cast<Tag*>(call));
  }

 private:
  /// The event that the client is gone, or that the call is over.
  struct Gone final : Tag {
    explicit Gone(WatchCall& watch) : call(watch) {}
    void proceed(bool) override { call.ended(); }
    WatchCall& call;
  };

  explicit WatchCall(Worker& worker) : worker_(worker) {}

  void proceed(bool ok) override {
    if (!began_) {
      if (!ok) {
        worker_.closed();
        delete this;
        return;
      }
      began_ = true;
      post(worker_);
      worker_.visit(this);
      service_ = service_of(request_);
      return tell();
    }
    is_writing_ = false;
    if (is_finishing_) {
      is_finished_ = true;
      return leave();
    }
    if (!ok || is_gone_) return finish();
    tell();
  }

  void tick(Clock::time_point) override {
    if (!is_writing_ && !is_finishing_) tell();
  }

  void tell() {
    const Serving status = status_of(worker_.shared(), service_);
    if (status != told_) {
      told_ = status;
      is_writing_ = true;
      writer_.Write(answer_of(status), static_cast<Tag*>(this));
    } else if (worker_.shared().draining.load(std::memory_order_acquire)) {
      finish();
    }
  }

  void finish() {
    is_writing_ = is_finishing_ = true;
    writer_.Finish({grpc::StatusCode::UNAVAILABLE, "the server is stopping"}, static_cast<Tag*>(this));
  }

  void ended() {
    is_gone_ = true;
    if (is_finished_) return leave();
    if (!is_writing_) finish();
  }

  /// The call is over when both the last write and the notice of its end have come.
  void leave() {
    if (!is_gone_ || !is_finished_) return;
    worker_.closed();
    delete this;
  }

  Worker& worker_;
  Gone gone_{*this};
  bool began_ = false, is_writing_ = false, is_finishing_ = false, is_finished_ = false, is_gone_ = false;
  Serving told_ = Serving::unknown;
  std::string service_;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncWriter<grpc::ByteBuffer> writer_{&context_};
};

}  // namespace

void post_health(Worker& worker) {
  CheckCall::post(worker);
  WatchCall::post(worker);
}

}  // namespace coffer::net::rpc

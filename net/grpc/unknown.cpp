// The answer to a method that no door serves. grpc++ would answer by itself, but on a queue of the listener's own, for
// which nobody waits; see threads.hpp.

#include "net/grpc/worker.hpp"

namespace coffer::net::rpc {
namespace {

class UnknownCall final : private Tag {
 public:
  static void post(Worker& worker) {
    auto* call = new UnknownCall(worker);  // the queue holds it
    worker.opened();
    worker.shared().unknown.RequestCall(&call->context_, &call->stream_, worker.queue(), worker.queue(),
                                        static_cast<Tag*>(call));
  }

 private:
  explicit UnknownCall(Worker& worker) : worker_(worker) {}

  void proceed(bool ok) override {
    if (!ok || began_) {
      worker_.closed();
      delete this;
      return;
    }
    began_ = true;
    post(worker_);
    stream_.Finish({grpc::StatusCode::UNIMPLEMENTED, "there is no such method"}, static_cast<Tag*>(this));
  }

  Worker& worker_;
  bool began_ = false;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
};

}  // namespace

void post_unknown(Worker& worker) { UnknownCall::post(worker); }

}  // namespace coffer::net::rpc

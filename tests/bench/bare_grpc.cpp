// The yardstick of the gRPC door: grpc++ on a completion queue with one thread that answers every Get with 300 bytes
// and does nothing else.
//
//     bare_grpc --port 7790       or      bare_grpc 127.0.0.1:7790

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include <absl/synchronization/mutex.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/support/async_unary_call.h>

namespace {

constexpr int kPosted = 64;

/// Two methods, so that a prepared body of either form finds one.
class Echo final : public grpc::Service {
 public:
  Echo() {
    int index = 0;
    for (const char* path : {"/coffer.v1.Secrets/Get", "/bare.Echo/Call"}) {
      AddMethod(new grpc::internal::RpcServiceMethod(path, grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
      MarkMethodAsync(index++);
    }
  }
  using grpc::Service::RequestAsyncUnary;
};

class Call {
 public:
  static void post(Echo& echo, int method, grpc::ServerCompletionQueue& queue) {
    auto* call = new Call(echo, method, queue);  // the queue holds it
    echo.RequestAsyncUnary(method, &call->context_, &call->request_, &call->writer_, &queue, &queue, call);
  }

  void proceed(bool ok) {
    if (is_answered_ || !ok) {
      delete this;
      return;
    }
    post(echo_, method_, queue_);
    is_answered_ = true;
    static const std::string bytes(300, 'x');
    const grpc::Slice slice(bytes);
    writer_.Finish(grpc::ByteBuffer(&slice, 1), grpc::Status::OK, this);
  }

 private:
  Call(Echo& echo, int method, grpc::ServerCompletionQueue& queue) : echo_(echo), method_(method), queue_(queue) {}
  Echo& echo_;
  const int method_;
  grpc::ServerCompletionQueue& queue_;
  bool is_answered_ = false;
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> writer_{&context_};
};

std::string address_of(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "--port") == 0) return "127.0.0.1:" + std::string(argv[2]);
  return argc == 2 ? argv[1] : "127.0.0.1:7790";
}

}  // namespace

int main(int argc, char** argv) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);  // as the server does
  Echo echo;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address_of(argc, argv), grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const auto queue = builder.AddCompletionQueue();
  const auto server = builder.BuildAndStart();
  if (!server) {
    std::fprintf(stderr, "cannot listen on %s\n", address_of(argc, argv).c_str());
    return 1;
  }
  for (int method = 0; method < 2; ++method) {
    for (int i = 0; i < kPosted; ++i) Call::post(echo, method, *queue);
  }
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<Call*>(tag)->proceed(ok);
  return 0;
}

// The queues' threads, and how a second server comes to share them; see threads.hpp.

#include "net/grpc/threads.hpp"

#include <algorithm>
#include <mutex>

#include <absl/synchronization/mutex.h>
#include <grpc/grpc.h>

namespace coffer::net {
namespace {

/// The queues that the server which this thread is starting shall share; null: none. grpc++ gives each builder queues
/// of its own and has no call to pass it others; its core takes them between a server's making and its start.
thread_local const std::vector<std::unique_ptr<grpc::ServerCompletionQueue>>* queues_to_share = nullptr;

class ShareQueues final : public grpc::Server::GlobalCallbacks {
  void PreSynchronousRequest(grpc::ServerContext*) override {}
  void PostSynchronousRequest(grpc::ServerContext*) override {}
  void PreServerStart(grpc::Server* server) override {
    if (queues_to_share == nullptr) return;
    for (const auto& queue : *queues_to_share) {
      grpc_server_register_completion_queue(server->c_server(), queue->cq(), nullptr);
    }
  }
};

void prepare_process() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Debian's Abseil looks for lock cycles at every lock, which costs up to a sixth of a call and finds grpc's own.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    grpc::Server::SetGlobalCallbacks(new ShareQueues);  // grpc++ takes it for good
  });
}

}  // namespace

void GrpcThreads::empty(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
}

GrpcThreads::~GrpcThreads() {
  for (auto& queue : queues_) {
    if (threads_.empty()) {
      empty(*queue);  // a queue must be shut down and emptied even if nothing ever ran on it
    } else {
      queue->Shutdown();
    }
  }
  for (auto& thread : threads_) thread.join();
}

GrpcThreads::Started GrpcThreads::start(grpc::ServerBuilder& builder) {
  prepare_process();
  Started started;
  const bool is_first = queues_.empty();
  if (is_first) {
    for (unsigned i = 0; i < std::max(1U, count_); ++i) queues_.push_back(builder.AddCompletionQueue());
  } else {
    started.unused = builder.AddCompletionQueue();
    queues_to_share = &queues_;
  }
  started.server = builder.BuildAndStart();
  queues_to_share = nullptr;
  if (started.server && threads_.empty()) {
    for (auto& queue : queues_) threads_.emplace_back([&queue = *queue] { run(queue); });
  }
  return started;
}

void GrpcThreads::run(grpc::ServerCompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) static_cast<rpc::Tag*>(tag)->proceed(ok);
}

std::shared_ptr<GrpcThreads> make_grpc_threads(unsigned count) { return std::make_shared<GrpcThreads>(count); }

}  // namespace coffer::net

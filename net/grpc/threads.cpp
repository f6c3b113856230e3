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
thread_local const std::vector<std::unique_ptr<rpc::Lane>>* lanes_to_share = nullptr;

class ShareQueues final : public grpc::Server::GlobalCallbacks {
  void PreSynchronousRequest(grpc::ServerContext*) override {}
  void PostSynchronousRequest(grpc::ServerContext*) override {}
  void PreServerStart(grpc::Server* server) override {
    if (lanes_to_share == nullptr) return;
    for (const auto& lane : *lanes_to_share) {
      grpc_server_register_completion_queue(server->c_server(), lane->queue->cq(), nullptr);
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
  for (auto& lane : lanes_) {
    if (threads_.empty()) {
      empty(*lane->queue);  // a queue must be shut down and emptied even if nothing ever ran on it
    } else {
      lane->queue->Shutdown();
    }
  }
  for (auto& thread : threads_) thread.join();
}

GrpcThreads::Started GrpcThreads::start(grpc::ServerBuilder& builder) {
  prepare_process();
  Started started;
  if (lanes_.empty()) {
    for (unsigned i = 0; i < std::max(1U, count_); ++i) {
      lanes_.push_back(std::make_unique<rpc::Lane>());
      lanes_.back()->queue = builder.AddCompletionQueue();
    }
  } else {
    started.unused = builder.AddCompletionQueue();
    lanes_to_share = &lanes_;
  }
  started.server = builder.BuildAndStart();
  lanes_to_share = nullptr;
  if (started.server && threads_.empty()) {
    for (auto& lane : lanes_) threads_.emplace_back([&lane = *lane] { run(lane); });
  }
  return started;
}

void GrpcThreads::run(rpc::Lane& lane) {
  using Queue = grpc::CompletionQueue;
  const auto now_or_never = gpr_inf_past(GPR_CLOCK_MONOTONIC);
  void* tag = nullptr;
  bool ok = false;
  for (;;) {
    auto next = Queue::GOT_EVENT;
    if (lane.outbox.is_full()) lane.outbox.send_all();
    if (lane.outbox.is_empty()) {
      next = lane.queue->Next(&tag, &ok) ? Queue::GOT_EVENT : Queue::SHUTDOWN;
    } else {
      next = lane.queue->AsyncNext(&tag, &ok, now_or_never);
    }
    if (next == Queue::GOT_EVENT) static_cast<rpc::Tag*>(tag)->proceed(ok);
    if (next == Queue::TIMEOUT) lane.outbox.send_all();
    if (next == Queue::SHUTDOWN) return;
  }
}

std::shared_ptr<GrpcThreads> make_grpc_threads(unsigned count) { return std::make_shared<GrpcThreads>(count); }

}  // namespace coffer::net

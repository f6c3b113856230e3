#pragma once
// The threads of the process's gRPC listeners, each with a completion queue. One set serves all listeners, because gRPC
// waits for all sockets of a process in one epoll set: a thread that waits for another listener's queue takes the
// events of the first one's calls and hands them on through a futex, for every call.
// Made by the composition root; each listener keeps it while it runs.

#include <memory>
#include <thread>
#include <vector>

#include <grpcpp/completion_queue.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "net/server.hpp"

namespace coffer::net {

namespace rpc {

/// What an event of a queue leads to. Runs on the queue's thread.
class Tag {
 public:
  /// `ok` as the completion queue gives it.
  virtual void proceed(bool ok) = 0;

 protected:
  ~Tag() = default;
};

}  // namespace rpc

class GrpcThreads {
 public:
  explicit GrpcThreads(unsigned count) : count_(count) {}
  GrpcThreads(const GrpcThreads&) = delete;
  GrpcThreads& operator=(const GrpcThreads&) = delete;
  /// REQUIRES: every server that was started with the queues is shut down, and its tags are gone.
  ~GrpcThreads();

  struct Started {
    std::unique_ptr<grpc::Server> server;  // null: could not start
    /// What the builder wants and nobody waits for: to be shut down and emptied after the server.
    std::unique_ptr<grpc::ServerCompletionQueue> unused;
  };
  /// Builds and starts a server whose calls may be requested on queues(). Main's thread.
  Started start(grpc::ServerBuilder& builder);
  const std::vector<std::unique_ptr<grpc::ServerCompletionQueue>>& queues() const { return queues_; }
  /// Shuts a queue down that no thread waits for. REQUIRES: its server is shut down.
  static void empty(grpc::CompletionQueue& queue);

 private:
  static void run(grpc::ServerCompletionQueue& queue);

  const unsigned count_;
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues_;
  std::vector<std::thread> threads_;
};

}  // namespace coffer::net

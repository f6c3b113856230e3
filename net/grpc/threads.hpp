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

/// An answer that is made and waits in the thread's outbox.
class Outgoing {
 public:
  /// Hands the answer to grpc++, which sends it at once. Runs on the queue's thread.
  virtual void send_now() noexcept = 0;

 protected:
  ~Outgoing() = default;
};

/// A thread's answers until nothing else that has arrived waits to be computed, or kMost are there. A peer that sleeps is
/// woken by the kernel at the sender's expense; of many peers on one machine or one proxy, only the first of a batch is.
class Outbox {
 public:
  void add(Outgoing& answer) { answers_.push_back(&answer); }
  bool is_empty() const { return answers_.empty(); }
  bool is_full() const { return answers_.size() >= kMost; }
  void send_all() noexcept {
    for (Outgoing* const answer : answers_) answer->send_now();
    answers_.clear();
  }

 private:
  static constexpr std::size_t kMost = 16;  // bounds what the first one waits for the last one
  std::vector<Outgoing*> answers_;
};

/// A completion queue and what its thread has to send.
struct Lane {
  std::unique_ptr<grpc::ServerCompletionQueue> queue;
  Outbox outbox;
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
  /// Builds and starts a server whose calls may be requested on the lanes' queues. Main's thread.
  Started start(grpc::ServerBuilder& builder);
  const std::vector<std::unique_ptr<rpc::Lane>>& lanes() const { return lanes_; }
  /// Shuts a queue down that no thread waits for. REQUIRES: its server is shut down.
  static void empty(grpc::CompletionQueue& queue);

 private:
  static void run(rpc::Lane& lane);

  const unsigned count_;
  std::vector<std::unique_ptr<rpc::Lane>> lanes_;
  std::vector<std::thread> threads_;
};

}  // namespace coffer::net

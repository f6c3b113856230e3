#pragma once
// A listener's part of one gRPC thread: what it has open on that thread's completion queue. Everything that is open is a
// Tag; the worker looks at deadlines every quarter of a second, and ends when the listener drains and the last tag is
// gone. Whatever touches grpc++ runs on the queue's thread: a call that another thread completes is given back to it,
// because two threads in one HTTP/2 transport wait for each other.

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/byte_buffer.h>

#include "net/flight.hpp"
#include "net/grpc/threads.hpp"
#include "net/large_replies.hpp"
#include "net/live.hpp"
#include "net/server.hpp"

namespace coffer::net::rpc {

/// A method of a door, at its place in the service.
struct ServedMethod {
  const Method* method = nullptr;
  Metrics::Series* series = nullptr;
  int index = 0;
};

/// Methods by their paths, without generated stubs: what protoc's WithRawMethod classes do, for any descriptor.
class DescriptorService;

/// What all workers of a listener share. Constant but for the flags.
struct Shared {
  Shared();
  ~Shared();
  actors::Gateway* gateway = nullptr;
  std::shared_ptr<LiveLimits> live;
  const Limits& limits() const { return live->get(); }
  const CallLog* log = nullptr;  // null: requests are not logged
  bool tls = false;
  std::shared_ptr<InFlight> in_flight;
  std::shared_ptr<SourceGuard> guard;  // null: no address is refused
  LargeReplies large;
  std::unique_ptr<DescriptorService> service;
  grpc::AsyncGenericService unknown;       // takes what no registered method does
  std::vector<std::string> service_names;  // of the doors, sorted
  /// The listener stops: health says so, and answers wait until grpc++ has told every client to go (Worker::say_goodbye).
  std::atomic<bool> draining{false};
  std::atomic<bool> closing{false};  // no further calls are requested
  /// When the time to drain is over and calls are answered by their workers.
  std::atomic<Clock::rep> cut_at{Clock::time_point::max().time_since_epoch().count()};
  bool is_cut(Clock::time_point now) const { return now.time_since_epoch().count() >= cut_at.load(); }
};

/// Something that a worker visits at every tick: a call under way or a stream. An element of a ring.
class Visited {
 public:
  virtual void tick(Clock::time_point now) = 0;

 protected:
  Visited() = default;
  Visited(const Visited&) = delete;
  Visited& operator=(const Visited&) = delete;
  virtual ~Visited() { unlink(); }
  void unlink() {
    before_->after_ = after_;
    after_->before_ = before_;
    before_ = after_ = this;
  }

 private:
  friend class Worker;
  Visited* before_ = this;
  Visited* after_ = this;
};

/// A call that another thread has completed and the worker's thread is to answer.
class Returned {
 public:
  virtual void answer_completed() noexcept = 0;
  Returned* returned_before = nullptr;  // of the worker's list

 protected:
  ~Returned() = default;
};

class Worker {
 public:
  Worker(Shared& shared, Lane& lane);
  ~Worker();
  /// Requests the first calls. Any thread, once. REQUIRES: the server is started.
  void begin();
  /// Any thread, once: returns when the last tag is gone. REQUIRES: the server is shut down.
  void end();

  Shared& shared() { return shared_; }
  grpc::ServerCompletionQueue* queue() { return lane_.queue.get(); }
  /// Takes an answer to be sent soon. The worker's thread.
  void send_soon(Outgoing& answer) {
    if (shared_.draining.load(std::memory_order_relaxed) && !said_goodbye_) return held_.push_back(&answer);
    lane_.outbox.add(answer);
  }
  /// grpc++ shuts the server down at this moment: what was held is sent when its GOAWAY has left. The worker's thread,
  /// once for each call that was requested in vain.
  void say_goodbye();
  /// A tag holds the worker open from its first operation to its end.
  void opened() { ++open_; }
  void closed();
  void visit(Visited* element);
  /// A call of the method arrived: another one is requested in its place, and one more until kMostPosted wait.
  void replace(const ServedMethod& method);
  /// True on the thread to which everything here but give_back() is bound.
  bool is_mine() const { return std::this_thread::get_id() == thread_; }
  /// Any thread: the worker's thread will answer the call, which is completed.
  void give_back(Returned& call);

 private:
  class Ring final : public Visited {
    void tick(Clock::time_point) override {}
  };
  /// An event by which another thread reaches this one: at once, in the order of set().
  template <void (Worker::*kDo)()>
  struct Signal final : Tag {
    explicit Signal(Worker& w) : worker(w) {}
    void set() { alarm.Set(worker.queue(), gpr_inf_past(GPR_CLOCK_MONOTONIC), static_cast<Tag*>(this)); }
    void proceed(bool) override { (worker.*kDo)(); }
    Worker& worker;
    grpc::Alarm alarm;
  };
  /// The event of the next tick. An alarm and not a deadline of Next, which would read clocks for every event.
  struct Tick final : Tag {
    explicit Tick(Worker& w) : worker(w) {}
    void set();
    void proceed(bool ok) override;
    Worker& worker;
    grpc::Alarm alarm;
  };

  /// The event at which held answers go.
  struct Goodbye final : Tag {
    explicit Goodbye(Worker& w) : worker(w) {}
    void set();
    void proceed(bool ok) override;
    Worker& worker;
    grpc::Alarm alarm;
    bool is_set = false;
  };

  void post_first();
  void answer_returned();
  void begin_end();
  void tell_end();
  void visit_all(Clock::time_point now);
  void post(const ServedMethod& method);

  Shared& shared_;
  Lane& lane_;
  std::thread::id thread_;
  std::size_t open_ = 0;
  std::vector<int> posted_;  // by method
  Ring ring_;
  bool ending_ = false;
  std::vector<Outgoing*> held_;  // answers while the listener drains and its clients do not know yet
  bool said_goodbye_ = false;
  std::atomic<Returned*> returned_{nullptr};  // linked, the last one first
  std::shared_ptr<std::promise<void>> ended_ = std::make_shared<std::promise<void>>();
  Tick tick_{*this};
  Goodbye goodbye_{*this};
  Signal<&Worker::post_first> first_{*this};
  Signal<&Worker::answer_returned> answers_{*this};
  Signal<&Worker::begin_end> end_{*this};
  Signal<&Worker::tell_end> told_{*this};
};

class DescriptorService final : public grpc::Service {
 public:
  /// Registers a method of the server itself; see the Request functions. Returns its index.
  int add(const std::string& path, grpc::internal::RpcMethod::RpcType type);
  /// REQUIRES: `method` and `series` outlive the service.
  void add(const Method& method, Metrics::Series& series);
  bool has(const std::string& path) const;
  const std::vector<ServedMethod>& methods() const { return methods_; }

  using grpc::Service::RequestAsyncBidiStreaming;
  using grpc::Service::RequestAsyncServerStreaming;
  using grpc::Service::RequestAsyncUnary;

  int check = -1, watch = -1;   // grpc.health.v1
  std::vector<int> reflection;  // v1 and v1alpha

 private:
  std::vector<std::unique_ptr<std::string>> paths_;  // the registrations keep pointers into them
  std::vector<ServedMethod> methods_;
};

/// The bytes of a buffer in one piece.
std::string to_string(const grpc::ByteBuffer& buffer);
grpc::ByteBuffer to_buffer(const std::string& bytes);

/// Requests the first calls of the server's own services on this worker.
void post_health(Worker& worker);
void post_reflection(Worker& worker);
/// And the one that answers whatever no registered method takes.
void post_unknown(Worker& worker);

}  // namespace coffer::net::rpc

// Unary gRPC calls of prepared bytes by completion queues. A stream is a small state machine on its thread's queue:
// due -> (alarm) -> call -> answer -> due.

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "app/bench/driver.hpp"

namespace coffer::app::bench {
namespace {

using Clock = Pace::Clock;

struct Shared {
  const cli::Endpoint& endpoint;
  const Source& source;
  std::atomic<std::uint64_t> next_number{0};
  Clock::time_point end = Clock::time_point::max();
};

/// One call in flight at a time.
class Stream {
 public:
  Stream(Shared& shared, std::shared_ptr<grpc::Channel> channel, Pace pace, grpc::CompletionQueue& queue,
         Report& report)
      : shared_(shared), stub_(std::move(channel)), pace_(pace), queue_(queue), report_(report) {}

  /// Starts the next call or the wait for it; false when the run is over for this stream.
  bool next() {
    due_ = pace_.next();
    if (due_ >= shared_.end || Clock::now() >= shared_.end) return false;
    if (due_ <= Clock::now()) return send();
    waiting_ = true;
    const auto in = due_ - Clock::now();
    alarm_.Set(&queue_, std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::microseconds>(in),
               this);
    return true;
  }

  /// The queue delivered this stream's tag. False as in next().
  bool step() {
    if (waiting_) {
      waiting_ = false;
      return send();
    }
    if (status_.ok() || shared_.source.forgives(status_.error_message())) {
      ++report_.done;
      report_.latency.record(static_cast<std::uint64_t>((Clock::now() - due_).count()));
    } else {
      report_.fail(std::to_string(status_.error_code()) + " " + status_.error_message());
    }
    return next();
  }

 private:
  bool send() {
    if (!shared_.source.make(shared_.next_number.fetch_add(1, std::memory_order_relaxed), item_)) return false;
    context_ = std::make_unique<grpc::ClientContext>();
    context_->set_deadline(std::chrono::system_clock::now() + shared_.endpoint.timeout);
    if (!shared_.endpoint.token.empty()) context_->AddMetadata("authorization", "Bearer " + shared_.endpoint.token);
    const grpc::Slice slice(item_.bytes);
    call_ = stub_.PrepareUnaryCall(context_.get(), std::string(item_.method), grpc::ByteBuffer(&slice, 1), &queue_);
    call_->StartCall();
    call_->Finish(&answer_, &status_, this);
    return true;
  }

  Shared& shared_;
  grpc::GenericStub stub_;
  Pace pace_;
  grpc::CompletionQueue& queue_;
  Report& report_;
  Item item_;
  bool waiting_ = false;
  Clock::time_point due_;
  grpc::Alarm alarm_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> call_;
  grpc::ByteBuffer answer_;
  grpc::Status status_;
};

/// Runs the streams of one thread to their end.
void work(std::vector<std::unique_ptr<Stream>>& streams, grpc::CompletionQueue& queue) {
  std::size_t active = 0;
  for (auto& stream : streams) active += stream->next() ? 1 : 0;
  void* tag = nullptr;
  bool fine = false;
  while (active > 0 && queue.Next(&tag, &fine)) {
    if (!static_cast<Stream*>(tag)->step()) --active;
  }
  queue.Shutdown();
  while (queue.Next(&tag, &fine)) {
  }
}

}  // namespace

Report run_grpc(const cli::Endpoint& endpoint, const Plan& plan, const Source& source) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (unsigned i = 0; i < plan.connections; ++i) channels.push_back(cli::open_channel(endpoint));
  // All connect before the clock starts; one that cannot shows as errors of its calls.
  const auto patience = std::chrono::system_clock::now() + endpoint.timeout;
  for (const auto& channel : channels) channel->GetState(true);
  for (const auto& channel : channels) channel->WaitForConnected(patience);

  const unsigned total = plan.connections * plan.streams;
  const unsigned threads = std::min(plan.threads, total);
  const auto start = Clock::now();
  Shared shared{endpoint, source};
  if (plan.duration.count() != 0) shared.end = start + plan.duration;
  std::vector<Report> reports(threads);
  std::vector<std::thread> workers;
  for (unsigned t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      grpc::CompletionQueue queue;
      std::vector<std::unique_ptr<Stream>> streams;
      for (unsigned i = t; i < total; i += threads) {
        streams.push_back(std::make_unique<Stream>(shared, channels[i % plan.connections], Pace(plan, i, total, start),
                                                   queue, reports[t]));
      }
      work(streams, queue);
    });
  }
  Report all;
  for (unsigned t = 0; t < threads; ++t) {
    workers[t].join();
    all.merge(reports[t]);
  }
  all.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return all;
}

}  // namespace coffer::app::bench

// The completion queues' threads and the service that they serve; see worker.hpp.

#include "net/grpc/worker.hpp"

#include <algorithm>
#include <utility>

#include "net/grpc/stream.hpp"
#include "net/grpc/unary.hpp"

namespace coffer::net::rpc {
namespace {

// Calls that wait for a client, for each method. Few, because Debian's gRPC (built with its assertions) looks for every
// event's tag among all that are outstanding: with four and 64 it took 9,400 of a Put's 232,000 instructions (callgrind). A
// call that finds none waits for the next event of its method, which posts two.
constexpr int kFirstPosted = 1;
constexpr int kMostPosted = 16;
constexpr auto kTick = std::chrono::milliseconds(250);
/// From the moment at which grpc++ refuses calls to the one at which its GOAWAY is on the wire: some microseconds.
constexpr auto kGoodbyeLeaves = std::chrono::milliseconds(20);

}  // namespace

Shared::Shared() = default;
Shared::~Shared() = default;

Worker::Worker(Shared& shared, Lane& lane)
    : shared_(shared), lane_(lane), posted_(shared.service->methods().size(), 0) {}
Worker::~Worker() = default;

void Worker::begin() { first_.set(); }

void Worker::post_first() {
  thread_ = std::this_thread::get_id();
  for (const ServedMethod& method : shared_.service->methods()) {
    for (int i = 0; i < kFirstPosted; ++i) post(method);
  }
  post_health(*this);
  post_reflection(*this);
  post_unknown(*this);
  tick_.set();
}

void Worker::end() {
  auto ended = ended_->get_future();
  end_.set();
  ended.wait();
}

void Worker::begin_end() {
  ending_ = true;
  tick_.alarm.Cancel();
}

void Worker::closed() {
  // Told by an event of its own, after the tag that is closing has left.
  if (--open_ == 0 && ending_) told_.set();
}

void Worker::tell_end() {
  const auto ended = ended_;  // the worker may be gone as soon as it is told
  ended->set_value();
}

void Worker::give_back(Returned& call) {
  Returned* last = returned_.load(std::memory_order_relaxed);
  do {
    call.returned_before = last;
  } while (!returned_.compare_exchange_weak(last, &call, std::memory_order_release, std::memory_order_relaxed));
  if (last == nullptr) answers_.set();  // else the event that will take this one, too, is under way
}

void Worker::answer_returned() {
  Returned* call = returned_.exchange(nullptr, std::memory_order_acquire);
  Returned* in_order = nullptr;
  while (call != nullptr) {
    Returned* const before = std::exchange(call->returned_before, in_order);
    in_order = std::exchange(call, before);
  }
  while (in_order != nullptr) {
    Returned& next = *std::exchange(in_order, in_order->returned_before);  // it may be gone once it is answered
    next.answer_completed();
  }
}

void Worker::Tick::set() {
  worker.opened();
  alarm.Set(worker.queue(), std::chrono::system_clock::now() + kTick, static_cast<Tag*>(this));
}

void Worker::Tick::proceed(bool) {
  worker.closed();
  worker.visit_all(Clock::now());
  if (!worker.ending_ || worker.open_ > 0) set();  // what is open yet is cut by ticks
}

void Worker::say_goodbye() {
  if (!std::exchange(goodbye_.is_set, true)) goodbye_.set();
}

void Worker::Goodbye::set() {
  worker.opened();
  alarm.Set(worker.queue(), std::chrono::system_clock::now() + kGoodbyeLeaves, static_cast<Tag*>(this));
}

void Worker::Goodbye::proceed(bool) {
  worker.said_goodbye_ = true;
  for (Outgoing* const answer : worker.held_) worker.lane_.outbox.add(*answer);
  worker.held_.clear();
  worker.closed();
}

void Worker::visit(Visited* element) {
  element->before_ = &ring_;
  element->after_ = ring_.after_;
  ring_.after_->before_ = element;
  ring_.after_ = element;
}

void Worker::visit_all(Clock::time_point now) {
  for (Visited* at = ring_.after_; at != &ring_;) {
    Visited* const next = at->after_;  // a visit may end the element
    at->tick(now);
    at = next;
  }
}

void Worker::replace(const ServedMethod& method) {
  int& posted = posted_[static_cast<std::size_t>(&method - shared_.service->methods().data())];
  --posted;
  if (shared_.closing.load(std::memory_order_relaxed)) return;
  post(method);
  if (posted < kMostPosted) post(method);
}

void Worker::post(const ServedMethod& method) {
  ++posted_[static_cast<std::size_t>(&method - shared_.service->methods().data())];
  if (method.method->advance) {
    StreamCall::post(*this, method);
  } else {
    UnaryCall::post(*this, method);
  }
}

int DescriptorService::add(const std::string& path, grpc::internal::RpcMethod::RpcType type) {
  paths_.push_back(std::make_unique<std::string>(path));
  AddMethod(new grpc::internal::RpcServiceMethod(paths_.back()->c_str(), type, nullptr));  // the service owns it
  const int index = static_cast<int>(paths_.size()) - 1;
  MarkMethodAsync(index);
  return index;
}

void DescriptorService::add(const Method& method, Metrics::Series& series) {
  const std::string path = "/" + method.descriptor->service()->full_name() + "/" + method.descriptor->name();
  const int index =
      add(path, method.advance ? grpc::internal::RpcMethod::SERVER_STREAMING : grpc::internal::RpcMethod::NORMAL_RPC);
  methods_.push_back({&method, &series, index});
}

bool DescriptorService::has(const std::string& path) const {
  return std::ranges::any_of(paths_, [&](const auto& known) { return *known == path; });
}

std::string to_string(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

grpc::ByteBuffer to_buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

}  // namespace coffer::net::rpc

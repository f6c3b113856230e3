// The gRPC listener as the composition root sees it: start, port, stop; see net/server.hpp. Main's thread.

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "net/grpc/acceptor.hpp"
#include "net/grpc/live_certificates.hpp"
#include "net/grpc/worker.hpp"
#include "net/server.hpp"

namespace coffer::net {
namespace rpc {
namespace {

using grpc::internal::RpcMethod;
using model::Code;
using model::Error;
using model::Status;

/// What clients sent before their answers were held is here by then, also over some distance.
constexpr std::chrono::milliseconds kLastCallsArrive{50};

void set_limits(const Limits& limits, grpc::ServerBuilder& builder) {
  const auto ms = [](std::chrono::milliseconds time) { return static_cast<int>(time.count()); };
  builder.SetMaxReceiveMessageSize(static_cast<int>(limits.body_bytes));
  builder.SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, static_cast<int>(limits.header_bytes));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, static_cast<int>(limits.streams_per_connection));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, ms(limits.header_timeout));
  // A connection without calls is told to go (GOAWAY: its client makes another one with its next call).
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, ms(limits.idle_timeout));
  // Half-open connections are found by pings of ours; clients may ping every ten seconds, also between calls.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, ms(limits.idle_timeout / 2));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ms(limits.header_timeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  // Its numbers of each call are ours (/metrics); nothing serves channelz.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_CHANNELZ, 0);
  // A call's deadline is kept by its worker, which also answers in the door's words.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);
  // A fixed window instead of one that pings find out for each connection: values are small.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 256 << 10);
  // Two servers on one port would share its calls, and neither would know.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A small compressed message may unpack into gigabytes before its size is looked at.
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_DEFLATE, false);
  builder.SetCompressionAlgorithmSupportStatus(GRPC_COMPRESS_GZIP, false);
  // With none allowed, the filters that would pack and unpack have nothing to do; the call itself refuses such messages.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
}

class GrpcServer final : public Server {
 public:
  GrpcServer(Listener listener, std::vector<Door*> doors, actors::Gateway& gateway, Metrics& metrics,
             std::shared_ptr<GrpcThreads> threads, std::shared_ptr<SourceGuard> guard)
      : listener_(std::move(listener)), doors_(std::move(doors)), metrics_(metrics), threads_(std::move(threads)) {
    shared_.live = live_;
    shared_.gateway = &gateway;
    shared_.guard = std::move(guard);
    shared_.log = metrics_.call_log();
    shared_.tls = listener_.tls.has_value();
    shared_.in_flight = std::make_shared<InFlight>(listener_.limits.calls_in_flight);
  }
  ~GrpcServer() override { stop(); }

  Status start() override {
    if (auto status = add_methods(); !status) return status;
    auto credentials = grpc::InsecureServerCredentials();
    if (listener_.tls) {
      auto live = LiveCertificates::make(*listener_.tls);
      if (!live) return live.error();
      certificates_ = std::move(*live);
      credentials = certificates_->credentials();
    }
    if (auto status = acceptor_.listen(listener_.address); !status) return status;
    grpc::ServerBuilder builder;
    set_limits(listener_.limits, builder);
    auto connections = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, credentials);
    builder.RegisterService(shared_.service.get());
    builder.RegisterAsyncGenericService(&shared_.unknown);
    auto started = threads_->start(builder);
    server_ = std::move(started.server);
    unused_ = std::move(started.unused);
    if (!server_) {
      close();
      return Error(Code::unavailable, "cannot serve " + listener_.address + ": grpc could not start its server");
    }
    for (const auto& lane : threads_->lanes()) {
      workers_.push_back(std::make_unique<Worker>(shared_, *lane));
      workers_.back()->begin();
    }
    acceptor_.start(std::move(connections));
    return {};
  }

  std::uint16_t port() const override { return acceptor_.port(); }

  Status reload(const Listener& listener) override {
    if (certificates_ && listener.tls) {
      if (auto status = certificates_->replace(*listener.tls); !status) return status;
    }
    shared_.live->set(listener.limits);
    shared_.in_flight->set_limit(listener.limits.calls_in_flight);
    return {};
  }

  void stop() override {
    if (workers_.empty()) return;
    shared_.draining.store(true, std::memory_order_release);  // health says so from here on
    // grpc++ kills (CANCELLED) what arrives between the end of its service and the client's hearing of it. While answers are
    // held, a client that waits for one begins nothing new; what it has sent already arrives meanwhile and is taken.
    std::this_thread::sleep_for(kLastCallsArrive);
    shared_.closing.store(true, std::memory_order_release);
    // What is left by then is answered by its worker's next tick; grpc++ itself only cancels what even that leaves.
    shared_.cut_at.store((Clock::now() + shared_.live->get().drain).time_since_epoch().count());
    acceptor_.stop();
    server_->Shutdown(std::chrono::system_clock::now() + shared_.live->get().drain + std::chrono::seconds(1));
    shared_.cut_at.store(0);
    for (auto& worker : workers_) worker->end();
    close();
  }

 private:
  Status add_methods() {
    shared_.service = std::make_unique<DescriptorService>();
    std::set<std::string> names;
    for (Door* door : doors_) methods_.push_back(std::make_unique<std::vector<Method>>(door->methods()));
    for (std::size_t i = 0; i < doors_.size(); ++i) {
      for (const Method& method : *methods_[i]) {
        const auto& descriptor = *method.descriptor;
        const std::string name = descriptor.service()->name() + "/" + descriptor.name();
        if (shared_.service->has("/" + descriptor.service()->full_name() + "/" + descriptor.name())) {
          return Error(Code::invalid_argument, "the method " + descriptor.full_name() + " is there twice");
        }
        shared_.service->add(method, metrics_.series(doors_[i]->name(), name));
        names.insert(descriptor.service()->full_name());
      }
    }
    shared_.service_names.assign(names.begin(), names.end());
    DescriptorService& service = *shared_.service;
    service.check = service.add("/grpc.health.v1.Health/Check", RpcMethod::NORMAL_RPC);
    service.watch = service.add("/grpc.health.v1.Health/Watch", RpcMethod::SERVER_STREAMING);
    for (const char* version : {"v1", "v1alpha"}) {
      service.reflection.push_back(
          service.add(std::string("/grpc.reflection.") + version + ".ServerReflection/ServerReflectionInfo",
                      RpcMethod::BIDI_STREAMING));
    }
    return {};
  }

  /// REQUIRES: the workers have ended.
  void close() {
    acceptor_.stop();
    if (server_) server_->Shutdown();
    if (unused_) GrpcThreads::empty(*unused_);
    server_.reset();
    unused_.reset();
    workers_.clear();
  }

  const Listener listener_;
  const std::shared_ptr<LiveLimits> live_{std::make_shared<LiveLimits>(listener_.limits)};
  const std::vector<Door*> doors_;
  Metrics& metrics_;
  std::vector<std::unique_ptr<std::vector<Method>>> methods_;  // their addresses stand in the service
  Shared shared_;
  const std::shared_ptr<GrpcThreads> threads_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<grpc::ServerCompletionQueue> unused_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<LiveCertificates> certificates_;  // null without TLS
  Acceptor acceptor_{live_};
};

}  // namespace
}  // namespace rpc

std::unique_ptr<Server> make_grpc_server(const Listener& listener, std::vector<Door*> doors, actors::Gateway& gateway,
                                         Metrics& metrics, std::shared_ptr<GrpcThreads> threads,
                                         std::shared_ptr<SourceGuard> guard) {
  if (!threads) threads = make_grpc_threads(listener.threads);
  return std::make_unique<rpc::GrpcServer>(listener, std::move(doors), gateway, metrics, std::move(threads),
                                           std::move(guard));
}

}  // namespace coffer::net

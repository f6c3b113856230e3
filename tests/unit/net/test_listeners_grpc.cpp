// The gRPC listener through grpc++'s own client: calls, deadlines, limits, health, reflection, drain.

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "coffer/v1/secrets.grpc.pb.h"
#include "transport_support.hpp"

namespace coffer::net::test {
namespace {

using google::protobuf::UnknownFieldSet;
using testing::HasSubstr;

/// A call of any method with raw bytes.
class RawClient {
 public:
  explicit RawClient(std::shared_ptr<grpc::Channel> channel) : stub_(std::move(channel)) {}

  /// Everything the server answered; the status is left in `status`.
  std::vector<std::string> call(const std::string& path, const std::vector<std::string>& requests,
                                std::size_t answers = SIZE_MAX) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    grpc::CompletionQueue queue;
    auto stream = stub_.PrepareCall(&context, path, &queue);
    stream->StartCall(this);
    next(queue);
    for (const auto& request : requests) {
      const grpc::Slice slice(request);
      stream->Write(grpc::ByteBuffer(&slice, 1), this);
      next(queue);
    }
    std::vector<std::string> got;
    if (answers == SIZE_MAX) {
      stream->WritesDone(this);
      next(queue);
    }
    grpc::ByteBuffer buffer;
    while (got.size() < answers) {
      stream->Read(&buffer, this);
      if (!next(queue)) break;
      std::vector<grpc::Slice> slices;
      (void)buffer.Dump(&slices);
      got.emplace_back();
      for (const auto& s : slices) got.back().append(reinterpret_cast<const char*>(s.begin()), s.size());
    }
    if (answers != SIZE_MAX) context.TryCancel();
    stream->Finish(&status, this);
    next(queue);
    queue.Shutdown();
    return got;
  }
  grpc::Status status;

 private:
  static bool next(grpc::CompletionQueue& queue) {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  }
  grpc::GenericStub stub_;
};

class GrpcListener : public testing::Test {
 protected:
  void start(const std::function<void(Listener&)>& change = {}) {
    Listener listener = test_listener();
    if (change) change(listener);
    server = make_grpc_server(listener, {&door}, gateway, metrics);
    const auto status = server->start();
    ASSERT_TRUE(status.ok()) << status.error().message();
    ASSERT_NE(server->port(), 0);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server->port()),
                                        grpc::InsecureChannelCredentials(), arguments);
    stub = coffer::v1::Secrets::NewStub(channel);
  }

  struct Answer {
    grpc::Status status;
    coffer::v1::Secret secret;
    std::multimap<std::string, std::string> headers;
  };
  Answer get(const std::string& name, const std::function<void(grpc::ClientContext&)>& change = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    if (change) change(context);
    coffer::v1::GetRequest request;
    request.set_tenant("t");
    request.set_space("s");
    request.set_name(name);
    Answer answer;
    answer.status = stub->Get(&context, request, &answer.secret);
    for (const auto& [key, value] : context.GetServerInitialMetadata()) {
      answer.headers.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
    }
    return answer;
  }

  /// The status that grpc.health.v1 tells; nothing when it answers an error.
  std::optional<std::uint64_t> health(const std::string& service) {
    UnknownFieldSet request;
    if (!service.empty()) request.AddLengthDelimited(1, service);
    RawClient client(channel);
    std::string bytes;
    request.SerializeToString(&bytes);
    const auto answers = client.call("/grpc.health.v1.Health/Check", {bytes});
    if (answers.size() != 1) return std::nullopt;
    return status_of(answers[0]);
  }
  static std::uint64_t status_of(const std::string& bytes) {
    UnknownFieldSet answer;
    answer.ParseFromString(bytes);
    return answer.field_count() ? answer.field(0).varint() : 0;
  }

  FakeGateway gateway;
  Metrics metrics{gateway};
  TestDoor door;
  std::unique_ptr<Server> server;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<coffer::v1::Secrets::Stub> stub;
};

TEST_F(GrpcListener, answers_calls_that_complete_within_submit_and_on_another_thread) {
  start();
  for (const auto mode : {FakeGateway::Mode::at_once, FakeGateway::Mode::other_thread}) {
    gateway.set_mode(mode);
    for (int i = 0; i < 100; ++i) {
      const auto answer = get(std::to_string(i));
      ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
      ASSERT_EQ(answer.secret.value(), "of " + std::to_string(i));
      ASSERT_EQ(answer.secret.version(), 7U);
    }
  }
  EXPECT_EQ(get("a").headers.find("etag")->second, "\"7\"");
  EXPECT_THAT(gateway.last().info.address, testing::StartsWith("127.0.0.1:"));
}

TEST_F(GrpcListener, answers_many_calls_at_once_on_several_queues) {
  start([](Listener& l) { l.threads = 2; });
  gateway.set_mode(FakeGateway::Mode::other_thread);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      for (int k = 0; k < 50; ++k) good += get(std::to_string(i)).secret.value() == "of " + std::to_string(i);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 16 * 50);
}

TEST_F(GrpcListener, answers_what_decode_answers_itself_and_shows_it_the_caller) {
  start();
  const auto answer = get("local", [](auto& context) { context.AddMetadata("x-extra", "seen"); });
  EXPECT_THAT(answer.secret.value(), testing::StartsWith("127.0.0.1:"));
  EXPECT_THAT(answer.secret.value(), HasSubstr(" seen "));
  EXPECT_THAT(answer.secret.value(), HasSubstr("plain loopback"));
}

TEST_F(GrpcListener, answers_failures_in_the_doors_words) {
  start();
  auto answer = get("refused");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(answer.status.error_message(), "not for you");
  EXPECT_EQ(get("throws").status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(get("unencodable").status.error_code(), grpc::StatusCode::DATA_LOSS);
  gateway.answer = [](const auto&) { return model::Error(model::Code::unavailable, "the shard died"); };
  answer = get("a");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(answer.status.error_message(), "the shard died");
  gateway.answer = [](const auto&) { return model::Error(model::Code::tenant_not_found); };
  EXPECT_EQ(get("a").secret.state(), "recovered");
}

TEST_F(GrpcListener, refuses_a_message_that_does_not_parse) {
  start();
  RawClient client(channel);
  client.call("/coffer.v1.Secrets/Get", {"\xff\xff\xff"});
  EXPECT_EQ(client.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(client.status.error_message(), HasSubstr("coffer.v1.GetRequest"));
  client.call("/coffer.v1.Secrets/Get", {std::string("\x0a\x02\xff\xfe", 4)});  // a string that is not UTF-8
  EXPECT_EQ(client.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  client.call("/coffer.v1.Secrets/Get", {""});
  EXPECT_TRUE(client.status.ok());
}

TEST_F(GrpcListener, answers_unimplemented_to_what_it_does_not_serve) {
  start();
  RawClient client(channel);
  client.call("/coffer.v1.Secrets/List", {""});
  EXPECT_EQ(client.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcListener, passes_the_clients_deadline_on_and_bounds_it) {
  start([](Listener& l) { l.limits.max_deadline = std::chrono::milliseconds(30'000); });
  const auto left = [&] {
    const auto now =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
    return gateway.last().info.deadline - now.count();
  };
  get("a", [](auto& c) { c.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5)); });
  EXPECT_LE(left(), 5'500);  // grpc-timeout is rounded up on the wire
  get("a", [](auto& c) { c.set_deadline(std::chrono::system_clock::now() + std::chrono::hours(1)); });
  EXPECT_LE(left(), 30'500);
  EXPECT_GT(left(), 6'000);
  get("a", [](auto& c) { c.set_deadline(std::chrono::system_clock::time_point::max()); });
  EXPECT_LE(left(), 15'500);
  EXPECT_GT(left(), 0);
}

TEST_F(GrpcListener, takes_the_request_id_of_the_metadata) {
  start();
  get("a", [](auto& context) { context.AddMetadata("x-request-id", "mine-1"); });
  EXPECT_EQ(gateway.last().info.request_id, "mine-1");
  get("a");
  EXPECT_EQ(gateway.last().info.request_id, "");
  const auto answer = get("a", [](auto& c) { c.AddMetadata("x-request-id", std::string(129, 'x')); });
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(GrpcListener, answers_by_itself_when_nobody_does_and_survives_the_late_answer) {
  start([](Listener& l) { l.limits.max_deadline = std::chrono::milliseconds(50); });
  gateway.set_mode(FakeGateway::Mode::hold);
  EXPECT_EQ(get("a").status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  grpc::ClientContext context;
  coffer::v1::PutRequest request;
  coffer::v1::Metadata metadata;
  const auto status = stub->Put(&context, request, &metadata);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("may have been applied"));
  gateway.release();
  gateway.set_mode(FakeGateway::Mode::at_once);
  EXPECT_TRUE(get("a").status.ok());
}

TEST_F(GrpcListener, survives_a_client_that_gives_up) {
  start();
  gateway.set_mode(FakeGateway::Mode::hold);
  const auto answer =
      get("a", [](auto& c) { c.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(100)); });
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  gateway.release();
  gateway.set_mode(FakeGateway::Mode::at_once);
  EXPECT_TRUE(get("a").status.ok());
}

TEST_F(GrpcListener, bounds_the_calls_in_flight) {
  start([](Listener& l) { l.limits.calls_in_flight = 1; });
  gateway.set_mode(FakeGateway::Mode::hold);
  std::thread first([&] { EXPECT_TRUE(get("a").status.ok()); });
  ASSERT_TRUE(gateway.wait_for_held(1));
  EXPECT_EQ(get("b").status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  gateway.release();
  first.join();
}

TEST_F(GrpcListener, refuses_messages_and_metadata_over_their_limits) {
  start([](Listener& l) {
    l.limits.body_bytes = 1000;
    l.limits.header_bytes = 4096;
  });
  EXPECT_TRUE(get(std::string(900, 'x')).status.ok());
  EXPECT_EQ(get(std::string(1200, 'x')).status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  // Last, because grpc++ may close the connection on it, too.
  const auto answer = get("a", [](auto& c) { c.AddMetadata("x-large", std::string(8000, 'x')); });
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(GrpcListener, lets_go_of_a_connection_without_calls_which_its_client_makes_again) {
  start([](Listener& l) { l.limits.idle_timeout = std::chrono::milliseconds(300); });
  ASSERT_TRUE(get("a").status.ok());
  const auto patience = std::chrono::system_clock::now() + kPatience;
  EXPECT_TRUE(channel->WaitForStateChange(GRPC_CHANNEL_READY, patience)) << "it is idle and still connected";
  EXPECT_TRUE(get("a").status.ok());
}

TEST_F(GrpcListener, refuses_compressed_messages) {
  start();
  const auto answer = get(std::string(500, 'x'), [](auto& c) { c.set_compression_algorithm(GRPC_COMPRESS_GZIP); });
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcListener, sends_an_answer_larger_than_what_it_takes) {
  start([](Listener& l) { l.limits.body_bytes = 1000; });
  grpc::ClientContext context;
  coffer::v1::GetRequest request;
  request.set_view("large");
  coffer::v1::Secret secret;
  ASSERT_TRUE(stub->Get(&context, request, &secret).ok());
  EXPECT_EQ(secret.value().size(), 100'000U);
}

TEST_F(GrpcListener, tells_its_health_for_itself_and_for_each_service) {
  start();
  EXPECT_EQ(health(""), 1U);
  EXPECT_EQ(health("coffer.v1.Secrets"), 1U);
  EXPECT_EQ(health("unknown.Service"), std::nullopt);
  gateway.set_ready(false);
  EXPECT_EQ(health(""), 2U);
  EXPECT_EQ(health("coffer.v1.Secrets"), 2U);
}

TEST_F(GrpcListener, tells_watchers_when_its_health_changes) {
  start();
  RawClient client(channel);
  std::thread flip([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    gateway.set_ready(false);
  });
  const auto answers = client.call("/grpc.health.v1.Health/Watch", {""}, 2);
  flip.join();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(status_of(answers[0]), 1U);
  EXPECT_EQ(status_of(answers[1]), 2U);
}

/// What reflection answers to one request: the number of the answer's last field, and its content.
int reflect(std::shared_ptr<grpc::Channel> channel, const std::string& version, int number, const std::string& what,
            UnknownFieldSet* content = nullptr) {
  UnknownFieldSet request;
  request.AddLengthDelimited(number, what);
  std::string bytes;
  request.SerializeToString(&bytes);
  RawClient client(std::move(channel));
  const auto answers = client.call("/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo", {bytes});
  UnknownFieldSet answer;
  if (answers.size() != 1 || !answer.ParseFromString(answers[0]) || answer.field_count() == 0) return 0;
  const auto& last = answer.field(answer.field_count() - 1);
  if (content) content->ParseFromString(last.length_delimited());
  return last.number();
}

TEST_F(GrpcListener, lists_its_services_by_reflection_of_either_version) {
  start();
  for (const char* version : {"v1", "v1alpha"}) {
    UnknownFieldSet list;
    ASSERT_EQ(reflect(channel, version, 7, "", &list), 6) << version;
    ASSERT_EQ(list.field_count(), 1);
    UnknownFieldSet service;
    service.ParseFromString(list.field(0).length_delimited());
    EXPECT_EQ(service.field(0).length_delimited(), "coffer.v1.Secrets");
  }
}

TEST_F(GrpcListener, describes_a_symbol_with_the_files_that_it_needs) {
  start();
  UnknownFieldSet files;
  ASSERT_EQ(reflect(channel, "v1", 4, "coffer.v1.Secrets", &files), 4);
  std::vector<std::string> names;
  for (int i = 0; i < files.field_count(); ++i) {
    google::protobuf::FileDescriptorProto file;
    ASSERT_TRUE(file.ParseFromString(files.field(i).length_delimited()));
    names.push_back(file.name());
  }
  EXPECT_THAT(names, testing::IsSupersetOf({"coffer/v1/secrets.proto", "google/api/annotations.proto",
                                            "google/protobuf/timestamp.proto"}));
  EXPECT_EQ(reflect(channel, "v1", 3, "coffer/v1/secrets.proto"), 4);
  EXPECT_EQ(reflect(channel, "v1", 3, "nowhere.proto"), 7);
  EXPECT_EQ(reflect(channel, "v1", 4, "no.Symbol"), 7);
  EXPECT_EQ(reflect(channel, "v1", 6, "google.protobuf.MethodOptions"), 5);
  EXPECT_EQ(reflect(channel, "v1", 99, ""), 7);
}

TEST_F(GrpcListener, lets_calls_end_when_it_stops) {
  start();
  gateway.set_mode(FakeGateway::Mode::hold);
  std::thread caller([&] { EXPECT_TRUE(get("a").status.ok()); });
  ASSERT_TRUE(gateway.wait_for_held(1));
  std::thread stopper([&] { server->stop(); });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  gateway.release();
  caller.join();
  stopper.join();
  EXPECT_EQ(get("b").status.error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(GrpcListener, cuts_calls_that_outlast_the_drain_and_survives_their_completion) {
  start([](Listener& l) { l.limits.drain = std::chrono::milliseconds(100); });
  gateway.set_mode(FakeGateway::Mode::hold);
  std::thread caller([&] {
    const auto answer = get("a");
    EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(answer.status.error_message(), "the server is stopping");
  });
  ASSERT_TRUE(gateway.wait_for_held(1));
  server->stop();
  server.reset();
  caller.join();
  gateway.release();
}

TEST_F(GrpcListener, stops_while_streams_are_open) {
  start();
  std::vector<std::string> watched;
  std::thread watcher([&] { watched = RawClient(channel).call("/grpc.health.v1.Health/Watch", {""}, 3); });
  std::thread reflector(
      [&] { RawClient(channel).call("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", {}, 1); });
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  server->stop();
  watcher.join();
  reflector.join();
  ASSERT_FALSE(watched.empty());
  EXPECT_EQ(status_of(watched.back()), 2U);
}

TEST_F(GrpcListener, counts_its_calls) {
  start();
  get("a");
  get("refused");
  EXPECT_THAT(metrics.text(), HasSubstr(R"(coffer_requests_total{door="test",method="Secrets/Get",status="OK"} 1)"));
  EXPECT_THAT(metrics.text(),
              HasSubstr(R"(coffer_requests_total{door="test",method="Secrets/Get",status="PERMISSION_DENIED"} 1)"));
}

TEST_F(GrpcListener, says_why_it_cannot_listen) {
  start();
  Listener taken = test_listener();
  taken.address = "127.0.0.1:" + std::to_string(server->port());
  const auto status = make_grpc_server(taken, {&door}, gateway, metrics)->start();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().message(), "cannot listen on " + taken.address + ": Address already in use");
}

TEST_F(GrpcListener, refuses_two_doors_with_one_method) {
  TestDoor again;
  const auto status = make_grpc_server(test_listener(), {&door, &again}, gateway, metrics)->start();
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.error().message()), HasSubstr("coffer.v1.Secrets.Get"));
}

TEST_F(GrpcListener, listeners_that_share_their_threads_are_independent) {
  const auto threads = make_grpc_threads(1);
  TestDoor other_door;
  auto first = make_grpc_server(test_listener(), {&door}, gateway, metrics, threads);
  auto second = make_grpc_server(test_listener(), {&other_door}, gateway, metrics, threads);
  ASSERT_TRUE(first->start().ok());
  ASSERT_TRUE(second->start().ok());
  ASSERT_NE(first->port(), second->port());
  const auto connect = [&](const Server& to) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(to.port()), grpc::InsecureChannelCredentials(),
                                        arguments);
    stub = coffer::v1::Secrets::NewStub(channel);
  };
  for (const auto mode : {FakeGateway::Mode::at_once, FakeGateway::Mode::other_thread}) {
    gateway.set_mode(mode);
    for (const Server* server_of : {first.get(), second.get()}) {
      connect(*server_of);
      EXPECT_EQ(get("x").secret.value(), "of x");
      EXPECT_EQ(health(""), 1U);
      RawClient client(channel);
      client.call("/no.such/Method", {""});
      EXPECT_EQ(client.status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
    }
  }
  first->stop();
  connect(*second);
  EXPECT_EQ(get("y").secret.value(), "of y") << "the second listener ended with the first";
  second->stop();
}

TEST_F(GrpcListener, a_listener_starts_on_the_threads_of_one_that_could_not) {
  const auto threads = make_grpc_threads(1);
  start();
  Listener taken = test_listener();
  taken.address = "127.0.0.1:" + std::to_string(server->port());
  EXPECT_FALSE(make_grpc_server(taken, {&door}, gateway, metrics, threads)->start().ok());
  auto free = make_grpc_server(test_listener(), {&door}, gateway, metrics, threads);
  ASSERT_TRUE(free->start().ok());
  free->stop();
}

}  // namespace
}  // namespace coffer::net::test

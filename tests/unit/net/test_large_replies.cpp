// Replies that take long to encode keep nobody waiting: neither the thread that completed the call nor the one that
// reads the connections, on both kinds of listener.

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

#include <future>

#include "coffer/v1/secrets.grpc.pb.h"
#include "http_listener_fixture.hpp"
#include "net/large_replies.hpp"

namespace coffer::net::test {
namespace {

model::Reply list_of(std::size_t entries) {
  model::ListReply list;
  list.entries.resize(entries);
  return {{}, model::ReplyBody(std::move(list))};
}

TEST(LargeReplies, APageIsNotLargeAndEverythingIs) {
  EXPECT_FALSE(is_large(list_of(1000)));
  EXPECT_TRUE(is_large(list_of(1001)));
  model::QueryReply rows;
  EXPECT_FALSE(is_large({{}, model::ReplyBody(rows)}));
  rows.rows.assign(1 << 20, ' ');
  EXPECT_TRUE(is_large({{}, model::ReplyBody(rows)}));
  EXPECT_FALSE(is_large({{}, model::ReplyBody(model::EntryReply{})}));
}

TEST(LargeReplies, WorkIsDoneInOrderAndBeforeTheEnd) {
  std::vector<int> done;
  {
    LargeReplies large;
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(large.take([&done, i] { done.push_back(i); }));
    }
  }
  EXPECT_THAT(done, testing::SizeIs(20));
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
}

TEST(LargeReplies, WhatIsTooMuchIsLeftToTheCaller) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  LargeReplies large;
  int taken = 0;
  while (taken < 1000 && large.take([gone] { gone.wait(); })) ++taken;
  EXPECT_LT(taken, 100);
  go.set_value();
}

/// The test's door, whose encoding of a large reply waits until it is told to go on.
class SlowDoor final : public Door {
 public:
  std::string_view name() const override { return door_.name(); }
  std::vector<Method> methods() override {
    auto methods = door_.methods();
    for (Method& method : methods) {
      if (method.descriptor->name() != "Get") continue;
      method.encode = [this, encode = method.encode](Rpc& rpc) {
        if (!is_large(rpc.reply.value())) return encode(rpc);
        begun.set_value();
        go.get_future().wait();
        static_cast<coffer::v1::Secret&>(rpc.out()).set_value("large");
        return model::Status();
      };
    }
    return methods;
  }
  std::vector<std::string> path_prefixes() const override { return door_.path_prefixes(); }
  WireStatus http_failure(const model::Error& error, std::string_view id) const override {
    return door_.http_failure(error, id);
  }
  std::promise<void> begun, go;

 private:
  TestDoor door_;
};

class SlowEncoding : public testing::Test {
 protected:
  SlowEncoding() {
    gateway.set_mode(FakeGateway::Mode::other_thread);  // one thread completes all calls
    gateway.answer = [](const model::Request& request) -> model::Result<model::Reply> {
      const auto& get = std::get<model::Get>(std::get<model::TenantOperation>(request.operation));
      if (get.name == "everything") return list_of(5000);
      model::EntryReply reply;
      reply.entry.name = get.name;
      return model::Reply{{}, model::ReplyBody(std::move(reply))};
    };
    listener = test_listener();
    listener.threads = 1;
  }
  /// `get` answers the value of a name; the large one is under way while the small one is asked for.
  void expect_that_nobody_waits(const std::function<std::string(const std::string&)>& get) {
    auto large = std::async(std::launch::async, [&] { return get("everything"); });
    ASSERT_EQ(door.begun.get_future().wait_for(kPatience), std::future_status::ready);
    EXPECT_THAT(get("small"), testing::HasSubstr("of small"));
    door.go.set_value();
    EXPECT_THAT(large.get(), testing::HasSubstr("large"));
  }

  FakeGateway gateway;
  Metrics metrics{gateway};
  SlowDoor door;
  Listener listener;
};

TEST_F(SlowEncoding, KeepsNobodyWaitingOverHttp) {
  auto server = make_http_server(listener, {&door}, gateway, metrics);
  ASSERT_TRUE(server->start().ok());
  expect_that_nobody_waits(
      [&](const std::string& name) { return HttpClient(server->port()).call("GET", kSecret + name).body; });
}

TEST_F(SlowEncoding, KeepsNobodyWaitingOverGrpc) {
  auto server = make_grpc_server(listener, {&door}, gateway, metrics);
  ASSERT_TRUE(server->start().ok());
  const auto channel =
      grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()), grpc::InsecureChannelCredentials());
  const auto stub = coffer::v1::Secrets::NewStub(channel);
  expect_that_nobody_waits([&](const std::string& name) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    coffer::v1::GetRequest request;
    request.set_tenant("t");
    request.set_space("s");
    request.set_name(name);
    coffer::v1::Secret secret;
    const auto status = stub->Get(&context, request, &secret);
    return status.ok() ? secret.value() : status.error_message();
  });
}

}  // namespace
}  // namespace coffer::net::test

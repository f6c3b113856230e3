// The end of a stream over gRPC: whoever reads too slowly, or is told that the server stops, learns where to go on.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "coffer/v1/secrets.grpc.pb.h"
#include "net/native/watch.hpp"
#include "transport_support.hpp"

namespace coffer::net::test {
namespace {

constexpr std::chrono::milliseconds kSlow{1000};
constexpr std::size_t kEach = 50;  // changes of a revision

/// Only Watch, as the native door has it.
class WatchDoor final : public Door {
 public:
  std::string_view name() const override { return "test"; }
  std::vector<Method> methods() override {
    Method watch;
    watch.descriptor = v1::WatchRequest::descriptor()->file()->FindServiceByName("Secrets")->FindMethodByName("Watch");
    watch.in_prototype = &v1::WatchRequest::default_instance();
    watch.out_prototype = &v1::Change::default_instance();
    watch.decode = [](Rpc& rpc) -> model::Result<Step> {
      auto operation =
          native::to_operation(static_cast<const v1::WatchRequest&>(rpc.in()), rpc.caller().header("last-event-id"));
      if (!operation) return operation.error();
      rpc.request.operation = std::move(*operation);
      return Step::submit;
    };
    watch.advance = native::advance;
    watch.fail = [](const Rpc&, const model::Error& error) {
      WireStatus status;
      status.grpc_code = error.category();
      status.grpc_message = error.message();
      return status;
    };
    return {watch};
  }
  WireStatus http_failure(const model::Error&, std::string_view) const override { return {}; }
};

class GrpcStream : public testing::Test {
 protected:
  void SetUp() override {
    // A tenant in which much happens: from any revision on there are more, each a transaction of kEach puts.
    gateway.answer = [this](const model::Request& request) -> model::Result<model::Reply> {
      const auto& watch = std::get<model::Watch>(std::get<model::TenantOperation>(request.operation));
      const std::uint64_t from = std::max<std::uint64_t>(watch.from.counter, 1);
      std::vector<model::WatchedChange> changes;
      for (std::uint64_t revision = from; revision < std::min(from + 5, end); ++revision) {
        for (std::size_t i = 0; i < kEach; ++i) {
          changes.push_back({revision, model::ChangeType::put, "kv", std::string(200, 'n') + std::to_string(i), 1, 1});
        }
      }
      if (changes.empty()) return model::Error(model::Code::revision_compacted, "a test's end");
      return model::Reply{{1, from}, model::ReplyBody(model::WatchReply{std::move(changes), std::min(from + 5, end)})};
    };
    Listener listener = test_listener();
    listener.limits.slow_reader = kSlow;
    server = make_grpc_server(listener, {&door}, gateway, metrics);
    const auto status = server->start();
    ASSERT_TRUE(status.ok()) << status.error().message();
    stub = v1::Secrets::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(server->port()), grpc::InsecureChannelCredentials()));
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
  }

  std::unique_ptr<grpc::ClientReader<v1::Change>> watch(std::uint64_t from, grpc::ClientContext& at) {
    v1::WatchRequest request;
    request.set_tenant("t");
    request.set_from_revision(from);
    return stub->Watch(&at, request);
  }

  /// The trailer; empty when there is none.
  std::string position() const {
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto found = trailers.find("last-event-id");
    return found == trailers.end() ? "" : std::string(found->second.data(), found->second.size());
  }

  static constexpr std::uint64_t kFirst = (std::uint64_t{1} << 40) + 1;
  std::uint64_t end = UINT64_MAX;  // of what happens
  WatchDoor door;
  FakeGateway gateway;
  Metrics metrics{gateway};
  std::unique_ptr<Server> server;
  std::unique_ptr<v1::Secrets::Stub> stub;
  grpc::ClientContext context;
};

TEST_F(GrpcStream, tells_a_reader_who_was_cut_for_his_slowness_where_to_go_on) {
  const auto stream = watch(kFirst, context);
  std::map<std::uint64_t, std::size_t> read;  // revision -> its changes
  v1::Change change;
  ASSERT_TRUE(stream->Read(&change));
  ++read[change.revision()];
  std::this_thread::sleep_for(kSlow + kSlow / 2);
  while (stream->Read(&change)) ++read[change.revision()];
  const auto status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  ASSERT_FALSE(position().empty()) << status.error_message();
  EXPECT_EQ(status.error_message(), "nothing was read for too long; go on behind revision " + position());
  // Every revision up to there was read whole; of the next one at most a part.
  const std::uint64_t last = std::stoull(position());
  for (std::uint64_t revision = kFirst; revision <= last; ++revision) EXPECT_EQ(read[revision], kEach) << revision;
  EXPECT_LT(read[last + 1], kEach);
  EXPECT_EQ(read.upper_bound(last + 1), read.end());

  grpc::ClientContext again;
  again.AddMetadata("last-event-id", position());
  const auto rest = watch(0, again);
  ASSERT_TRUE(rest->Read(&change));
  EXPECT_EQ(change.revision(), last + 1) << "the trailer is what a client may send back";
  again.TryCancel();
  (void)rest->Finish();
}

TEST_F(GrpcStream, holds_nothing_for_a_reader_who_does_not_come_back) {
  const auto stream = watch(kFirst, context);
  v1::Change change;
  ASSERT_TRUE(stream->Read(&change));
  std::this_thread::sleep_for(3 * kSlow);
  while (stream->Read(&change)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(GrpcStream, tells_the_position_with_every_other_end_too) {
  end = 8;
  const auto stream = watch(kFirst, context);
  v1::Change change;
  std::size_t count = 0;
  while (stream->Read(&change)) ++count;
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(count, 7 * kEach);
  EXPECT_EQ(position(), std::to_string(kFirst + 6));
}

TEST_F(GrpcStream, names_no_position_when_nothing_was_told) {
  end = 1;
  const auto stream = watch(kFirst, context);
  v1::Change change;
  EXPECT_FALSE(stream->Read(&change));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(position(), "");
}

}  // namespace
}  // namespace coffer::net::test

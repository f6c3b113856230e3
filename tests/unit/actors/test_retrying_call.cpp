// RetryingCall on its own: what it gives a change that may have to be asked twice. The test plays whoever answers; what is
// to be asked again comes back as undelivered, because this context has no forwarder.

#include "actors/retrying_call.hpp"

#include <gtest/gtest.h>

#include "cluster/formats.hpp"
#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::Code;

class RetryingCallTest : public ::testing::Test, public CoreFixture {
 protected:
  RetryingCallTest() {
    context.wall_clock = [this] { return now; };
    context.accepting = true;
    context.boards.grow(1);
    context.request_ids_start = "n1-0123456789abcdef";
    context.router = this;
    context.undelivered = [](void* self, Call* call) {
      static_cast<RetryingCallTest*>(self)->again = CallHandle(call);
    };
  }
  /// As the gateway makes it; it deletes itself with its answer.
  CallHandle retrying(TestCall& client) { return CallHandle(new RetryingCall(context, &client)); }

  void knows(std::uint64_t node, std::uint32_t format, model::NodeState state = model::NodeState::up) {
    model::NodeInfo info;
    info.id = model::NodeId{node};
    info.newest_format = format;
    info.state = state;
    context.nodes.put(info);
  }
  std::string given_id() {
    const auto client = call(put("a", "1"));
    CallHandle first = retrying(*client);
    std::string id = first.request().info.request_id;
    first.finish(model::Reply{});
    return id;
  }

  Context context;
  CallHandle again;
};

TEST_F(RetryingCallTest, OnlyTheFirstTryUnderAnIdOfItsOwnIsTakenForUnseen) {
  const auto client = call(put("a", "1"));
  CallHandle first = retrying(*client);
  const std::string id = first.request().info.request_id;
  EXPECT_EQ(id, "n1-0123456789abcdef-1");
  EXPECT_TRUE(first.call().first_try);
  first.finish(model::Error(Code::outcome_unknown));
  ASSERT_TRUE(again);
  EXPECT_EQ(again.request().info.request_id, id) << "it may have been done: its answer must be found";
  EXPECT_FALSE(again.call().first_try);
  again.finish(model::Reply{});
  EXPECT_EQ(client->completed, 1);
  EXPECT_TRUE(client->request.info.request_id.empty()) << "the id is the node's affair";
}

TEST_F(RetryingCallTest, ARefusalThatDoesNotLookAtEarlierTriesDoesNotSayThatNothingWasDone) {
  context.boards[0].lease_until = UINT64_MAX;
  for (const Code code : {Code::overloaded, Code::deadline_exceeded, Code::quota_exceeded, Code::sealed}) {
    const auto client = call(put("a", "1"));
    CallHandle first = retrying(*client);
    first.finish(model::Error(Code::outcome_unknown));
    ASSERT_TRUE(again);
    again.finish(model::Error(code));
    EXPECT_EQ(client->reply.error().code, Code::outcome_unknown) << static_cast<int>(code);
  }
  const auto client = call(put("a", "1"));
  CallHandle only = retrying(*client);
  only.finish(model::Error(Code::overloaded));
  EXPECT_EQ(client->reply.error().code, Code::overloaded) << "there was no earlier try";
}

TEST_F(RetryingCallTest, WhoEndsBetweenTwoTriesDoesNotSayThatNothingWasDone) {
  const auto client = call(put("a", "1"));
  CallHandle first = retrying(*client);
  first.finish(model::Error(Code::outcome_unknown));
  ASSERT_TRUE(again);
  context.accepting = false;
  again.finish(model::Error(Code::unavailable));
  EXPECT_EQ(client->reply.error().code, Code::outcome_unknown);
}

TEST_F(RetryingCallTest, AnIdOfTheClientMayHaveBeenSeen) {
  const auto client = call(put("a", "1"), "of-the-client");
  CallHandle first = retrying(*client);
  EXPECT_FALSE(first.call().first_try);
  first.finish(model::Reply{});
  EXPECT_EQ(client->request.info.request_id, "of-the-client");
}

TEST_F(RetryingCallTest, IdsAreOrderedOnceEveryNodeOfTheClusterKnowsSuch) {
  knows(1, cluster::kOrderedIdsFormat);
  knows(2, cluster::kOrderedIdsFormat - 1);
  EXPECT_EQ(given_id(), "n1-0123456789abcdef-1");
  knows(2, cluster::kOrderedIdsFormat);
  EXPECT_EQ(given_id(), "n1-0123456789abcdef:2");
  knows(3, cluster::kOrderedIdsFormat - 1, model::NodeState::removed);
  EXPECT_EQ(given_id(), "n1-0123456789abcdef:3");
}

TEST_F(RetryingCallTest, AReadNeedsNoId) {
  const auto client = call(model::Get{"kv", "a"});
  CallHandle first = retrying(*client);
  EXPECT_TRUE(first.request().info.request_id.empty());
  EXPECT_FALSE(first.call().first_try);
  context.boards[0].lease_until = UINT64_MAX;  // so that the refusal is the last word
  first.finish(model::Error(Code::entry_not_found));
  EXPECT_EQ(client->reply.error().code, Code::entry_not_found);
}

}  // namespace
}  // namespace coffer::actors

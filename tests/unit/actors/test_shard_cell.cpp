// Reads by another thread than the shard's: what is answered from memory, what is left to the actor, and that nothing
// is answered that the actor would not answer.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "actors/shard_cell.hpp"
#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

class ShardCellTest : public ::testing::Test, public CoreFixture {
 protected:
  ShardCellTest() { cell.turn().set_core(open(), model::Term{1}); }

  model::Request request_of(model::TenantOperation operation) {
    model::Request request;
    request.credential.kind = model::CredentialKind::dev_root;
    request.operation = std::move(operation);
    return request;
  }
  std::string value_of(const model::Result<model::Reply>& reply) {
    return std::string(std::get<model::EntryReply>(reply->body).payload->content.expose());
  }
  /// By the actor's way, which fills the cache.
  model::Result<model::Reply> by_actor(model::TenantOperation operation) {
    const auto turn = cell.turn();
    return run(*turn.core(), std::move(operation));
  }

  std::optional<model::Result<model::Reply>> try_get(const model::Request& request) {
    model::Result<model::Reply> reply{model::Code::unavailable};
    if (!cell.try_get(request, reply)) return std::nullopt;
    return reply;
  }

  ShardCell cell;
};

TEST_F(ShardCellTest, AnswersAGetOnceTheShardHasReadIt) {
  ASSERT_TRUE(by_actor(put("a", "one")).ok());
  EXPECT_FALSE(try_get(request_of(get("a"))).has_value()) << "the value was not in memory yet";
  ASSERT_TRUE(by_actor(get("a")).ok());
  const auto reply = try_get(request_of(get("a")));
  ASSERT_TRUE(reply.has_value());
  ASSERT_TRUE(reply->ok());
  EXPECT_EQ(value_of(*reply), "one");
}

TEST_F(ShardCellTest, ShowsACommittedWriteAndNoPendingOne) {
  ASSERT_TRUE(by_actor(put("a", "one")).ok());
  ASSERT_TRUE(by_actor(get("a")).ok());
  const auto write = call(put("a", "two"));
  {
    const auto turn = cell.turn();
    send(*turn.core(), *write);
  }
  EXPECT_EQ(value_of(*try_get(request_of(get("a")))), "one");
  {
    const auto turn = cell.turn();
    commit_all(*turn.core());
  }
  const auto reply = try_get(request_of(get("a")));
  EXPECT_FALSE(reply.has_value()) << "the value that is in memory is the old one";
  EXPECT_EQ(value_of(by_actor(get("a"))), "two");
  EXPECT_EQ(value_of(*try_get(request_of(get("a")))), "two");
}

TEST_F(ShardCellTest, AnswersOfWhatDoesNotExistOnlyWhenItKnows) {
  EXPECT_FALSE(try_get(request_of(get("missing"))).has_value());
  EXPECT_FALSE(by_actor(get("missing")).ok());
  const auto reply = try_get(request_of(get("missing")));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->error().code, model::Code::entry_not_found);
}

TEST_F(ShardCellTest, LeavesEverythingButAGetToTheActor) {
  ASSERT_TRUE(by_actor(put("a", "one")).ok());
  ASSERT_TRUE(by_actor(get("a")).ok());
  EXPECT_FALSE(try_get(request_of(put("a", "two"))).has_value());
  EXPECT_FALSE(try_get(request_of(model::History{"kv", "a"})).has_value());
  EXPECT_FALSE(try_get(request_of(model::List{})).has_value());
}

TEST_F(ShardCellTest, RefusesAsTheActorDoes) {
  ASSERT_TRUE(by_actor(put("a", "one")).ok());
  ASSERT_TRUE(by_actor(get("a")).ok());
  auto nobody = request_of(get("a"));
  nobody.credential.kind = model::CredentialKind::none;
  EXPECT_EQ(try_get(nobody)->error().code, model::Code::unauthenticated);
  auto late = request_of(get("a"));
  late.info.deadline = now - 1;
  EXPECT_EQ(try_get(late)->error().code, model::Code::deadline_exceeded);
  auto unknown = request_of(get("a"));
  unknown.credential.kind = model::CredentialKind::token;
  unknown.credential.tenant = tenant;
  unknown.credential.token_hash = std::string(32, 'x');
  EXPECT_FALSE(try_get(unknown).has_value()) << "a token that is not in memory is the actor's to look up";
}

TEST_F(ShardCellTest, LeavesALargeValueToTheActor) {
  ASSERT_TRUE(by_actor(put("a", std::string(100'000, 'x'))).ok());
  ASSERT_TRUE(by_actor(get("a")).ok());
  EXPECT_FALSE(try_get(request_of(get("a"))).has_value());
}

TEST_F(ShardCellTest, GivesEachTurnToOneThreadOnly) {
  ASSERT_TRUE(by_actor(put("a", "one")).ok());
  ASSERT_TRUE(by_actor(get("a")).ok());
  std::atomic<bool> stop{false};
  std::atomic<int> inside{0}, met{0}, answered{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int turns = 0; turns < 20'000; ++turns) {
        const auto turn = cell.turn();
        if (inside.fetch_add(1) != 0) ++met;
        inside.fetch_sub(1);
      }
    });
  }
  threads.emplace_back([&] {
    while (!stop) {
      if (try_get(request_of(get("a")))) ++answered;
    }
  });
  threads[0].join();
  threads[1].join();
  while (answered == 0) std::this_thread::yield();
  stop = true;
  threads[2].join();
  EXPECT_EQ(met, 0);
}

TEST_F(ShardCellTest, IsNotAnsweredDuringAnotherTurnNorAfterTheEnd) {
  ASSERT_TRUE(by_actor(put("a", "one")).ok());
  ASSERT_TRUE(by_actor(get("a")).ok());
  {
    const auto turn = cell.turn();
    EXPECT_FALSE(try_get(request_of(get("a"))).has_value());
  }
  EXPECT_TRUE(try_get(request_of(get("a"))).has_value());
  cell.close();
  EXPECT_FALSE(try_get(request_of(get("a"))).has_value());
}

}  // namespace
}  // namespace coffer::actors

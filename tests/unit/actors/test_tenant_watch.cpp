// What a watcher of a tenant is promised: every committed change that he may list, once, in order, and an error instead
// of a gap.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core_fixture.hpp"

namespace coffer::actors {
namespace {

using model::ChangeType;
using model::Code;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TenantWatch : public ::testing::Test, public CoreFixture {
 protected:
  static model::Watch from(std::uint64_t revision, std::int64_t wait_ms = 0) {
    model::Watch watch;
    watch.from.counter = revision;
    watch.wait_ms = wait_ms;
    return watch;
  }
  static std::vector<std::string> told(const model::Result<model::Reply>& reply) {
    std::vector<std::string> lines;
    if (!reply) return {std::string(reply.error().message())};
    for (const auto& change : std::get<model::WatchReply>(reply->body).changes) {
      lines.push_back(std::to_string(change.revision) + " " + std::to_string(static_cast<int>(change.type)) + " " +
                      change.space + "/" + change.name + " " + std::to_string(change.version));
    }
    return lines;
  }
  static std::uint64_t next_of(const model::Result<model::Reply>& reply) {
    return std::get<model::WatchReply>(reply->body).next_revision;
  }
  std::unique_ptr<TenantCore> core = open();
};

TEST_F(TenantWatch, TellsEveryChangeFromARevisionOnInOrder) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  ASSERT_TRUE(run(*core, put("b", "1")).ok());
  model::Delete del;
  del.space = "kv", del.name = "a";
  ASSERT_TRUE(run(*core, del).ok());
  const auto reply = run(*core, from(1));
  EXPECT_THAT(told(reply), ElementsAre("1 1 kv/a 1", "2 1 kv/b 1", "3 2 kv/a 1"));
  EXPECT_EQ(next_of(reply), 4U);
  EXPECT_THAT(told(run(*core, from(3))), ElementsAre("3 2 kv/a 1"));
}

TEST_F(TenantWatch, WaitsForACommitAndTellsNothingThatIsOnlyProposed) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  auto watch = call(from(2, 10'000));
  send(*core, *watch);
  auto write = call(put("a", "2"));
  send(*core, *write);
  EXPECT_EQ(watch->completed, 0);
  EXPECT_TRUE(core->is_watched());
  commit(*core);
  ASSERT_EQ(watch->completed, 1);
  EXPECT_THAT(told(watch->reply), ElementsAre("2 1 kv/a 2"));
  EXPECT_FALSE(core->is_watched());
}

TEST_F(TenantWatch, WithoutARevisionBeginsWithWhatComesNext) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  auto watch = call(from(0, 10'000));
  send(*core, *watch);
  EXPECT_EQ(watch->completed, 0);
  ASSERT_TRUE(run(*core, put("b", "1")).ok());
  EXPECT_THAT(told(watch->reply), ElementsAre("2 1 kv/b 1"));
}

TEST_F(TenantWatch, IsAnsweredWithNothingWhenItsTimeIsOver) {
  auto watch = call(from(0, 10'000));
  send(*core, *watch);
  core->expire_watches();
  EXPECT_EQ(watch->completed, 0);
  now += 10'001;
  core->expire_watches();
  ASSERT_EQ(watch->completed, 1);
  EXPECT_THAT(told(watch->reply), ElementsAre());
  EXPECT_EQ(next_of(watch->reply), 1U);
}

TEST_F(TenantWatch, MovesOnOverChangesThatItDoesNotShow) {
  auto watch = from(1);
  watch.space = "kv", watch.prefix = "b";
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  const auto reply = run(*core, watch);
  EXPECT_THAT(told(reply), ElementsAre());
  EXPECT_EQ(next_of(reply), 2U) << "or a filter would run into what is not kept any more";
  ASSERT_TRUE(run(*core, put("b", "1")).ok());
  EXPECT_THAT(told(run(*core, watch)), ElementsAre("2 1 kv/b 1"));
}

TEST_F(TenantWatch, NeverPartsTheChangesOfOneRevision) {
  model::Transact both;
  both.operations = {put("a", "1"), put("b", "1"), put("c", "1")};
  ASSERT_TRUE(run(*core, both).ok());
  ASSERT_TRUE(run(*core, put("d", "1")).ok());
  auto watch = from(1);
  watch.limit = 1;
  const auto reply = run(*core, watch);
  EXPECT_THAT(told(reply), ElementsAre("1 1 kv/a 1", "1 1 kv/b 1", "1 1 kv/c 1"));
  EXPECT_EQ(next_of(reply), 2U);
}

TEST_F(TenantWatch, FromWhatIsNotKeptIsRefusedWithWhereToBeginAnew) {
  deps.kept_changes = 3;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(run(*core, put("a", "x")).ok());
  const auto reply = run(*core, from(7));
  EXPECT_EQ(reply.error().code, Code::revision_compacted);
  EXPECT_THAT(std::string(reply.error().message()), HasSubstr("watch from revision 1099511627787"));
  EXPECT_EQ(told(run(*core, from(8))).size(), 3U);
}

TEST_F(TenantWatch, FromARevisionThatNeverWasIsRefused) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  const auto reply = run(*core, from(3, 1000));
  EXPECT_EQ(reply.error().code, Code::invalid_argument);
  EXPECT_THAT(std::string(reply.error().message()), HasSubstr("the newest revision is 1099511627777"));
}

TEST_F(TenantWatch, FromARevisionOfALaterEpochIsOfALifeThatIsOver) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  auto over = from(1);
  over.from.epoch = 9;  // it had moved so often before a restore took it back
  EXPECT_EQ(run(*core, over).error().code, Code::revision_compacted);
}

TEST_F(TenantWatch, FromARevisionOfAnEarlierEpochIsRefusedForItsChangesMayNeverHaveBeen) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  EXPECT_EQ(told(run(*core, from(model::to_number({1, 1}) & 1))).size(), 1U) << "without an epoch: the tenant's own";
  auto later = from(1);
  later.from.epoch = 1;
  EXPECT_EQ(told(run(*core, later)).size(), 1U);
  store::v1::TenantHeader header;
  header.set_format(1), header.set_epoch(2), header.set_revision(1), header.set_oldest_change(1);
  header.set_oldest_request(1), header.set_next_request(1);
  storage::StateWriter writer(*engine);
  writer.apply(model::GroupId{1}, model::Generation{1}, tenant, {{storage::kHeaderRow, header.SerializeAsString()}});
  ASSERT_TRUE(writer.write().ok());
  core = open();
  EXPECT_EQ(run(*core, later).error().code, Code::revision_compacted);
}

TEST_F(TenantWatch, TellsOnlyWhatTheCallerMayList) {
  model::CreateToken create;
  create.scopes = {{static_cast<std::uint32_t>(model::Capability::list), {"kv"}, {"open/*"}}};
  const auto token = credential_of(create_token(*core, create));
  ASSERT_TRUE(run(*core, put("open/a", "1")).ok());
  ASSERT_TRUE(run(*core, put("closed/a", "1")).ok());
  EXPECT_THAT(told(run_as(*core, token, from(1))), ElementsAre("2 1 kv/open/a 1"));
}

TEST_F(TenantWatch, EndsWithTheCommitThatRevokesItsToken) {
  model::CreateToken create;
  create.scopes = {{static_cast<std::uint32_t>(model::Capability::list), {"kv"}, {"*"}}};
  const auto made = create_token(*core, create);
  auto watch = call(from(0, 10'000));
  watch->request.credential = credential_of(made);
  send(*core, *watch);
  ASSERT_EQ(watch->completed, 0);
  ASSERT_TRUE(run(*core, model::RevokeToken{made.token.id}).ok());
  ASSERT_EQ(watch->completed, 1);
  EXPECT_EQ(watch->reply.error().code, Code::unauthenticated);
}

TEST_F(TenantWatch, GoesOnInTheNextLifeOfTheShard) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  ASSERT_TRUE(run(*core, put("b", "1")).ok());
  core = open();
  EXPECT_THAT(told(run(*core, from(2))), ElementsAre("2 1 kv/b 1"));
}

TEST_F(TenantWatch, RefusesMoreThanTheTenantsShareOfWaiters) {
  deps.max_waiting_watches = 2;
  auto first = call(from(0, 1000)), second = call(from(0, 1000)), third = call(from(0, 1000));
  send(*core, *first), send(*core, *second), send(*core, *third);
  EXPECT_EQ(third->reply.error().code, Code::overloaded);
  EXPECT_EQ(second->completed, 0);
}

TEST_F(TenantWatch, ADamagedChangeRowIsToldAsDataLoss) {
  ASSERT_TRUE(run(*core, put("a", "1")).ok());
  storage::StateWriter writer(*engine);
  writer.apply(model::GroupId{1}, model::Generation{1}, tenant, {{storage::change_row(1), "damaged"}});
  ASSERT_TRUE(writer.write().ok());
  core = open();
  EXPECT_EQ(run(*core, from(1)).error().code, Code::data_loss);
}

}  // namespace
}  // namespace coffer::actors

// What a restart compacts again, and what it does not: each compaction reads and writes a whole group.

#include <atomic>

#include "actors/compacted_marks.hpp"
#include "keeper_fixture.hpp"
#include "storage/keys.hpp"
#include "tests/unit/storage/golden.hpp"

namespace coffer::actors {
namespace {

constexpr model::GroupId kGroup{3};
constexpr model::Generation kFirst{1}, kNext{2};

class CompactedMarksTest : public ::testing::Test {
 protected:
  CompactedMarksTest() { put_row(kFirst); }
  void put_row(model::Generation generation) {
    storage::Batch batch;
    batch.put(storage::state_key(kGroup, generation, {}, "row"), "value");
    ASSERT_TRUE(state->write(batch, storage::Durability::unsynced).ok());
  }
  /// A compaction from its beginning to its end, before which `meanwhile` happens.
  void compact(model::Generation now, const std::function<void()>& meanwhile = {}) {
    const auto begun = marks.begin(kGroup, now);
    if (meanwhile) meanwhile();
    if (const auto mark = marks.end(kGroup, begun, now)) {
      ASSERT_TRUE(state->write(*mark, storage::Durability::unsynced).ok());
    }
  }
  /// The first question of the node's next life.
  bool asks_again(model::TimeMs purged_at, model::Generation generation = kFirst) const {
    return CompactedMarks(*state, log_store).is_to_compact(kGroup, purged_at, generation);
  }

  std::unique_ptr<storage::Engine> state = storage::open_memory(), log = storage::open_memory();
  storage::LogStore log_store{*log};
  CompactedMarks marks{*state, log_store};
};

TEST_F(CompactedMarksTest, WhatIsCompactedIsNotCompactedAgainAndLaterPurgesAre) {
  EXPECT_TRUE(marks.is_to_compact(kGroup, 100, kFirst));
  EXPECT_TRUE(asks_again(100)) << "it was told, and not done";
  compact(kFirst);
  EXPECT_FALSE(asks_again(100));
  EXPECT_FALSE(asks_again(99));
  EXPECT_TRUE(asks_again(101));
  EXPECT_TRUE(CompactedMarks(*state, log_store).is_to_compact(model::GroupId{4}, 1, kFirst)) << "another group";
}

TEST_F(CompactedMarksTest, APurgeThatIsToldWhileACompactionRunsIsNotCoveredByIt) {
  EXPECT_TRUE(marks.is_to_compact(kGroup, 100, kFirst));
  compact(kFirst, [&] { EXPECT_TRUE(marks.is_to_compact(kGroup, 200, kFirst)); });
  EXPECT_FALSE(asks_again(100));
  EXPECT_TRUE(asks_again(200));
}

TEST_F(CompactedMarksTest, RowsThatCameAnewAreCompactedAnew) {
  EXPECT_TRUE(marks.is_to_compact(kGroup, 100, kFirst));
  compact(kFirst);
  EXPECT_TRUE(asks_again(100, kNext)) << "from another node";
  storage::Batch gone;
  gone.del(storage::state_key(kGroup, kFirst, {}, "row"));
  ASSERT_TRUE(state->write(gone, storage::Durability::unsynced).ok());
  EXPECT_TRUE(asks_again(100)) << "the replica was let go of";
  EXPECT_TRUE(marks.is_to_compact(kGroup, 100, kFirst));
  compact(kFirst);
  EXPECT_FALSE(asks_again(100));
  put_row(kFirst);
  EXPECT_TRUE(asks_again(100)) << "and came again, with its log from the beginning";
}

TEST_F(CompactedMarksTest, AReplicaThatComesWhileACompactionRunsIsNotCoveredByIt) {
  storage::Batch gone;
  gone.del(storage::state_key(kGroup, kFirst, {}, "row"));
  ASSERT_TRUE(state->write(gone, storage::Durability::unsynced).ok());
  EXPECT_TRUE(marks.is_to_compact(kGroup, 100, kFirst));
  compact(kFirst, [&] { put_row(kFirst); });
  EXPECT_TRUE(asks_again(100));
}

TEST_F(CompactedMarksTest, TheRecordIsThatOfItsGoldenFileAndOneThatIsNotReadIsNoMark) {
  EXPECT_TRUE(marks.is_to_compact(kGroup, 0x1234567, kFirst));
  const auto mark = marks.end(kGroup, marks.begin(kGroup, kFirst), kFirst);
  ASSERT_TRUE(mark);
  const auto ops = mark->ops();
  ASSERT_EQ(ops.size(), 1U);
  const test::GoldenLines today{{"key", std::string(ops[0].key)}, {"compacted", std::string(ops[0].value)}};
  const auto stored = test::golden_of("actors", "compacted.hex", today);
  EXPECT_EQ(stored, today);
  storage::Batch batch;
  batch.put(stored.at(0).second, stored.at(1).second);
  ASSERT_TRUE(state->write(batch, storage::Durability::unsynced).ok());
  EXPECT_FALSE(asks_again(0x1234567));
  batch.put(stored.at(0).second, "\xff\xff");
  ASSERT_TRUE(state->write(batch, storage::Durability::unsynced).ok());
  EXPECT_TRUE(asks_again(0x1234567));
}

/// Counts compactions.
class CountingEngine final : public storage::Engine {
 public:
  CountingEngine(std::unique_ptr<storage::Engine> engine, std::atomic<int>& count)
      : engine_(std::move(engine)), count_(count) {}
  model::Result<std::optional<std::string>> get(std::string_view key) const override { return engine_->get(key); }
  std::unique_ptr<storage::Scan> scan(std::string_view begin, std::string_view end) const override {
    return engine_->scan(begin, end);
  }
  model::Status write(const storage::Batch& batch, storage::Durability durability) override {
    return engine_->write(batch, durability);
  }
  model::Status flush() override { return engine_->flush(); }
  model::Status compact(std::string_view begin, std::string_view end) override {
    ++count_;
    return engine_->compact(begin, end);
  }

 private:
  std::unique_ptr<storage::Engine> engine_;
  std::atomic<int>& count_;
};

TEST(CompactedMarksOfANode, ARestartCompactsNothingOfPurgesThatItHasDoneAndTheNextPurgeIsCompacted) {
  std::atomic<int> compactions{0};
  const auto counting = [&](NodeOptions& options) {
    options.state_engine = std::make_unique<CountingEngine>(std::move(options.state_engine), compactions);
  };
  Cluster cluster;
  ASSERT_TRUE(cluster.start(counting).ok());
  const auto purge = [&](const std::string& tenant) {
    ASSERT_TRUE(cluster.put(tenant, "a", "value").ok());
    ASSERT_TRUE(cluster.direct(model::DeleteTenant{tenant, {}, true, 0}).ok());
    model::ListTenants list;
    list.only_deleted = true;
    ASSERT_TRUE(eventually([&] {
      const auto reply = cluster.direct(list);
      return reply.ok() && std::get<model::TenantsReply>(reply->body).tenants.empty();
    }));
  };
  purge("t");
  ASSERT_TRUE(eventually([&] { return compactions >= 2; })) << "the purge's own, and one when it is told";
  std::this_thread::sleep_for(std::chrono::seconds(1));  // the mark is written behind that
  compactions = 0;
  for (int times = 0; times < 2; ++times) {
    ASSERT_TRUE(cluster.start(counting).ok());
    std::this_thread::sleep_for(std::chrono::seconds(2));  // ten rounds of the keeper
    EXPECT_EQ(compactions, 0);
  }
  purge("u");
  EXPECT_GT(compactions, 0);
}

}  // namespace
}  // namespace coffer::actors

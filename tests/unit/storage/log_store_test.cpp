// The log database: what a group finds at start is what was written, or a sentence about what is wrong with it.

#include "storage/log_store.hpp"

#include "coffer/store/v1/records.pb.h"
#include "storage/keys.hpp"
#include "storage/open.hpp"
#include "tests/unit/storage/golden.hpp"

namespace coffer::storage {
namespace {

using testing::HasSubstr;

constexpr model::GroupId kGroup{3};

LogEntry entry(std::uint64_t index, std::uint64_t term, const std::string& data, EntryKind kind = EntryKind::command) {
  return {model::Index(index), model::Term(term), kind, std::make_shared<const std::string>(data)};
}

std::string log_key(std::uint64_t index) {
  std::string key = "e";
  append_be64(key, kGroup.value);
  append_be64(key, index);
  return key;
}

std::string group_key(char kind) {
  std::string key(1, kind);
  append_be64(key, kGroup.value);
  return key;
}

class LogStoreTest : public testing::Test {
 protected:
  void append(const std::vector<LogEntry>& entries, std::uint64_t last_stored = 0) {
    LogBatch batch;
    batch.append(kGroup, entries, model::Index(last_stored));
    ASSERT_TRUE(store_.commit(batch).ok());
  }
  void set_raw(const std::string& key, const std::string& value) {
    Batch batch;
    batch.put(key, value);
    ASSERT_TRUE(engine_->write(batch, Durability::synced).ok());
  }
  void remove_raw(const std::string& key) {
    Batch batch;
    batch.del(key);
    ASSERT_TRUE(engine_->write(batch, Durability::synced).ok());
  }
  Recovered recover(model::GroupId group = kGroup) const {
    auto recovered = store_.recover(group);
    EXPECT_TRUE(recovered.ok()) << (recovered.ok() ? "" : recovered.error().detail);
    return recovered.ok() ? std::move(recovered).value() : Recovered();
  }
  std::string refusal() const {
    auto recovered = store_.recover(kGroup);
    EXPECT_FALSE(recovered.ok());
    if (recovered.ok()) return {};
    EXPECT_EQ(recovered.error().code, model::Code::data_loss);
    return recovered.error().detail;
  }
  static std::string text_of(const Recovered& recovered) {
    std::string text;
    for (const LogEntry& e : recovered.entries) {
      text += std::to_string(e.index.value) + ":" + std::to_string(e.term.value) + ":" + *e.data + " ";
    }
    return text;
  }

  std::unique_ptr<Engine> engine_ = open_memory();
  LogStore store_{*engine_};
};

TEST_F(LogStoreTest, APristineGroupHasNothing) {
  const Recovered recovered = recover();
  EXPECT_EQ(recovered.hard_state, HardState{});
  EXPECT_EQ(recovered.snapshot, std::nullopt);
  EXPECT_TRUE(recovered.entries.empty());
}

TEST_F(LogStoreTest, WhatWasCommittedIsRecovered) {
  const std::string binary("\0\xff\n", 3);
  LogBatch batch;
  EXPECT_TRUE(batch.empty());
  batch.hard_state(kGroup, {model::Term(7), model::NodeId(2)});
  batch.append(
      kGroup, {entry(1, 1, "conf", EntryKind::configuration), entry(2, 6, binary), entry(3, 7, "", EntryKind::barrier)},
      {});
  EXPECT_FALSE(batch.empty());
  ASSERT_TRUE(store_.commit(batch).ok());
  const Recovered recovered = recover();
  EXPECT_EQ(recovered.hard_state, (HardState{model::Term(7), model::NodeId(2)}));
  ASSERT_EQ(recovered.entries.size(), 3u);
  EXPECT_EQ(recovered.entries[0].kind, EntryKind::configuration);
  EXPECT_EQ(*recovered.entries[1].data, binary);
  EXPECT_EQ(recovered.entries[2].kind, EntryKind::barrier);
  EXPECT_EQ(text_of(recovered), "1:1:conf 2:6:" + binary + " 3:7: ");
}

TEST_F(LogStoreTest, GroupsDoNotSeeEachOther) {
  LogBatch batch;
  for (const std::uint64_t group : {2, 3, 4, 0x300}) {
    batch.hard_state(model::GroupId(group), {model::Term(group), {}});
    batch.append(model::GroupId(group), {entry(1, group, "x"), entry(2, group, "y")}, {});
  }
  ASSERT_TRUE(store_.commit(batch).ok());
  for (const std::uint64_t group : {2, 3, 4, 0x300}) {
    const Recovered recovered = recover(model::GroupId(group));
    EXPECT_EQ(recovered.hard_state.term.value, group);
    ASSERT_EQ(recovered.entries.size(), 2u);
    EXPECT_EQ(recovered.entries[0].term.value, group);
  }
}

TEST_F(LogStoreTest, AnAppendReplacesEverythingFromItsFirstIndexOn) {
  append({entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 1, "c"), entry(4, 1, "d"), entry(5, 1, "e")});
  append({entry(3, 2, "x")}, 5);
  EXPECT_EQ(text_of(recover()), "1:1:a 2:1:b 3:2:x ");
  append({entry(2, 3, "y"), entry(3, 3, "z"), entry(4, 3, "w")}, 3);
  EXPECT_EQ(text_of(recover()), "1:1:a 2:3:y 3:3:z 4:3:w ");
  append({}, 4);
  EXPECT_EQ(recover().entries.size(), 4u);
}

TEST_F(LogStoreTest, ASnapshotTakesItsEntriesAway) {
  append({entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 1, "c"), entry(4, 2, "d")});
  const Snapshot snapshot{model::Index(3), model::Term(1), "configuration", model::Index(1), model::Generation(2)};
  LogBatch batch;
  batch.snapshot(kGroup, snapshot, model::Index(1), model::Index(3));
  ASSERT_TRUE(store_.commit(batch).ok());
  const Recovered recovered = recover();
  EXPECT_EQ(recovered.snapshot, snapshot);
  EXPECT_EQ(text_of(recovered), "4:2:d ");
  EXPECT_TRUE(engine_->get(log_key(4))->has_value());
  for (const std::uint64_t gone : {1, 2, 3}) EXPECT_FALSE(engine_->get(log_key(gone))->has_value());
}

TEST_F(LogStoreTest, EntriesAtOrBelowTheSnapshotAreLeftOut) {
  append({entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 1, "c")});
  LogBatch batch;
  batch.snapshot(kGroup, {model::Index(2), model::Term(1), "", {}, model::Generation(1)}, model::Index(1), {});
  ASSERT_TRUE(store_.commit(batch).ok());
  ASSERT_TRUE(engine_->get(log_key(2))->has_value());
  EXPECT_EQ(text_of(recover()), "3:1:c ");
}

TEST_F(LogStoreTest, AGapIsRefused) {
  append({entry(1, 1, "a"), entry(2, 1, "b"), entry(3, 1, "c")});
  remove_raw(log_key(2));
  EXPECT_EQ(refusal(), "The log of group 3 has a gap: entry 2 is missing before entry 3.");
}

TEST_F(LogStoreTest, ALogThatDoesNotBeginWhereItShouldIsRefused) {
  append({entry(2, 1, "b")});
  EXPECT_THAT(refusal(), HasSubstr("entry 1 is missing before entry 2"));
  LogBatch batch;
  batch.snapshot(kGroup, {model::Index(5), model::Term(1), "", {}, model::Generation(1)}, model::Index(2),
                 model::Index(2));
  batch.append(kGroup, {entry(7, 1, "g")}, {});
  ASSERT_TRUE(store_.commit(batch).ok());
  EXPECT_THAT(refusal(), HasSubstr("entry 6 is missing before entry 7"));
}

TEST_F(LogStoreTest, AnUnknownFormatIsRefusedWithASentence) {
  store::v1::LogRecord newer;
  newer.set_format(2);
  newer.set_kind(1);
  set_raw(log_key(1), newer.SerializeAsString());
  EXPECT_EQ(refusal(),
            "The entry 1 of group 3 in the log database has format 2, and this Coffer reads only format 1: it is "
            "damaged or from a newer version.");
  remove_raw(log_key(1));
  set_raw(group_key('h'), "");
  EXPECT_THAT(refusal(), HasSubstr("hard state of group 3"));
  remove_raw(group_key('h'));
  store::v1::SnapshotRecord snapshot;
  snapshot.set_format(9);
  set_raw(group_key('s'), snapshot.SerializeAsString());
  EXPECT_THAT(refusal(), HasSubstr("durable index of group 3"));
}

TEST_F(LogStoreTest, ARecordThatDoesNotParseIsRefused) {
  set_raw(log_key(1), "\x0a\xff\xff");
  EXPECT_THAT(refusal(), HasSubstr("cannot be read"));
}

TEST_F(LogStoreTest, AnUnknownKindIsRefused) {
  for (const std::uint32_t kind : {0u, 4u, 257u}) {
    store::v1::LogRecord record;
    record.set_format(1);
    record.set_kind(kind);
    set_raw(log_key(1), record.SerializeAsString());
    EXPECT_THAT(refusal(), HasSubstr("unknown kind"));
  }
}

TEST_F(LogStoreTest, AKeyOfAnotherLengthIsRefused) {
  append({entry(1, 1, "a")});
  set_raw(log_key(2) + "x", "");
  EXPECT_THAT(refusal(), HasSubstr("not an entry's"));
}

TEST_F(LogStoreTest, TheNodesRecordIsReadBack) {
  auto none = store_.node();
  ASSERT_TRUE(none.ok());
  EXPECT_FALSE(none->has_value());
  LogBatch batch;
  batch.node({model::NodeId(5), "sixteen bytes...", 32, "a life"});
  ASSERT_TRUE(store_.commit(batch).ok());
  auto node = store_.node();
  ASSERT_TRUE(node.ok() && node->has_value());
  EXPECT_EQ((*node)->id, model::NodeId(5));
  EXPECT_EQ((*node)->cluster_id, "sixteen bytes...");
  EXPECT_EQ((*node)->data_groups, 32u);
  EXPECT_EQ((*node)->log_life, "a life");
}

/// A scan that ends early because of damage.
class DamagedScan final : public Scan {
 public:
  bool valid() const override { return false; }
  void next() override {}
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  model::Status status() const override { return model::Error(model::Code::data_loss, "The database is damaged."); }
};

/// Passes writes on and remembers how durable they were asked to be.
class WatchedEngine final : public Engine {
 public:
  model::Result<std::optional<std::string>> get(std::string_view key) const override { return rows_->get(key); }
  std::unique_ptr<Scan> scan(std::string_view begin, std::string_view end) const override {
    if (damaged) return std::make_unique<DamagedScan>();
    return rows_->scan(begin, end);
  }
  model::Status write(const Batch& batch, Durability durability) override {
    asked.push_back(durability);
    return rows_->write(batch, durability);
  }
  model::Status flush() override { return rows_->flush(); }
  std::vector<Durability> asked;
  bool damaged = false;

 private:
  std::unique_ptr<Engine> rows_ = open_memory();
};

TEST(LogStore, DamageWithinTheLogIsNotItsEnd) {
  WatchedEngine engine;
  engine.damaged = true;
  auto recovered = LogStore(engine).recover(kGroup);
  ASSERT_FALSE(recovered.ok());
  EXPECT_EQ(recovered.error().detail, "The database is damaged.");
}

TEST(LogStore, EveryCommitIsOneSyncedWriteAndAnEmptyOneIsNone) {
  WatchedEngine engine;
  LogStore store(engine);
  LogBatch batch;
  ASSERT_TRUE(store.commit(batch).ok());
  EXPECT_TRUE(engine.asked.empty());
  batch.hard_state(kGroup, {});
  batch.append(kGroup, {entry(1, 1, "a")}, {});
  batch.append(model::GroupId(4), {entry(1, 1, "a")}, {});
  ASSERT_TRUE(store.commit(batch).ok());
  EXPECT_EQ(engine.asked, std::vector<Durability>{Durability::synced});
}

LogBatch golden_batch() {
  LogBatch batch;
  batch.hard_state(kGroup, {model::Term(0x1234), model::NodeId(5)});
  batch.append(kGroup,
               {entry(11, 0x1234, std::string("\0write set\xff", 11)), entry(12, 0x1234, "", EntryKind::barrier),
                entry(13, 0x1234, "voters", EntryKind::configuration)},
               {});
  batch.snapshot(kGroup, {model::Index(10), model::Term(0x1233), "voters", model::Index(1), model::Generation(2)},
                 model::Index(1), {});
  batch.node({model::NodeId(5), std::string("0123456789abcdef"), 16});
  return batch;
}

TEST(LogRecords, AreThoseOfTheGoldenFiles) {
  static const char* const kNames[] = {"hard_state", "command", "barrier", "configuration", "durable_index", "node"};
  test::GoldenLines keys, values;
  const LogBatch batch = golden_batch();
  ASSERT_EQ(batch.batch().ops().size(), std::size(kNames));
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    keys.emplace_back(kNames[i], batch.batch().ops()[i].key);
    values.emplace_back(kNames[i], batch.batch().ops()[i].value);
  }
  EXPECT_EQ(keys, test::golden("log_keys.hex", keys));
  EXPECT_EQ(values, test::golden("log_records.hex", values));
}

TEST(LogRecords, OfTheGoldenFilesAreStillRead) {
  const auto keys = test::golden("log_keys.hex", {}), values = test::golden("log_records.hex", {});
  ASSERT_EQ(keys.size(), 6u);
  ASSERT_EQ(values.size(), 6u);
  Batch stored;
  for (std::size_t i = 0; i < keys.size(); ++i) stored.put(keys[i].second, values[i].second);
  auto engine = open_memory();
  ASSERT_TRUE(engine->write(stored, Durability::synced).ok());
  LogStore store(*engine);
  auto recovered = store.recover(kGroup);
  ASSERT_TRUE(recovered.ok());
  EXPECT_EQ(recovered->hard_state, (HardState{model::Term(0x1234), model::NodeId(5)}));
  EXPECT_EQ(recovered->snapshot,
            (Snapshot{model::Index(10), model::Term(0x1233), "voters", model::Index(1), model::Generation(2)}));
  ASSERT_EQ(recovered->entries.size(), 3u);
  EXPECT_EQ(*recovered->entries[0].data, std::string("\0write set\xff", 11));
  EXPECT_EQ(recovered->entries[1].kind, EntryKind::barrier);
  EXPECT_EQ(recovered->entries[2].kind, EntryKind::configuration);
  auto node = store.node();
  ASSERT_TRUE(node.ok() && node->has_value());
  EXPECT_EQ((*node)->cluster_id, "0123456789abcdef");
  EXPECT_EQ((*node)->log_life, "") << "the stored record is of before lives were noted";
}

LogBatch golden_floor() {
  LogBatch batch;
  batch.leave(kGroup, {model::Term(0x1234), model::Index(0x5678)}, model::Index(11), model::Index(12));
  return batch;
}

TEST(LogRecords, OfAFormerLogAreThoseOfTheirGoldenFileAndAreStillRead) {
  const LogBatch gone = golden_floor();
  const auto put = gone.batch().ops()[0];
  const test::GoldenLines written{{"key", std::string(put.key)}, {"floor", std::string(put.value)}};
  const auto stored = test::golden("log_floor.hex", written);
  ASSERT_EQ(stored.size(), 2U);
  EXPECT_EQ(stored, written);
  auto engine = open_memory();
  Batch batch;
  batch.put(stored[0].second, stored[1].second);
  ASSERT_TRUE(engine->write(batch, Durability::synced).ok());
  EXPECT_EQ(LogStore(*engine).recover(kGroup)->floor, (LogEnd{model::Term(0x1234), model::Index(0x5678)}));
}

TEST_F(LogStoreTest, OfAReplicaThatIsLetGoOnlyTermVoteAndTheEndOfItsLogStay) {
  auto engine = open_memory();
  LogStore store(*engine);
  LogBatch batch = golden_batch();
  batch.append(model::GroupId(4), {entry(1, 1, "other")}, {});
  ASSERT_TRUE(store.commit(batch).ok());
  LogBatch gone;
  gone.leave(kGroup, {model::Term(0x1234), model::Index(13)}, model::Index(11), model::Index(13));
  ASSERT_TRUE(store.commit(gone).ok());
  const auto left = store.recover(kGroup);
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(left->hard_state, (HardState{model::Term(0x1234), model::NodeId(5)}));
  EXPECT_FALSE(left->snapshot);
  EXPECT_TRUE(left->entries.empty());
  EXPECT_EQ(left->floor, (LogEnd{model::Term(0x1234), model::Index(13)}));
  EXPECT_EQ(store.recover(model::GroupId(4))->entries.size(), 1U);
}

}  // namespace
}  // namespace coffer::storage

// A group's state from node to node: the two values against each other over a link that loses, and the bytes.

#include "cluster/snapshot_transfer.hpp"

#include "cluster/checksum.hpp"
#include "harness.hpp"
#include "storage/state_copy.hpp"
#include "storage/state_store.hpp"
#include "tests/unit/storage/golden.hpp"

namespace coffer::cluster::testing {
namespace {

const model::NodeId kSelf{9};
const model::Generation kOld{1}, kNew{2};

model::TenantId tenant(std::uint8_t n) {
  model::TenantId id;
  id.bytes[0] = n;
  return id;
}

/// A node's state database.
struct Store {
  std::unique_ptr<storage::Engine> engine = storage::open_memory();
  void put(model::Generation generation, std::uint8_t t, const std::string& row, std::optional<std::string> value) {
    storage::StateWriter writer(*engine);
    writer.apply(kGroup, generation, tenant(t), {{row, std::move(value)}});
    ASSERT_TRUE(writer.write().ok());
  }
  std::map<std::string, std::string> rows(model::Generation generation) const {
    std::map<std::string, std::string> out;
    for (std::uint8_t t = 0; t < 8; ++t) {
      const storage::TenantRows rows(*engine, kGroup, generation, tenant(t));
      for (auto scan = rows.scan("", ""); scan->valid(); scan->next()) {
        out[std::to_string(t) + ":" + std::string(rows.row_of(scan->key()))] = scan->value();
      }
    }
    return out;
  }
};

class SnapshotTransferTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (auto* store : {&one, &two}) {
      for (int i = 0; i < 40; ++i) {
        store->put(kOld, static_cast<std::uint8_t>(i % 5), "row" + std::to_string(i), std::string(70'000, 'a'));
      }
      store->put(kOld, 6, "large", std::string(900'000, 'b'));
    }
  }
  Store& store_of(model::NodeId id) { return id.value == 1 ? one : two; }

  /// Lets sink and sources talk until the sink has everything; `lose` is asked about each message.
  void run(SnapshotSink& sink, const std::function<bool(const SnapshotMessage&)>& lose = nullptr) {
    std::map<std::uint64_t, std::optional<SnapshotSource>> sources;
    for (int round = 0; round < 5000 && !sink.finished(); ++round) {
      sink.tick(now);
      for (auto& [to, message] : sink.take_messages()) {
        if (lose && lose(message)) continue;
        auto& source = sources[to.value];
        if (const auto* request = std::get_if<SnapshotRequest>(&message)) {
          if (refuses.contains(to.value)) {
            sink.refused(to, {request->transfer}, now);
          } else {
            source.emplace(*request);
          }
        } else if (const auto* credit = std::get_if<SnapshotCredit>(&message); credit && source) {
          source->credit(*credit);
        }
      }
      for (auto& [id, source] : sources) {
        std::size_t window = 0;
        for (std::optional<SnapshotSource::Order> order; source && (order = source->next()); ++window) {
          auto block =
              storage::read_block(*store_of(model::NodeId(id)).engine, kGroup, kOld, order->after, kMaxChunkBytes);
          ASSERT_TRUE(block.ok());
          largest = std::max(largest, block->rows.size());
          SnapshotMessage message = source->chunk(std::move(block->rows), std::move(block->last_key), block->is_last);
          if (lose && lose(message)) continue;
          auto arrived = decode_snapshot(encode(message).expose());
          ASSERT_TRUE(arrived.ok());
          if (damage) damage(std::get<SnapshotChunk>(*arrived));
          if (auto rows = sink.chunk(model::NodeId(id), std::get<SnapshotChunk>(*arrived), now)) {
            storage::Batch batch;
            ASSERT_TRUE(storage::add_block(rows->rows, kGroup, kNew, batch).ok());
            ASSERT_TRUE(target.engine->write(batch, storage::Durability::unsynced).ok());
            sink.written(rows->number);
          }
        }
        EXPECT_LE(window, kChunkWindow);
      }
      now += 50;
    }
    ASSERT_TRUE(sink.finished());
  }

  Store one, two, target;
  std::set<std::uint64_t> refuses;
  std::function<void(SnapshotChunk&)> damage;
  std::size_t largest = 0;
  MonotonicMs now = 1000;
  storage::Snapshot snapshot{model::Index(50), model::Term(3), "servers", model::Index(1), kNew};
};

TEST_F(SnapshotTransferTest, TheWholeStateArrivesInBoundedChunks) {
  SnapshotSink sink(snapshot, {model::NodeId(1)}, 77, now);
  run(sink);
  EXPECT_EQ(target.rows(kNew), one.rows(kOld));
  EXPECT_LE(largest, std::size_t{910'000}) << "only the one large row is larger than a chunk";
  EXPECT_EQ(sink.restarts(), 0U);
}

TEST_F(SnapshotTransferTest, LostMessagesBeginTheTransferAnewWhereItStopped) {
  int n = 0;
  SnapshotSink sink(snapshot, {model::NodeId(1)}, 77, now);
  run(sink, [&](const SnapshotMessage&) { return ++n % 7 == 0; });
  EXPECT_EQ(target.rows(kNew), one.rows(kOld));
  EXPECT_GT(sink.restarts(), 0U);
}

TEST_F(SnapshotTransferTest, ADamagedChunkIsNotWritten) {
  int n = 0;
  damage = [&](SnapshotChunk& chunk) {
    if (++n == 3) chunk.rows[chunk.rows.size() / 2] ^= 1;
    if (n == 6) chunk.last_key += "x";
    if (n == 9) chunk.is_last = !chunk.is_last;
  };
  SnapshotSink sink(snapshot, {model::NodeId(1)}, 77, now);
  run(sink);
  EXPECT_EQ(target.rows(kNew), one.rows(kOld));
  EXPECT_GE(sink.restarts(), 2U);
}

TEST_F(SnapshotTransferTest, ASourceThatRefusesOrFallsSilentIsReplacedByAnother) {
  refuses = {1};
  SnapshotSink sink(snapshot, {model::NodeId(1), model::NodeId(2)}, 77, now);
  run(sink);
  EXPECT_EQ(target.rows(kNew), two.rows(kOld));

  Store fresh;
  std::swap(target, fresh);
  refuses.clear();
  int n = 0;
  SnapshotSink second(snapshot, {model::NodeId(1), model::NodeId(2)}, 88, now);
  run(second, [&](const SnapshotMessage& m) {
    return std::holds_alternative<SnapshotChunk>(m) && ++n >= 4 && n < 12;  // one falls silent in the middle
  });
  EXPECT_EQ(target.rows(kNew), one.rows(kOld));
}

TEST_F(SnapshotTransferTest, AnImageOfTwoMomentsIsExactAfterTheEntriesBehindTheSnapshot) {
  // Node two has applied more than node one; half the image comes from each.
  const std::vector<std::pair<std::string, std::optional<std::string>>> later = {
      {"row3", "changed"}, {"row7", std::nullopt}, {"row41", "new"}, {"row39", std::nullopt}, {"row39", "again"}};
  for (const auto& [row, value] : later) two.put(kOld, 3, row, value);
  int n = 0;
  bool silent = false;
  SnapshotSink sink(snapshot, {model::NodeId(1), model::NodeId(2)}, 77, now);
  run(sink, [&](const SnapshotMessage& m) {
    if (std::holds_alternative<SnapshotChunk>(m) && ++n == 5) silent = true;  // node one, until the sink asks node two
    if (std::holds_alternative<SnapshotRequest>(m)) silent = false;
    return silent;
  });
  for (const auto& [row, value] : later) target.put(kNew, 3, row, value);
  EXPECT_EQ(target.rows(kNew), two.rows(kOld));
}

TEST_F(SnapshotTransferTest, ASinkWithoutSourcesWaitsForThem) {
  SnapshotSink sink(snapshot, {}, 77, now);
  sink.tick(now + 10'000);
  EXPECT_TRUE(sink.take_messages().empty());
  sink.set_sources({model::NodeId(2)}, now);
  run(sink);
  EXPECT_EQ(target.rows(kNew), two.rows(kOld));
}

TEST_F(SnapshotTransferTest, AnEmptyStateIsOneEmptyChunk) {
  Store none;
  std::swap(one, none);
  SnapshotSink sink(snapshot, {model::NodeId(1)}, 77, now);
  run(sink);
  EXPECT_TRUE(target.rows(kNew).empty());
}

TEST(SnapshotWireTest, MessagesHaveTheBytesOfTheGoldenFileAndNothingElseParses) {
  SnapshotSource source({5, model::Index(900), "after", 4});
  source.next();
  SnapshotChunk chunk = source.chunk("rows", "last", true);
  const std::vector<std::pair<std::string, SnapshotMessage>> samples = {
      {"request", SnapshotRequest{300, model::Index(70000), "key", 8}},
      {"chunk", chunk},
      {"credit", SnapshotCredit{300, 7}},
      {"refusal", SnapshotRefusal{300}},
  };
  test::GoldenLines current;
  for (const auto& [name, message] : samples) current.emplace_back(name, std::string(encode(message).expose()));
  EXPECT_EQ(test::golden_of("cluster", "snapshot_messages.hex", current), current);
  for (const auto& [name, bytes] : current) {
    const auto decoded = decode_snapshot(bytes);
    ASSERT_TRUE(decoded.ok()) << name;
    EXPECT_EQ(encode(*decoded).expose(), bytes) << name;
    for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_snapshot(bytes.substr(0, n)).ok()) << name << n;
    EXPECT_FALSE(decode_snapshot(bytes + '\0').ok());
  }
  EXPECT_EQ(decode_snapshot("\x02\x01").error().code, model::Code::unimplemented);
}

TEST(StateCopyTest, GenerationsAreListedAndDroppedInSlices) {
  Store store;
  for (int i = 0; i < 10; ++i) {
    store.put(kOld, 1, "row" + std::to_string(i), "old");
    store.put(kNew, 1, "row" + std::to_string(i), "new");
  }
  EXPECT_EQ(*storage::generations(*store.engine, kGroup), (std::vector<model::Generation>{kOld, kNew}));
  EXPECT_FALSE(*storage::drop_generation(*store.engine, kGroup, kOld, 4));
  EXPECT_EQ(store.rows(kOld).size(), 6U);
  EXPECT_FALSE(*storage::drop_generation(*store.engine, kGroup, kOld, 4));
  EXPECT_TRUE(*storage::drop_generation(*store.engine, kGroup, kOld, 4));
  EXPECT_EQ(*storage::generations(*store.engine, kGroup), std::vector<model::Generation>{kNew});
  EXPECT_EQ(store.rows(kNew).size(), 10U);
}

TEST(StateCopyTest, ABlockThatIsNoneIsRefused) {
  storage::Batch batch;
  EXPECT_EQ(storage::add_block("\x05"
                               "ab",
                               kGroup, kNew, batch)
                .error()
                .code,
            model::Code::data_loss);
  EXPECT_EQ(storage::add_block(std::string("\x02"
                                           "ab"
                                           "\x01"
                                           "c",
                                           5),
                               kGroup, kNew, batch)
                .error()
                .code,
            model::Code::data_loss)
      << "a key without a tenant";
}

}  // namespace
}  // namespace coffer::cluster::testing

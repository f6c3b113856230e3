// The contract of storage/engine.hpp, run over every engine that Coffer has.

#include <atomic>
#include <functional>
#include <thread>

#include "storage/faulty_engine.hpp"
#include "storage/open.hpp"
#include "tests/unit/storage/temp_dir.hpp"

namespace coffer::storage {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Engine>(const std::string& directory)> open;
};

class EngineContract : public testing::TestWithParam<Kind> {
 protected:
  EngineContract() : engine_(GetParam().open(directory_.path())) {}

  void put(const std::string& key, const std::string& value, Durability durability = Durability::unsynced) {
    Batch batch;
    batch.put(key, value);
    ASSERT_TRUE(engine_->write(batch, durability).ok());
  }
  std::optional<std::string> get(std::string_view key) const {
    auto value = engine_->get(key);
    EXPECT_TRUE(value.ok());
    return value.ok() ? *value : std::nullopt;
  }
  static Rows rest_of(Scan& scan) {
    Rows rows;
    for (; scan.valid(); scan.next()) rows.emplace_back(scan.key(), scan.value());
    EXPECT_TRUE(scan.status().ok());
    return rows;
  }
  Rows rows(std::string_view begin, std::string_view end) const { return rest_of(*engine_->scan(begin, end)); }

  test::TempDir directory_;
  std::unique_ptr<Engine> engine_;
};

TEST_P(EngineContract, AMissingKeyIsNoError) { EXPECT_EQ(get("nothing"), std::nullopt); }

TEST_P(EngineContract, AWrittenValueIsReadBack) {
  put("key", "value");
  EXPECT_EQ(get("key"), "value");
  put("key", "other", Durability::synced);
  EXPECT_EQ(get("key"), "other");
}

TEST_P(EngineContract, AnEmptyValueIsNotAMissingOne) {
  put("key", "");
  EXPECT_EQ(get("key"), "");
}

TEST_P(EngineContract, KeysAndValuesMayHoldAnyByte) {
  const std::string key("k\0\xff\n", 4), value("\0\xfe\0", 3);
  put(key, value);
  EXPECT_EQ(get(key), value);
  EXPECT_EQ(get("k"), std::nullopt);
}

TEST_P(EngineContract, AMegabyteValueIsReadBack) {
  const std::string large(1 << 20, 'x');
  put("large", large, Durability::synced);
  EXPECT_EQ(get("large"), large);
}

TEST_P(EngineContract, ADeletedKeyIsGoneAndDeletingAMissingOneIsNoError) {
  put("key", "value");
  Batch batch;
  batch.del("key");
  batch.del("never there");
  ASSERT_TRUE(engine_->write(batch, Durability::unsynced).ok());
  EXPECT_EQ(get("key"), std::nullopt);
}

TEST_P(EngineContract, ABatchTakesEffectInItsOrder) {
  Batch batch;
  batch.put("a", "1");
  batch.del("a");
  batch.put("b", "1");
  batch.put("b", "2");
  batch.del("c");
  batch.put("c", "3");
  ASSERT_TRUE(engine_->write(batch, Durability::unsynced).ok());
  EXPECT_EQ(rows("", ""), (Rows{{"b", "2"}, {"c", "3"}}));
}

TEST_P(EngineContract, ABatchThatKeepsTheLastChangeOfEachKeyHasTheSameEffect) {
  Batch batch;
  batch.put("prefix ", "a", "1");
  batch.put("b", "1");
  batch.put("prefix a", "2");
  batch.append(" and more");
  batch.del("b");
  batch.del("c");
  batch.put("c", "3");
  batch.put("b", "");
  batch.keep_last();
  EXPECT_EQ(batch.ops().size(), 3U);
  batch.put("d", "4");
  ASSERT_TRUE(engine_->write(batch, Durability::unsynced).ok());
  EXPECT_EQ(rows("", ""), (Rows{{"b", ""}, {"c", "3"}, {"d", "4"}, {"prefix a", "2 and more"}}));
}

TEST_P(EngineContract, AnEmptyBatchIsNoError) {
  EXPECT_TRUE(engine_->write({}, Durability::unsynced).ok());
  EXPECT_TRUE(engine_->write({}, Durability::synced).ok());
}

TEST_P(EngineContract, AScanGoesOverItsHalfOpenRangeInByteOrder) {
  for (const char* key : {"b", "a", "\xff", "c", "ab"}) put(key, key);
  EXPECT_EQ(rows("ab", "c"), (Rows{{"ab", "ab"}, {"b", "b"}}));
  EXPECT_EQ(rows("b", ""), (Rows{{"b", "b"}, {"c", "c"}, {"\xff", "\xff"}}));
  EXPECT_EQ(rows("", "b"), (Rows{{"a", "a"}, {"ab", "ab"}}));
  EXPECT_EQ(rows("c", "a"), Rows{});
  EXPECT_EQ(rows("bb", "bc"), Rows{});
}

TEST_P(EngineContract, AScanSeesTheStateOfItsCreation) {
  put("a", "old");
  put("b", "old");
  auto scan = engine_->scan("", "");
  put("a", "new");
  put("aa", "new");
  Batch batch;
  batch.del("b");
  ASSERT_TRUE(engine_->write(batch, Durability::unsynced).ok());
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(rest_of(*scan), (Rows{{"a", "old"}, {"b", "old"}}));
  EXPECT_EQ(rows("", ""), (Rows{{"a", "new"}, {"aa", "new"}}));
}

TEST_P(EngineContract, FlushChangesNothingThatIsRead) {
  EXPECT_TRUE(engine_->flush().ok());
  put("a", "1");
  put("b", "2");
  EXPECT_TRUE(engine_->flush().ok());
  EXPECT_TRUE(engine_->flush().ok());
  EXPECT_EQ(rows("", ""), (Rows{{"a", "1"}, {"b", "2"}}));
  put("c", "3");
  EXPECT_EQ(get("c"), "3");
}

// Each batch writes the same number under all keys, so a reader that saw half of one would find two numbers.
TEST_P(EngineContract, ReadersDuringWritesSeeWholeBatches) {
  constexpr int kKeys = 5, kBatches = 400;
  std::atomic<bool> done{false};
  std::atomic<int> torn{0}, backwards{0};
  auto write_all = [&](int number) {
    Batch batch;
    for (int key = 0; key < kKeys; ++key) batch.put("k" + std::to_string(key), std::to_string(number));
    ASSERT_TRUE(engine_->write(batch, number % 50 == 0 ? Durability::synced : Durability::unsynced).ok());
  };
  write_all(0);
  auto reader = [&] {
    int last = 0;
    while (!done) {
      auto scan = engine_->scan("k", "l");
      const std::string first(scan->value());
      int seen = 0;
      for (; scan->valid(); scan->next(), ++seen) torn += scan->value() != first;
      torn += seen != kKeys;
      backwards += std::stoi(first) < last;
      last = std::stoi(first);
      const int direct = std::stoi(**engine_->get("k0"));
      backwards += direct < last;
      last = direct;
    }
  };
  std::thread one(reader), two(reader);
  for (int number = 1; number <= kBatches; ++number) {
    write_all(number);
    if (number % 100 == 0) {
      EXPECT_TRUE(engine_->flush().ok());
    }
  }
  done = true;
  one.join();
  two.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(backwards, 0);
}

TEST_P(EngineContract, ManyRowsOverManyFilesStayReadable) {
  for (int i = 0; i < 2000; ++i) put("row" + std::to_string(i % 700), std::to_string(i) + std::string(300, '.'));
  ASSERT_TRUE(engine_->flush().ok());
  EXPECT_EQ(rows("row", "rox").size(), 700u);
  for (int i = 1300; i < 2000; ++i) {
    ASSERT_EQ(get("row" + std::to_string(i % 700)), std::to_string(i) + std::string(300, '.'));
  }
}

std::unique_ptr<Engine> small_leveldb(const std::string& directory) {
  LevelDbOptions options;
  options.path = directory + "/db";
  options.write_buffer = 64 << 10;
  auto engine = open_leveldb(options);
  return engine.ok() ? std::move(engine).value() : nullptr;
}

INSTANTIATE_TEST_SUITE_P(All, EngineContract,
                         testing::Values(Kind{"LevelDb", small_leveldb},
                                         Kind{"Memory", [](const std::string&) { return open_memory(); }},
                                         Kind{"Faulty",
                                              [](const std::string&) -> std::unique_ptr<Engine> {
                                                FaultyOptions options;
                                                options.seed = 7;
                                                options.rotate_per_mille = 100;
                                                return std::make_unique<FaultyEngine>(options);
                                              }}),
                         [](const testing::TestParamInfo<Kind>& kind) { return std::string(kind.param.name); });

TEST(PrefixEnd, IsTheSmallestKeyBehindEveryKeyOfThePrefix) {
  EXPECT_EQ(prefix_end("a"), "b");
  EXPECT_EQ(prefix_end("a\xff"), "b");
  EXPECT_EQ(prefix_end("a\x7f"), "a\x80");
  EXPECT_EQ(prefix_end(std::string("a\0", 2)), "a\x01");
  EXPECT_EQ(prefix_end("\xff\xff"), "");
  EXPECT_EQ(prefix_end(""), "");
}

TEST(Batch, CountsBytesOfKeysAndValues) {
  Batch batch;
  EXPECT_EQ(batch.bytes(), 0u);
  batch.put("key", "value");
  batch.del("other");
  EXPECT_EQ(batch.bytes(), 13u);
}

}  // namespace
}  // namespace coffer::storage

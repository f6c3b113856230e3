// The faulty engine loses what LevelDB on a disk may lose, no more, and the same again for the same seeds.

#include "storage/faulty_engine.hpp"

#include "tests/unit/storage/crash_rig.hpp"

namespace coffer::storage {
namespace {

Batch row(int number) {
  Batch batch;
  batch.put("row" + std::to_string(1000 + number), std::string(10, 'x'));
  return batch;
}

std::vector<bool> survivors(const FaultyEngine& engine, int count) {
  std::vector<bool> there;
  for (int i = 0; i < count; ++i) there.push_back(engine.get("row" + std::to_string(1000 + i))->has_value());
  return there;
}

FaultyOptions small_files(std::uint64_t seed) {
  FaultyOptions options;
  options.seed = seed;
  options.file_bytes = 5 * 17;  // five rows
  options.compact_per_mille = 0;
  return options;
}

/// Which of `count` unsynced rows are there after a crash.
std::vector<bool> write_and_crash(FaultyEngine& engine, int count, std::uint64_t seed) {
  for (int i = 0; i < count; ++i) EXPECT_TRUE(engine.write(row(i), Durability::unsynced).ok());
  engine.crash(seed);
  engine.reopen();
  return survivors(engine, count);
}

TEST(FaultyEngine, LosesASuffixOfEachFileOnItsOwn) {
  bool later_without_earlier = false, all = false, nothing = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    FaultyEngine engine(small_files(seed));
    const std::vector<bool> there = write_and_crash(engine, 20, seed);
    for (int file = 0; file < 4; ++file) {
      for (int i = 1; i < 5; ++i) EXPECT_LE(there[file * 5 + i], there[file * 5 + i - 1]) << "seed " << seed;
    }
    later_without_earlier = later_without_earlier || (!there[4] && there[5]);
    all = all || there == std::vector<bool>(20, true);
    nothing = nothing || there == std::vector<bool>(20, false);
  }
  EXPECT_TRUE(later_without_earlier);
  EXPECT_TRUE(all);
  EXPECT_TRUE(nothing);
}

TEST(FaultyEngine, ASyncedWriteKeepsItsOwnFileAndNoOlderOne) {
  bool older_lost = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    FaultyEngine engine(small_files(seed));
    for (int i = 0; i < 8; ++i) ASSERT_TRUE(engine.write(row(i), Durability::unsynced).ok());
    ASSERT_TRUE(engine.write(row(8), Durability::synced).ok());
    ASSERT_TRUE(engine.write(row(9), Durability::unsynced).ok());
    engine.crash(seed);
    engine.reopen();
    const std::vector<bool> there = survivors(engine, 10);
    for (int i = 5; i <= 8; ++i) EXPECT_TRUE(there[i]) << "seed " << seed;
    older_lost = older_lost || !there[0];
  }
  EXPECT_TRUE(older_lost);
}

// Taking the older file's write back must not take the newer value of the same key with it.
TEST(FaultyEngine, ASyncedValueStaysWhenTheOneItReplacedIsLost) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    FaultyEngine engine(small_files(seed));
    Batch old_value, new_value;
    old_value.put("a", std::string(100, 'o'));  // fills its file
    new_value.put("a", "new");
    ASSERT_TRUE(engine.write(old_value, Durability::unsynced).ok());
    ASSERT_TRUE(engine.write(new_value, Durability::synced).ok());
    engine.crash(seed);
    engine.reopen();
    EXPECT_EQ(*engine.get("a"), "new");
  }
}

TEST(FaultyEngine, LosesNothingOfSyncedWritesOnly) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    FaultyEngine engine(small_files(seed));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine.write(row(i), Durability::synced).ok());
    EXPECT_EQ(engine.at_risk(), 0u);
    engine.crash(seed);
    engine.reopen();
    EXPECT_EQ(survivors(engine, 20), std::vector<bool>(20, true));
  }
}

TEST(FaultyEngine, LosesNothingFromBeforeAFlush) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    FaultyEngine engine(small_files(seed));
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(engine.write(row(i), Durability::unsynced).ok());
    EXPECT_EQ(engine.at_risk(), 12u);
    ASSERT_TRUE(engine.flush().ok());
    EXPECT_EQ(engine.at_risk(), 0u);
    ASSERT_TRUE(engine.write(row(12), Durability::unsynced).ok());
    engine.crash(seed);
    engine.reopen();
    EXPECT_EQ(survivors(engine, 12), std::vector<bool>(12, true));
  }
}

TEST(FaultyEngine, ABatchSurvivesWholeOrNotAtAllAndOldValuesComeBack) {
  bool old_value = false, new_value = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    FaultyEngine engine(small_files(seed));
    Batch first, second;
    first.put("a", "old");
    first.put("b", "old");
    second.put("a", "new");
    second.del("b");
    second.put("c", "new");
    ASSERT_TRUE(engine.write(first, Durability::synced).ok());
    ASSERT_TRUE(engine.write(second, Durability::unsynced).ok());
    engine.crash(seed);
    engine.reopen();
    const bool survived = **engine.get("a") == "new";
    EXPECT_EQ(engine.get("b")->has_value(), !survived);
    EXPECT_EQ(engine.get("c")->has_value(), survived);
    (survived ? new_value : old_value) = true;
  }
  EXPECT_TRUE(old_value);
  EXPECT_TRUE(new_value);
}

TEST(FaultyEngine, RotatesByChanceAsWell) {
  bool later_without_earlier = false;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    FaultyOptions options;
    options.seed = seed;
    options.rotate_per_mille = 300;
    FaultyEngine engine(options);
    const std::vector<bool> there = write_and_crash(engine, 20, seed);
    for (int i = 1; i < 20; ++i) later_without_earlier = later_without_earlier || (!there[i - 1] && there[i]);
  }
  EXPECT_TRUE(later_without_earlier);
}

TEST(FaultyEngine, TheSameSeedsLoseTheSame) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    FaultyOptions options = small_files(seed);
    options.rotate_per_mille = 100;
    options.compact_per_mille = 300;
    FaultyEngine one(options), two(options);
    EXPECT_EQ(write_and_crash(one, 50, seed * 3), write_and_crash(two, 50, seed * 3));
  }
}

TEST(FaultyEngine, RefusesEverythingBetweenACrashAndItsReopening) {
  FaultyEngine engine;
  ASSERT_TRUE(engine.write(row(0), Durability::synced).ok());
  engine.crash(1);
  EXPECT_FALSE(engine.get("row1000").ok());
  EXPECT_FALSE(engine.scan("", "")->valid());
  EXPECT_FALSE(engine.scan("", "")->status().ok());
  EXPECT_FALSE(engine.write(row(1), Durability::synced).ok());
  EXPECT_FALSE(engine.flush().ok());
  engine.reopen();
  EXPECT_TRUE(engine.write(row(1), Durability::synced).ok());
  EXPECT_EQ(survivors(engine, 2), std::vector<bool>(2, true));
}

TEST(FaultyEngine, AKilledProcessLosesNothingThatWasWritten) {
  FaultyEngine engine(small_files(1));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine.write(row(i), Durability::unsynced).ok());
  engine.reopen();
  EXPECT_EQ(survivors(engine, 20), std::vector<bool>(20, true));
  EXPECT_EQ(engine.at_risk(), 0u);
}

TEST(FaultyEngine, FailsThePlannedWriteAndEverythingAfterIt) {
  FaultyEngine engine;
  engine.fail_write(3, DiskFault::no_space);
  EXPECT_TRUE(engine.write(row(0), Durability::synced).ok());
  EXPECT_TRUE(engine.write(row(1), Durability::unsynced).ok());
  const model::Status failed = engine.write(row(2), Durability::synced);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, model::Code::disk_error);
  EXPECT_THAT(failed.error().detail, testing::HasSubstr("No space"));
  EXPECT_EQ(engine.write(row(3), Durability::synced).error(), failed.error());
  EXPECT_EQ(engine.flush().error(), failed.error());
  EXPECT_EQ(survivors(engine, 4), (std::vector<bool>{true, true, false, false}));
}

TEST(FaultyEngine, FailsThePlannedFlush) {
  FaultyEngine engine;
  engine.fail_flush(2, DiskFault::io_error);
  EXPECT_TRUE(engine.flush().ok());
  ASSERT_TRUE(engine.write(row(0), Durability::unsynced).ok());
  EXPECT_FALSE(engine.flush().ok());
  EXPECT_EQ(engine.at_risk(), 1u);
  EXPECT_FALSE(engine.write(row(1), Durability::unsynced).ok());
  engine.reopen();
  EXPECT_TRUE(engine.flush().ok());
}

TEST(FaultyEngine, AFailedWriteMaySurvive) {
  for (const bool power_loss : {true, false}) {
    bool kept = false, lost = false;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      FaultyOptions options;
      options.seed = seed;
      FaultyEngine engine(options);
      ASSERT_TRUE(engine.write(row(0), Durability::synced).ok());
      engine.fail_write(1, DiskFault::io_error);
      ASSERT_FALSE(engine.write(row(1), Durability::synced).ok());
      if (power_loss) engine.crash(seed);
      engine.reopen();
      const std::vector<bool> there = survivors(engine, 2);
      EXPECT_TRUE(there[0]);
      (there[1] ? kept : lost) = true;
    }
    EXPECT_TRUE(kept);
    EXPECT_TRUE(lost);
  }
}

/// A node on two faulty engines through several lives. Empty, or what a restart found wrong.
std::string live_and_crash(std::uint64_t seed, bool flush_before_d) {
  FaultyOptions options;
  options.seed = seed;
  options.file_bytes = 8 << 10;
  options.rotate_per_mille = 20;
  FaultyEngine log(options), state(options);
  test::CrashRig rig(seed, flush_before_d);
  std::mt19937_64 random(seed);
  for (int life = 0; life < 5; ++life) {
    bool refused = false;
    if (std::string wrong = rig.check(log, state, &refused); !wrong.empty()) return wrong;
    if (random() % 2 == 0) log.fail_write(1 + random() % 60, DiskFault::io_error);
    if (random() % 2 == 0) state.fail_write(1 + random() % 60, DiskFault::no_space);
    if (random() % 4 == 0) state.fail_flush(1 + random() % 4, DiskFault::no_space);
    for (int i = 0; i < 60 && rig.step(log, state);) ++i;
    if (random() % 4 != 0) {
      log.crash(random());
      state.crash(random());
    }
    log.reopen();
    state.reopen();
  }
  bool refused = false;
  return rig.check(log, state, &refused);
}

TEST(FaultyEngine, ANodeOverItLosesNoAcknowledgedWrite) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) ASSERT_EQ(live_and_crash(seed, true), "") << "seed " << seed;
}

TEST(FaultyEngine, ANodeThatSkipsTheFlushLosesWrites) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    if (!live_and_crash(seed, false).empty()) return;
  }
  FAIL() << "no seed lost a write";
}

}  // namespace
}  // namespace coffer::storage

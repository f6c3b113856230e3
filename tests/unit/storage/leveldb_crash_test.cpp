// Power loss under real LevelDB: whatever the files of both databases lose of their unsynced bytes, each for itself, a
// restart finds every acknowledged write and nothing half of it.

#include <filesystem>

#include "storage/leveldb_engine.hpp"
#include "tests/unit/storage/crash_rig.hpp"
#include "tests/unit/storage/faulty_env.hpp"
#include "tests/unit/storage/temp_dir.hpp"

namespace coffer::storage {
namespace {

using test::CrashRig;
using test::FaultyEnv;

constexpr int kLives = 4, kSteps = 60;

model::Result<std::unique_ptr<Engine>> open_one(const std::string& path, bool paranoid, FaultyEnv& env) {
  LevelDbOptions options;
  options.path = path;
  options.paranoid = paranoid;
  options.write_buffer = 64 << 10;  // the least LevelDB takes, so that logs rotate often
  options.block_cache = 1 << 20;
  return open_leveldb_over(options, &env);
}

/// One node through several lives, each ended by power loss at a random change of the disk, in recovery as well.
/// Empty, or what a restart found wrong.
std::string written_and_crash(std::uint64_t seed, bool flush_before_d, std::size_t* acknowledged) {
  test::TempDir dir;
  FaultyEnv env(seed);
  CrashRig rig(seed, flush_before_d);
  std::mt19937_64 random(seed + 1);
  for (int life = 0; life < kLives; ++life) {
    if (random() % 4 != 0) env.lose_power_after(1 + random() % 900);
    auto log = open_one(dir / "log", true, env);
    auto state = open_one(dir / "state", false, env);
    if (log.ok() && state.ok()) {
      bool refused = false;
      std::string wrong = rig.check(**log, **state, &refused);
      if (!wrong.empty()) return wrong;
      for (int i = 0; !refused && i < kSteps && rig.step(**log, **state);) ++i;
      *acknowledged = rig.acknowledged();
    } else if (env.has_power()) {
      return log.ok() ? state.error().detail : log.error().detail;
    }
    env.lose_power();
    if (log.ok()) log->reset();
    if (state.ok()) state->reset();
    env.restore_power();
  }
  auto log = open_one(dir / "log", true, env);
  auto state = open_one(dir / "state", false, env);
  if (!log.ok()) return log.error().detail;
  if (!state.ok()) return state.error().detail;
  bool refused = false;
  return rig.check(**log, **state, &refused);
}

TEST(LevelDbPowerLoss, LosesNoAcknowledgedWriteAndKeepsNoneHalf) {
  std::size_t total = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::size_t acknowledged = 0;
    ASSERT_EQ(written_and_crash(seed, true, &acknowledged), "") << "seed " << seed;
    total += acknowledged;
  }
  EXPECT_GT(total, 5000u);
}

// The proof that this disk is dangerous: an index that advances without a flush loses writes.
TEST(LevelDbPowerLoss, LosesWritesWhenTheDurableIndexAdvancesWithoutAFlush) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::size_t acknowledged = 0;
    if (!written_and_crash(seed, false, &acknowledged).empty()) return;
  }
  FAIL() << "no seed lost a write";
}

// LevelDB rotates a log without syncing it: the later write of a new log survives the earlier one of an old log.
TEST(LevelDbPowerLoss, CanKeepALaterUnsyncedWriteAndLoseAnEarlierOne) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    test::TempDir dir;
    FaultyEnv env(seed);
    // The compaction of the old log's memtable is what would save it; it does not come in time.
    env.set_fault([](FaultyEnv::Op op, const std::string& name) {
      return op == FaultyEnv::Op::create && name.ends_with(".ldb") ? leveldb::Status::IOError(name, "too slow")
                                                                   : leveldb::Status::OK();
    });
    auto engine = open_one(dir / "state", false, env);
    ASSERT_TRUE(engine.ok());
    int written = 0;
    for (; written < 300; ++written) {
      Batch batch;
      batch.put("g" + std::to_string(1000 + written), std::string(1000, 'x'));
      if (!(*engine)->write(batch, Durability::unsynced).ok()) break;
    }
    env.lose_power();
    engine->reset();
    env.restore_power();
    env.set_fault({});
    engine = open_one(dir / "state", false, env);
    ASSERT_TRUE(engine.ok());
    bool lost = false;
    for (int i = 0; i < written; ++i) {
      const bool there = (*engine)->get("g" + std::to_string(1000 + i))->has_value();
      if (lost && there) return;
      lost = lost || !there;
    }
  }
  FAIL() << "every loss was a suffix of what was written";
}

}  // namespace
}  // namespace coffer::storage

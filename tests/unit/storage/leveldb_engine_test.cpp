// What is LevelDB's own: that flush() is durable, that each failure is one clear sentence, and that none is lost.

#include "storage/leveldb_engine.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <leveldb/status.h>

#include "tests/unit/storage/faulty_env.hpp"
#include "tests/unit/storage/temp_dir.hpp"

namespace coffer::storage {
namespace {

namespace fs = std::filesystem;
using test::FaultyEnv;
using testing::AllOf;
using testing::HasSubstr;

std::unique_ptr<Engine> must_open(const std::string& path, leveldb::Env* env = leveldb::Env::Default(),
                                  bool paranoid = true) {
  LevelDbOptions options;
  options.path = path;
  options.paranoid = paranoid;
  options.write_buffer = 64 << 10;
  auto engine = open_leveldb_over(options, env);
  EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().detail);
  return engine.ok() ? std::move(engine).value() : nullptr;
}

model::Error must_fail(const std::string& path, leveldb::Env* env = leveldb::Env::Default()) {
  LevelDbOptions options;
  options.path = path;
  auto engine = open_leveldb_over(options, env);
  EXPECT_FALSE(engine.ok());
  return engine.ok() ? model::Error() : engine.error();
}

Batch one_row(const std::string& key, const std::string& value) {
  Batch batch;
  batch.put(key, value);
  return batch;
}

int count_rows(Engine& engine) {
  int count = 0;
  auto scan = engine.scan("", "");
  for (; scan->valid(); scan->next()) ++count;
  EXPECT_TRUE(scan->status().ok());
  return count;
}

/// Copies what is left of a database whose write-ahead logs are lost as a whole.
void copy_without_logs(const std::string& from, const std::string& to) {
  fs::create_directory(to);
  for (const auto& file : fs::directory_iterator(from)) {
    const std::string name = file.path().filename();
    if (name.ends_with(".ldb") || name.starts_with("MANIFEST-") || name == "CURRENT") fs::copy(file, to + "/" + name);
  }
}

fs::path only_file(const std::string& directory, const std::string& ending) {
  for (const auto& file : fs::directory_iterator(directory)) {
    if (file.path().string().ends_with(ending)) return file.path();
  }
  ADD_FAILURE() << "no " << ending << " in " << directory;
  return {};
}

void flip_byte(const fs::path& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const char byte = static_cast<char>(file.get() ^ 0x20);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(byte);
}

TEST(LevelDbFlush, NeedsNoLogAfterIt) {
  test::TempDir dir;
  auto engine = must_open(dir / "db");
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(engine->write(one_row("e" + std::to_string(i), "v"), Durability::unsynced).ok());
  }
  copy_without_logs(dir / "db", dir / "before");
  ASSERT_TRUE(engine->flush().ok());
  copy_without_logs(dir / "db", dir / "after");
  EXPECT_EQ(count_rows(*must_open(dir / "before")), 0);
  EXPECT_EQ(count_rows(*must_open(dir / "after")), 100);
}

TEST(LevelDbFlush, WritesEachTimeWhatCameAfterTheLastOne) {
  test::TempDir dir;
  auto engine = must_open(dir / "db");
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(engine->write(one_row("g" + std::to_string(round), "v"), Durability::unsynced).ok());
    ASSERT_TRUE(engine->flush().ok());
    const std::string copy = dir / ("copy" + std::to_string(round));
    copy_without_logs(dir / "db", copy);
    EXPECT_EQ(count_rows(*must_open(copy)), round);
  }
}

TEST(LevelDbFlush, WithoutNewWritesMakesNoFile) {
  test::TempDir dir;
  FaultyEnv env(1);
  auto engine = must_open(dir / "db", &env);
  ASSERT_TRUE(engine->write(one_row("e", "v"), Durability::unsynced).ok());
  ASSERT_TRUE(engine->flush().ok());
  int created = 0;
  env.set_fault([&](FaultyEnv::Op op, const std::string&) {
    created += op == FaultyEnv::Op::create;
    return leveldb::Status::OK();
  });
  ASSERT_TRUE(engine->flush().ok());
  EXPECT_EQ(created, 0);
}

// CompactRange() is silent when it could not rotate the log; a flush that believed it would let D advance over rows
// that only an unsynced log holds.
TEST(LevelDbFlush, FailsWhenTheLogCouldNotBeRotated) {
  test::TempDir dir;
  FaultyEnv env(1);
  auto engine = must_open(dir / "db", &env);
  ASSERT_TRUE(engine->write(one_row("e", "v"), Durability::unsynced).ok());
  env.set_fault([](FaultyEnv::Op op, const std::string& name) {
    return op == FaultyEnv::Op::create && name.ends_with(".log") ? leveldb::Status::IOError(name, std::strerror(ENOSPC))
                                                                 : leveldb::Status::OK();
  });
  EXPECT_FALSE(engine->flush().ok());
  env.set_fault({});
  EXPECT_FALSE(engine->flush().ok());
  EXPECT_FALSE(engine->write(one_row("f", "v"), Durability::synced).ok());
}

TEST(LevelDbFlush, FailsWithASentenceWhenTheTableCannotBeWritten) {
  test::TempDir dir;
  FaultyEnv env(1);
  auto engine = must_open(dir / "db", &env);
  ASSERT_TRUE(engine->write(one_row("e", "v"), Durability::unsynced).ok());
  env.set_fault([](FaultyEnv::Op op, const std::string& name) {
    return op == FaultyEnv::Op::append && name.ends_with(".ldb") ? leveldb::Status::IOError(name, std::strerror(ENOSPC))
                                                                 : leveldb::Status::OK();
  });
  const model::Status status = engine->flush();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, model::Code::disk_error);
  EXPECT_THAT(status.error().detail, HasSubstr("No space is left"));
}

TEST(LevelDbFlush, FailsWhenTheTableCannotBeSynced) {
  test::TempDir dir;
  FaultyEnv env(1);
  auto engine = must_open(dir / "db", &env);
  ASSERT_TRUE(engine->write(one_row("e", "v"), Durability::unsynced).ok());
  env.set_fault([](FaultyEnv::Op op, const std::string& name) {
    return op == FaultyEnv::Op::sync && name.ends_with(".ldb") ? leveldb::Status::IOError(name, std::strerror(EIO))
                                                               : leveldb::Status::OK();
  });
  EXPECT_FALSE(engine->flush().ok());
}

// LevelDB itself would go on after a torn append, and the log would not be readable behind it.
TEST(LevelDbWrite, IsRefusedForGoodAfterOneFailed) {
  test::TempDir dir;
  FaultyEnv env(1);
  auto engine = must_open(dir / "db", &env);
  ASSERT_TRUE(engine->write(one_row("a", "1"), Durability::synced).ok());
  env.set_fault([](FaultyEnv::Op op, const std::string& name) {
    return op == FaultyEnv::Op::append ? leveldb::Status::IOError(name, std::strerror(ENOSPC)) : leveldb::Status::OK();
  });
  const model::Status failed = engine->write(one_row("b", "1"), Durability::unsynced);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, model::Code::disk_error);
  EXPECT_THAT(failed.error().detail, HasSubstr("No space is left"));
  env.set_fault({});
  const model::Status refused = engine->write(one_row("c", "1"), Durability::synced);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error(), failed.error());
  EXPECT_EQ(**engine->get("a"), "1");
  engine.reset();
  EXPECT_EQ(count_rows(*must_open(dir / "db", &env)), 1);
}

TEST(LevelDbWrite, OfACompactionIsRefusedAfterOneFailedAndRefusesTheNextWhenItFails) {
  test::TempDir dir;
  FaultyEnv env(1);
  std::uint64_t appends = 0;
  const auto full = [&](FaultyEnv::Op op, const std::string& name) {
    appends += op == FaultyEnv::Op::append ? 1 : 0;
    return op == FaultyEnv::Op::append ? leveldb::Status::IOError(name, std::strerror(ENOSPC)) : leveldb::Status::OK();
  };
  for (const bool compacts_first : {false, true}) {
    const std::string path = dir / (compacts_first ? "first" : "second");
    auto engine = must_open(path, &env);
    ASSERT_TRUE(engine->write(one_row("a", "1"), Durability::synced).ok());
    env.set_fault(full);
    EXPECT_FALSE(
        (compacts_first ? engine->compact("", "") : engine->write(one_row("b", "1"), Durability::synced)).ok());
    appends = 0;
    EXPECT_FALSE(
        (compacts_first ? engine->write(one_row("b", "1"), Durability::synced) : engine->compact("", "")).ok());
    EXPECT_EQ(appends, 0U) << "nothing is written behind what is torn";
    env.set_fault({});
    engine.reset();
    EXPECT_EQ(count_rows(*must_open(path, &env)), 1);
  }
}

// LevelDB syncs a new log's content but not its name; with the directory gone the name cannot be made durable.
TEST(LevelDbWrite, FirstSyncOfALogMakesItsNameDurable) {
  test::TempDir dir;
  auto engine = must_open(dir / "db");
  fs::rename(dir / "db", dir / "elsewhere");
  EXPECT_FALSE(engine->write(one_row("a", "1"), Durability::synced).ok());
}

TEST(LevelDbOpen, ASecondOpenerInThisProcessReadsThatItIsInUse) {
  test::TempDir dir;
  auto engine = must_open(dir / "db");
  const model::Error error = must_fail(dir / "db");
  EXPECT_EQ(error.code, model::Code::disk_error);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("in use by another process"), HasSubstr(dir / "db")));
}

TEST(LevelDbOpen, ASecondProcessReadsThatItIsInUse) {
  test::TempDir dir;
  auto engine = must_open(dir / "db");
  const pid_t child = ::fork();
  if (child == 0) {
    // The child must not meet the lock table that it inherited, so it starts as another program would: by its own
    // record lock, which is what LevelDB takes. The parent's lock is not inherited.
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    const int fd = ::open((dir / "db/LOCK").c_str(), O_RDWR);
    const bool refused = ::fcntl(fd, F_SETLK, &lock) == -1;
    const leveldb::Status status = leveldb::Status::IOError("lock " + (dir / "db/LOCK"), std::strerror(errno));
    const bool clear = leveldb_error(status, "x").detail.find("in use by another process") != std::string::npos;
    ::_exit(refused && clear ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(LevelDbOpen, ADamagedManifestIsDataLoss) {
  test::TempDir dir;
  {
    auto engine = must_open(dir / "db");
    ASSERT_TRUE(engine->write(one_row("a", "1"), Durability::synced).ok());
    ASSERT_TRUE(engine->flush().ok());
  }
  std::ofstream(dir / "db/CURRENT") << "nonsense";
  const model::Error error = must_fail(dir / "db");
  EXPECT_EQ(error.code, model::Code::data_loss);
  EXPECT_THAT(error.detail, AllOf(HasSubstr("damaged"), HasSubstr(dir / "db")));
}

TEST(LevelDbOpen, AMissingTableIsDataLoss) {
  test::TempDir dir;
  {
    auto engine = must_open(dir / "db");
    ASSERT_TRUE(engine->write(one_row("a", "1"), Durability::synced).ok());
    ASSERT_TRUE(engine->flush().ok());
  }
  fs::remove(only_file(dir / "db", ".ldb"));
  EXPECT_EQ(must_fail(dir / "db").code, model::Code::data_loss);
}

// LevelDB would make a new database there and delete the tables.
TEST(LevelDbOpen, AMissingCurrentIsDataLossAndDeletesNothing) {
  test::TempDir dir;
  {
    auto engine = must_open(dir / "db");
    ASSERT_TRUE(engine->write(one_row("a", "1"), Durability::synced).ok());
    ASSERT_TRUE(engine->flush().ok());
  }
  const fs::path table = only_file(dir / "db", ".ldb");
  fs::rename(dir / "db/CURRENT", dir / "CURRENT");
  EXPECT_EQ(must_fail(dir / "db").code, model::Code::data_loss);
  EXPECT_TRUE(fs::exists(table));
  fs::rename(dir / "CURRENT", dir / "db/CURRENT");
  EXPECT_EQ(count_rows(*must_open(dir / "db")), 1);
}

TEST(LevelDbOpen, ADamagedLogIsRefusedWhenParanoid) {
  test::TempDir dir;
  {
    auto engine = must_open(dir / "db");
    for (int i = 0; i < 10; ++i) {
      ASSERT_TRUE(engine->write(one_row("a" + std::to_string(i), std::string(100, 'x')), Durability::synced).ok());
    }
  }
  flip_byte(only_file(dir / "db", ".log"), 300);
  EXPECT_EQ(must_fail(dir / "db").code, model::Code::data_loss);
  EXPECT_LT(count_rows(*must_open(dir / "db", leveldb::Env::Default(), false)), 10);
}

TEST(LevelDbOpen, AFullDiskIsSaidSo) {
  test::TempDir dir;
  FaultyEnv env(1);
  env.set_fault([](FaultyEnv::Op op, const std::string& name) {
    return op == FaultyEnv::Op::append ? leveldb::Status::IOError(name, std::strerror(ENOSPC)) : leveldb::Status::OK();
  });
  const model::Error error = must_fail(dir / "db", &env);
  EXPECT_EQ(error.code, model::Code::disk_error);
  EXPECT_THAT(error.detail, HasSubstr("No space is left on the disk"));
}

TEST(LevelDbRead, AFlippedByteIsDataLossAndNeverAnotherValue) {
  test::TempDir dir;
  {
    auto engine = must_open(dir / "db");
    ASSERT_TRUE(engine->write(one_row("a", std::string(500, 'x')), Durability::synced).ok());
    ASSERT_TRUE(engine->flush().ok());
  }
  flip_byte(only_file(dir / "db", ".ldb"), 200);
  auto engine = must_open(dir / "db");
  auto value = engine->get("a");
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().code, model::Code::data_loss);
  auto scan = engine->scan("", "");
  EXPECT_FALSE(scan->valid());
  ASSERT_FALSE(scan->status().ok());
  EXPECT_EQ(scan->status().error().code, model::Code::data_loss);
}

// LevelDB reports a table that vanished under it as "not found": a secret would silently not exist.
TEST(LevelDbRead, AVanishedTableIsDataLossAndNotAMissingKey) {
  test::TempDir dir;
  FaultyEnv env(1);
  {
    auto engine = must_open(dir / "db", &env);
    ASSERT_TRUE(engine->write(one_row("a", "1"), Durability::synced).ok());
    ASSERT_TRUE(engine->flush().ok());
  }
  auto engine = must_open(dir / "db", &env);
  env.set_fault([](FaultyEnv::Op op, const std::string& name) {
    return op == FaultyEnv::Op::open ? leveldb::Status::NotFound(name, std::strerror(ENOENT)) : leveldb::Status::OK();
  });
  auto value = engine->get("a");
  ASSERT_FALSE(value.ok());
  EXPECT_EQ(value.error().code, model::Code::data_loss);
  auto scan = engine->scan("", "");
  EXPECT_FALSE(scan->valid());
  EXPECT_FALSE(scan->status().ok());
}

TEST(LevelDbError, NamesTheCauseAndKeepsRawKeysOut) {
  auto text = [](int number) {
    return leveldb_error(leveldb::Status::IOError("/d/f", std::strerror(number)), "/d").detail;
  };
  EXPECT_THAT(text(ENOSPC), HasSubstr("No space is left"));
  EXPECT_THAT(text(EDQUOT), HasSubstr("No space is left"));
  EXPECT_THAT(text(EACCES), HasSubstr("no permission"));
  EXPECT_THAT(text(EROFS), HasSubstr("read-only"));
  EXPECT_THAT(text(EMFILE), HasSubstr("Too many files"));
  EXPECT_THAT(text(EIO), HasSubstr("The disk failed"));
  const std::string quoted =
      leveldb_error(leveldb::Status::Corruption("corrupted key for ", std::string("k\x01\xfe", 3)), "/d").detail;
  EXPECT_THAT(quoted, HasSubstr("k??"));
}

bool any_file_holds(const std::string& folder, const std::string& bytes) {
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    if (entry.is_regular_file() && content.find(bytes) != std::string::npos) return true;
  }
  return false;
}

TEST(LevelDbEngine, CompactLeavesNoBytesOfWhatIsDeletedAlsoWhenItWasWrittenJustBefore) {
  const test::TempDir dir;
  const std::string kept = "\x01\x9a-kept-\xfe\x17", gone = "\x02\x9b-gone-\xfd\x18", other = "\x03\x9c-other-\xfc\x19";
  for (const auto& [begin, end] : {std::pair<std::string, std::string>{"", ""}, {"g1", "g2"}}) {
    const std::string path = dir.path() + "/db" + begin;
    const auto engine = must_open(path);
    Batch rows;
    rows.put("g1/a", gone);
    rows.put("g1/b", kept);
    rows.put("g2/a", other);
    ASSERT_TRUE(engine->write(rows, Durability::synced).ok());
    ASSERT_TRUE(any_file_holds(path, gone)) << "the search must be able to find it";
    Batch end_of_it;
    end_of_it.del("", "g1/a");
    ASSERT_TRUE(engine->write(end_of_it, Durability::synced).ok());
    ASSERT_TRUE(engine->compact(begin, end).ok());
    EXPECT_FALSE(any_file_holds(path, gone)) << begin;
    EXPECT_EQ(**engine->get("g1/b"), kept);
    EXPECT_EQ(**engine->get("g2/a"), other);
    EXPECT_EQ(count_rows(*engine), 2);
  }
}

TEST(LevelDbEngine, CompactDoesNotSayThatBytesAreGoneWhichAScanStillHolds) {
  const test::TempDir dir;
  const std::string path = dir.path() + "/db", gone = "\x02\x9b-gone-\xfd\x18";
  const auto engine = must_open(path);
  Batch rows;
  rows.put("g1/a", gone);
  ASSERT_TRUE(engine->write(rows, Durability::synced).ok());
  ASSERT_TRUE(engine->flush().ok());
  auto scan = engine->scan("", "");
  Batch end_of_it;
  end_of_it.del("", "g1/a");
  ASSERT_TRUE(engine->write(end_of_it, Durability::synced).ok());
  EXPECT_EQ(engine->compact("g1", "g2").error().code, model::Code::unavailable);
  ASSERT_TRUE(scan->valid());
  EXPECT_EQ(scan->value(), gone);

  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    scan.reset();
  });
  EXPECT_TRUE(engine->compact("g1", "g2").ok()) << "it waits for one that ends soon";
  reader.join();
  EXPECT_FALSE(any_file_holds(path, gone));
}

}  // namespace
}  // namespace coffer::storage

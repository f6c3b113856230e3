// How tables are written and read: in pieces that are worth a system call, and alike whatever blocks a database asks for.

#include <atomic>
#include <memory>
#include <string>

#include <leveldb/env.h>

#include "storage/leveldb_engine.hpp"
#include "tests/unit/storage/temp_dir.hpp"

namespace coffer::storage {
namespace {

constexpr int kTableRows = 1000;

/// Counts how often LevelDB has a table's buffer handed to the system before the table is synced.
class FlushCounter final : public leveldb::EnvWrapper {
 public:
  FlushCounter() : EnvWrapper(leveldb::Env::Default()) {}
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override {
    leveldb::Status status = target()->NewWritableFile(name, result);
    if (status.ok() && name.ends_with(".ldb")) {
      *result = new Counted(std::unique_ptr<leveldb::WritableFile>(*result), &flushes);
    }
    return status;
  }

  std::atomic<int> flushes = 0;

 private:
  class Counted final : public leveldb::WritableFile {
   public:
    Counted(std::unique_ptr<leveldb::WritableFile> file, std::atomic<int>* flushes)
        : file_(std::move(file)), flushes_(*flushes) {}
    leveldb::Status Append(const leveldb::Slice& data) override { return file_->Append(data); }
    leveldb::Status Close() override { return file_->Close(); }
    leveldb::Status Flush() override {
      ++flushes_;
      return file_->Flush();
    }
    leveldb::Status Sync() override { return file_->Sync(); }

   private:
    std::unique_ptr<leveldb::WritableFile> file_;
    std::atomic<int>& flushes_;
  };
};

LevelDbOptions table_options(const std::string& path, bool sequential) {
  LevelDbOptions options;
  options.path = path;
  options.sequential = sequential;
  return options;
}

std::string table_key(int number) { return "row" + std::to_string(10000 + number); }

void write_table(Engine& engine) {
  Batch rows;
  for (int i = 0; i < kTableRows; ++i) rows.put(table_key(i), std::string(1024, static_cast<char>('a' + i % 26)));
  ASSERT_TRUE(engine.write(rows, Durability::unsynced).ok());
  ASSERT_TRUE(engine.flush().ok());
}

// LevelDB asks for it after each block of 4 KiB: a system call for each, in the thread that every write waits for in the end.
TEST(LevelDbTable, IsNotHandedToTheSystemBlockByBlock) {
  const test::TempDir dir;
  FlushCounter env;
  const auto engine = std::move(*open_leveldb_over(table_options(dir / "db", false), &env));
  write_table(*engine);
  EXPECT_EQ(env.flushes, 0);
}

TEST(LevelDbTable, IsReadAlikeWhicheverWayTheDatabaseWasOpenedWhenItWasWritten) {
  const test::TempDir dir;
  for (const bool sequential : {false, true}) {
    const std::string path = dir / (sequential ? "large-blocks" : "small-blocks");
    write_table(**open_leveldb(table_options(path, sequential)));
    const auto engine = std::move(*open_leveldb(table_options(path, !sequential)));
    int seen = 0;
    const auto scan = engine->scan("", "");
    for (; scan->valid(); scan->next()) EXPECT_EQ(scan->key(), table_key(seen++));
    EXPECT_TRUE(scan->status().ok());
    EXPECT_EQ(seen, kTableRows);
    EXPECT_EQ(**engine->get(table_key(700)), std::string(1024, static_cast<char>('a' + 700 % 26)));
    EXPECT_FALSE(*engine->get("row0"));
  }
}

}  // namespace
}  // namespace coffer::storage

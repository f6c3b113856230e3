#pragma once
// What the LevelDB engine watches and adds below LevelDB: it counts the write-ahead logs that were begun, which is the
// only way to see that a forced rotation really happened, it makes a log's name durable before the log's content is called
// synced, it hands tables to the disk as they are written, and it gives the database a thread of its own for compactions:
// LevelDB has one for the whole process, where the log's full memtable, and with it every write, would wait for the end of
// a long compaction of the state. LevelDB calls it from the writing thread and from its own.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <leveldb/env.h>

namespace coffer::storage {

class LevelDbEnv final : public leveldb::EnvWrapper {
 public:
  explicit LevelDbEnv(leveldb::Env* target) : EnvWrapper(target) {}
  /// REQUIRES: the database is closed, so nothing is scheduled any more.
  ~LevelDbEnv() override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override;
  void Schedule(void (*work)(void*), void* argument) override;
  /// Write-ahead logs created since this object was made.
  std::uint64_t logs_begun() const { return logs_begun_.load(std::memory_order_acquire); }

 private:
  void run();

  std::atomic<std::uint64_t> logs_begun_{0};
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<std::pair<void (*)(void*), void*>> scheduled_;
  bool ending_ = false;
  std::thread thread_;  // from the first compaction on
};

}  // namespace coffer::storage

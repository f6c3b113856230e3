#pragma once
// What the LevelDB engine watches and adds below LevelDB: it counts the write-ahead logs that were begun, which is the
// only way to see that a forced rotation really happened, it makes a log's name durable before the log's content is called
// synced, and it hands tables to the disk as they are written. LevelDB calls it from the writing thread and from its own.

#include <atomic>
#include <cstdint>
#include <string>

#include <leveldb/env.h>

namespace coffer::storage {

class LevelDbEnv final : public leveldb::EnvWrapper {
 public:
  explicit LevelDbEnv(leveldb::Env* target) : EnvWrapper(target) {}
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override;
  /// Write-ahead logs created since this object was made.
  std::uint64_t logs_begun() const { return logs_begun_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::uint64_t> logs_begun_{0};
};

}  // namespace coffer::storage

#pragma once
// A leveldb::Env over real files that remembers what was synced and can lose the rest: after a crash each file is cut,
// on its own, somewhere behind its synced length. Creating, renaming and removing a file are durable at once, as a
// journaling file system orders them. One Env may carry several databases, which then lose power together.
// LevelDB calls it from all its threads.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>

#include <leveldb/env.h>

namespace coffer::test {

class FaultyEnv final : public leveldb::EnvWrapper {
 public:
  enum class Op { create, append, sync, rename, remove, open };
  /// Not ok: the operation fails with this status and is not done.
  using Fault = std::function<leveldb::Status(Op, const std::string& name)>;

  explicit FaultyEnv(std::uint64_t seed) : EnvWrapper(leveldb::Env::Default()), random_(seed) {}

  /// The power fails at the `operations`-th change of the disk from now on; nothing changes after it.
  void lose_power_after(std::uint64_t operations);
  /// The same, now.
  void lose_power();
  bool has_power() const;
  /// Cuts every file and brings the power back. REQUIRES: no database is open.
  void restore_power();
  void set_fault(Fault fault);

  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override;
  leveldb::Status NewAppendableFile(const std::string& name, leveldb::WritableFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** result) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;

 private:
  class TrackedFile;
  struct Length {
    std::uint64_t written = 0, synced = 0;
  };

  /// Counts one change of the disk down, and says whether it may happen. REQUIRES: mutex_ is held.
  leveldb::Status change(Op op, const std::string& name);

  mutable std::mutex mutex_;
  std::mt19937_64 random_;
  std::map<std::string, Length> files_;
  Fault fault_;
  std::uint64_t countdown_ = 0;
  bool power_ = true;
};

}  // namespace coffer::test

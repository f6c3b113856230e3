#pragma once
// An engine in memory that loses power and fails as LevelDB on a disk does; for the simulator and for tests.
//
// The model. A write goes to the current log file; a synced write makes everything in the current file durable, and
// only that file. A file is rotated by size or by chance WITHOUT being synced; the oldest file becomes durable when
// the compaction of its memtable happens, here at a rotation by chance, or at flush(). A crash cuts each file on its
// own somewhere behind its synced part, so that a later write can survive an earlier one of an older file. A batch
// survives whole or not at all. Everything is decided by seeds.
//
// get() and scan() from any thread; everything else from one.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/engine.hpp"
#include "storage/snapshot_map.hpp"

namespace coffer::storage {

struct FaultyOptions {
  std::uint64_t seed = 0;
  std::size_t file_bytes = 64 << 10;      // a file that reached this size is rotated
  std::uint32_t rotate_per_mille = 0;     // chance that a write is followed by a rotation
  std::uint32_t compact_per_mille = 500;  // chance that a rotation makes the oldest file durable
};

enum class DiskFault { no_space, io_error };

class FaultyEngine final : public Engine {
 public:
  explicit FaultyEngine(FaultyOptions options = {});

  model::Result<std::optional<std::string>> get(std::string_view key) const override;
  std::unique_ptr<Scan> scan(std::string_view begin, std::string_view end) const override;
  model::Status write(const Batch& batch, Durability durability) override;
  model::Status flush() override;

  /// The `nth` write (1: the next) and, counted apart, the `nth` flush from now on fails, and the engine refuses every
  /// write and flush after it until reopen(). A failed write is not seen by readers, but may survive a crash or reopen().
  void fail_write(std::uint64_t nth, DiskFault fault);
  void fail_flush(std::uint64_t nth, DiskFault fault);

  /// Power loss. Until reopen() every call is refused.
  void crash(std::uint64_t seed);
  /// After crash(): the state that survived it. Else the process was killed and started: everything written is there.
  /// What is there is durable now, and no fault is pending.
  void reopen();

  /// Batches that a crash now could lose.
  std::size_t at_risk() const;

 private:
  /// One batch in a file; `undo` takes it back, and is empty when it was not applied.
  struct Record {
    Batch batch;
    std::vector<SnapshotMap::Before> undo;
    bool applied = false;  // false: its write failed, and readers do not see it
  };
  struct File {
    std::vector<Record> records;
    std::size_t synced = 0;  // records before this survive a crash
    std::size_t bytes = 0;   // ever written to it
  };
  struct Planned {
    std::uint64_t countdown = 0;  // 0: none
    DiskFault fault = DiskFault::no_space;
    bool due() { return countdown != 0 && --countdown == 0; }
  };

  std::uint64_t random();
  bool chance(std::uint32_t per_mille);
  void rotate();
  model::Error fail(DiskFault fault);
  model::Error powered_off() const;

  const FaultyOptions options_;
  SnapshotMap rows_;
  std::atomic<bool> off_{false};
  // The writing thread's. The last file is the current one; what is durable for certain is in no file.
  std::deque<File> files_;
  std::optional<model::Error> failed_;
  Planned write_fault_, flush_fault_;
  std::uint64_t random_state_;
};

}  // namespace coffer::storage

#pragma once
// The log writer as a value: collects what groups want durable and decides what the next fsync covers. One flush is in
// flight; everything queued meanwhile forms the next batch. No threads, no disk: the actor (or the simulator) carries
// the batch to storage::LogStore::commit and says when it is done.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "model/ids.hpp"
#include "storage/log_store.hpp"

namespace coffer::cluster {

/// What one group wants durable, in order. `ticket` grows by one per group and comes back when it is.
struct DurableWrite {
  model::GroupId group;
  std::uint64_t ticket = 0;
  std::optional<storage::HardState> hard_state;
  std::vector<storage::LogEntry> entries;  // empty: none
  model::Index last_stored;                // for truncation: storage::LogBatch::append
  struct SnapshotWrite {
    storage::Snapshot snapshot;
    model::Index first, last;  // entries to delete
  };
  std::optional<SnapshotWrite> snapshot;
  struct Leave {
    storage::LogEnd floor;
    model::Index first, last;  // entries to delete
  };
  std::optional<Leave> leave;  // of the replica nothing else stays
};

/// Tickets that became durable: the highest of each group.
struct Durable {
  model::GroupId group;
  std::uint64_t ticket = 0;
};

class LogWriterCore {
 public:
  /// `batch_bytes` bounds one flush (a single larger write goes alone).
  explicit LogWriterCore(std::size_t batch_bytes = 8 << 20) : batch_bytes_(batch_bytes) {}
  void enqueue(DurableWrite write);
  /// The next batch, when none is in flight and something waits.
  std::optional<storage::LogBatch> next();
  /// The batch from next() is durable.
  std::vector<Durable> done();
  /// Writes that wait, the ones in flight not counted.
  std::size_t queued() const;

 private:
  std::size_t batch_bytes_;
  std::deque<DurableWrite> queue_;
  std::vector<Durable> in_flight_;
  bool busy_ = false;
};

}  // namespace coffer::cluster

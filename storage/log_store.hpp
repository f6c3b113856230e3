#pragma once
// The log database: all groups' Raft logs, hard states and durable indices of a node, over one Engine.
// Written by the log-writer actor only, every batch synced (one fsync for all groups); read at start-up.
//
// Keys (integers big-endian):   'e' group:8 index:8 -> LogRecord        'h' group:8 -> HardStateRecord
//                               's' group:8         -> SnapshotRecord   'n'         -> NodeRecord
//                               'f' group:8 -> LogFloorRecord

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.hpp"
#include "storage/engine.hpp"

namespace coffer::storage {

enum class EntryKind : std::uint8_t { command = 1, barrier = 2, configuration = 3 };

/// One entry of a group's log. The data is shared, for it travels to the disk, to peers and to the state at once.
struct LogEntry {
  model::Index index;
  model::Term term;
  EntryKind kind = EntryKind::command;
  std::shared_ptr<const std::string> data;
};

struct HardState {
  model::Term term;
  model::NodeId voted_for;  // 0: nobody
  friend bool operator==(const HardState&, const HardState&) = default;
};

/// Durable index D: the state database holds, flushed, everything up to `index` under `generation`.
struct Snapshot {
  model::Index index;
  model::Term term;
  std::string configuration;  // libraft's encoding, as of `index`
  model::Index configuration_index;
  model::Generation generation{1};
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

/// Where a log ends. Compared as Raft compares logs: the higher term is the newer one, then the higher index.
struct LogEnd {
  model::Term term;
  model::Index index;
  friend auto operator<=>(const LogEnd&, const LogEnd&) = default;
};

struct Node {
  model::NodeId id;
  std::string cluster_id;  // 16 bytes
  std::uint32_t data_groups = 16;
  /// 16 random bytes of when these logs began: by a first start, a join or a restore. Indexes of another life mean nothing
  /// in this one, though cluster and node may be the same. Empty: the record is older than lives are noted.
  std::string log_life = {};
};

/// Several groups' changes that become durable together.
class LogBatch {
 public:
  void hard_state(model::GroupId group, const HardState& state);
  /// Deletes what stands at and after entries.front().index up to `last_stored` (0: nothing), then puts the entries.
  void append(model::GroupId group, const std::vector<LogEntry>& entries, model::Index last_stored);
  /// Sets the durable index and deletes the entries [first, last] that it made superfluous (first > last: none).
  void snapshot(model::GroupId group, const Snapshot& snapshot, model::Index first, model::Index last);
  /// Of the group's replica nothing stays but term, vote and `floor`: the durable index and the entries [first, last] go.
  void leave(model::GroupId group, const LogEnd& floor, model::Index first, model::Index last);
  void node(const Node& node);
  bool empty() const { return batch_.empty(); }
  std::size_t bytes() const { return batch_.bytes(); }
  const Batch& batch() const { return batch_; }
  void clear() { batch_.clear(); }

 private:
  Batch batch_;
};

/// What a group finds at start. The entries are contiguous and end where the log ends.
struct Recovered {
  HardState hard_state;
  std::optional<Snapshot> snapshot;  // none: a pristine group
  std::vector<LogEntry> entries;     // commands carry their data, for they are applied again from D on
  LogEnd floor;                      // of a replica that the node has let go of; zero: none
};

class LogStore {
 public:
  explicit LogStore(Engine& engine) : engine_(engine) {}
  /// Synced. An error is fatal to the node.
  model::Status commit(const LogBatch& batch);
  /// Repairs nothing: a gap, an unknown format or an entry that does not parse is data_loss with a sentence. Entries
  /// at or below the snapshot's index are left out.
  model::Result<Recovered> recover(model::GroupId group) const;
  model::Result<std::optional<Node>> node() const;
  /// The oldest entry of the group that is still stored; none: there is none. Any thread.
  model::Result<std::optional<model::Index>> first_entry(model::GroupId group) const;

 private:
  Engine& engine_;
};

}  // namespace coffer::storage

#pragma once
// Entries, messages and snapshots between the room's values and libraft's structures, with libraft 0.22.1's ownership
// rules in one place. Private to raft_core.cpp.

#include <vector>

#include "cluster/libraft.hpp"
#include "cluster/raft_core.hpp"

namespace coffer::cluster {

/// Messages are routed by node id; libraft only copies and compares addresses.
inline constexpr char kNoAddress[] = "-";

/// An array of raft_entry with one block for the payloads. Only configurations have a payload there: libraft reads no
/// other, and so a command's bytes are never copied.
class RaftEntries {
 public:
  enum class Owner {
    caller,             // START, SUBMIT: raft neither keeps nor frees the block
    raft_unless_taken,  // AppendEntries: raft has freed the block unless the update hands entries out
  };
  RaftEntries(std::vector<storage::LogEntry> entries, Owner owner);
  ~RaftEntries();
  RaftEntries(const RaftEntries&) = delete;
  RaftEntries& operator=(const RaftEntries&) = delete;

  raft_entry* data() { return converted_.empty() ? nullptr : converted_.data(); }
  unsigned size() const { return static_cast<unsigned>(converted_.size()); }
  /// The values behind update.entries: `batch` points into the array, `index` is the first one's.
  std::vector<storage::LogEntry> take(const raft_entry* batch, unsigned n, raft_index index);
  /// After a successful step: who frees the block.
  void settle(bool handed_out);
  /// After a failed step, when raft may have freed the block: the group stops, and a leak is better than freeing twice.
  void abandon() { block_ = nullptr; }

 private:
  std::vector<storage::LogEntry> entries_;
  std::vector<raft_entry> converted_;
  void* block_ = nullptr;
  Owner owner_;
};

storage::LogEntry barrier_entry(raft_index index, raft_term term);

/// False when the bytes do not parse; then nothing is owned.
bool decode_into(const std::string& bytes, raft_configuration* out);
bool to_raft(const storage::Snapshot& snapshot, raft_snapshot_metadata* out);
/// Takes over metadata.configuration.
storage::Snapshot take_snapshot(raft_snapshot_metadata& metadata);

/// `entries` are those of an AppendEntries. False when the message cannot be delivered.
bool to_raft(const Message& message, RaftEntries& entries, raft_message* out);
/// With G3 applied.
Outgoing from_raft(const raft_message& message, model::GroupId group, model::NodeId self, raft_term current_term);

}  // namespace coffer::cluster

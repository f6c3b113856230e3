#pragma once
// What of the purges in each group this node has compacted away, so that a restart does not compact every group anew that
// ever held a tenant that is purged. One record for each group in the state database, beside the groups' rows; when one is
// lost or damaged, the group is compacted once more. Used by the node on the threads of those who tell of purges and of the
// forgetter.
//
//   'c' group:8 -> CompactedRecord
//
// A record counts while the group's rows are of the generation that it names: a snapshot from another node brings entries
// of the log along that may still hold what was purged, and so does the beginning of a replica.

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "model/entry.hpp"
#include "model/ids.hpp"
#include "storage/engine.hpp"
#include "storage/log_store.hpp"

namespace coffer::actors {

class CompactedMarks {
 public:
  CompactedMarks(const storage::Engine& state, const storage::LogStore& log) : state_(state), log_(log) {}
  /// Somebody tells of a purge in the group. False: nothing of it is on this disk any more. `generation`: of the group's rows.
  bool is_to_compact(model::GroupId group, model::TimeMs purged_at, model::Generation generation);
  /// What a compaction that begins now takes away: all purges that were told of so far, from what the node has.
  struct Begun {
    model::TimeMs newest = 0;
    std::uint64_t replica = 0;
  };
  Begun begin(model::GroupId group, model::Generation generation) const;
  /// It is over: what the state database's writer is to write. When the node has another replica by now, or one at last,
  /// that is not compacted.
  std::optional<storage::Batch> end(model::GroupId group, const Begun& begun, model::Generation generation) const;

 private:
  std::uint64_t replica_of(model::GroupId group, model::Generation generation) const;

  const storage::Engine& state_;
  const storage::LogStore& log_;
  mutable std::mutex mutex_;
  std::map<model::GroupId, model::TimeMs> newest_;  // that were told of
};

std::string encode_compacted(model::TimeMs purged_at, std::uint64_t generation);

}  // namespace coffer::actors

#pragma once
// A group's rows as blocks of bytes, for snapshots between nodes: read at one node, written under a new generation at
// another. Each block is read anew from a key on, so no view of the database is held while a transfer takes its time, and
// a transfer goes on from any key, also at another node (cluster/snapshot_transfer.hpp says why that is right).
//
//   block = (key value)*        both behind their length as varints; key = tenant:16 row, in ascending order
//
// Readers: any thread. Writers: the state database's one writer.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"
#include "storage/engine.hpp"

namespace coffer::storage {

struct RowBlock {
  std::string rows;
  std::string last_key;  // of the block; the next one begins behind it. Empty: the block is
  bool is_last = false;  // nothing follows
};

/// The rows behind `after` (empty: from the first), about `max_bytes` of them; a larger row comes alone. Errors:
/// disk_error, data_loss.
model::Result<RowBlock> read_block(const Engine& engine, model::GroupId group, model::Generation generation,
                                   std::string_view after, std::size_t max_bytes);
/// Rows whose keys begin with `within`, as they are now, behind all that begin with `after` (empty: from the first).
std::unique_ptr<Scan> scan_rows(const Engine& engine, model::GroupId group, model::Generation generation,
                                std::string_view within, std::string_view after);
/// The next rows of such a scan, about `max_bytes` of them; a larger row comes alone. Errors: disk_error, data_loss.
model::Result<RowBlock> read_block(Scan& scan, std::size_t max_bytes);
/// Of a key of the state database: what stands before tenant and row.
inline constexpr std::size_t kCopyPrefix = 1 + 8 + 8;
/// Adds a block's rows to `out`. Errors: data_loss (not what read_block() wrote; `out` may hold some of the rows).
model::Status add_block(std::string_view rows, model::GroupId group, model::Generation generation, Batch& out);

/// Deletes at most `max_rows` rows of a generation, unsynced; true when nothing was left. Errors: fatal to the node.
model::Result<bool> drop_generation(Engine& engine, model::GroupId group, model::Generation generation,
                                    std::size_t max_rows);
/// The generations of a group that have rows, ascending: besides the active one, what an interrupted snapshot or the
/// state before a completed one left behind. Seeks once for each.
model::Result<std::vector<model::Generation>> generations(const Engine& engine, model::GroupId group);

}  // namespace coffer::storage

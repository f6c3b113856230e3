#pragma once
// Reading a backup to its end: to verify it, or to make an empty pair of databases of it. Offline, by the command line.

#include <functional>
#include <optional>
#include <string>

#include "actors/backup_file.hpp"
#include "storage/engine.hpp"

namespace coffer::actors {

struct BackupSummary {
  std::string kind, cluster_id, program;  // the id in hexadecimal
  std::int64_t created_at_ms = 0;
  std::uint64_t tenants = 0, rows = 0, bytes = 0, frames = 0;
  bool opened = false;                      // its frames were opened, not only its checksums compared
  bool checked = false;                     // each row was opened under its tenant's keys, too (backup_check.hpp)
  std::uint64_t entries = 0, versions = 0;  // that were opened so
};

struct BackupInput {
  /// The file's next bytes; empty at its end. Errors stop the reading.
  std::function<model::Result<std::string>()> read;
  /// The file's key, when the caller has one of its seals. Null: only checksums and the order of frames are checked.
  std::function<model::Result<crypto::Key>(const store::v1::BackupManifest&)> open;
};

/// The cluster's root key, by one of the seals in the manifest.
using RootSource = std::function<model::Result<crypto::Key>(const store::v1::BackupManifest&)>;

/// Reads the whole file; `take` gets each frame's rows when the file is opened. `begin` may be empty. Errors: data_loss with the
/// place; those of `open`, `read` and both functions.
model::Result<BackupSummary> walk_backup(const BackupInput& input,
                                         const std::function<model::Status(const store::v1::BackupManifest&)>& begin,
                                         const std::function<model::Status(const store::v1::BackupRows&)>& take);

/// Errors: data_loss with the place; those of `open` and `read`.
model::Result<BackupSummary> verify_backup(const BackupInput& input);

/// Reads the file twice, first for the tenants' keys, which stand among their rows, and opens every row. `root` is asked for a
/// backup, `file_key` for an exported tenant. Errors: those of verify_backup; key_mismatch.
struct WholeCheck {
  std::function<model::Result<BackupInput>()> again;  // the file from its begin
  RootSource root, file_key;
};
model::Result<BackupSummary> verify_rows(const WholeCheck& check, crypto::Random& random);

/// Makes a node of the backup: state, flushed, and then the log, so that a crash in between leaves databases that are
/// not taken for a node's. Every row is read back and opened before the log is written. Tenants' epochs are raised. With `tenant` only that one. input.open is not used: `root` opens. Errors: those of verify_backup;
/// invalid_argument (the databases are not empty, the file is an exported tenant), tenant_not_found, disk_error.
model::Result<BackupSummary> restore_backup(const BackupInput& input, storage::Engine& log, storage::Engine& state,
                                            const std::optional<std::string>& tenant, const RootSource& root,
                                            crypto::Random& random);

}  // namespace coffer::actors

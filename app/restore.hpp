#pragma once
// Backups without a server: the file as a stream, the seal that opens it, the empty data directory. Used by `coffer admin
// backup verify|restore`; main's thread.

#include <string>
#include <vector>

#include "actors/backup_restore.hpp"
#include "app/config.hpp"
#include "model/secret.hpp"

namespace coffer::app {

/// What opens a backup: shares, a passphrase, or the seal that a configuration names.
struct BackupOpener {
  std::vector<model::Secret> shares;
  model::Secret passphrase;
  model::Secret private_key;  // of an exported tenant only: 32 bytes
  Config config;              // key file or PKCS#11
};
/// Errors: key_mismatch (nothing that was given opens a seal of the backup), those of the seals.
actors::RootSource root_by(const BackupOpener& opener);

/// Reads a file in pieces; "-" is stdin. Errors: invalid_argument.
model::Result<std::function<model::Result<std::string>()>> open_backup_file(const std::string& path);

/// Reads the file to its end; with an opener every row of it, which reads it twice. REQUIRES: no stdin then. Errors: data_loss
/// with the place, key_mismatch, invalid_argument.
model::Result<actors::BackupSummary> verify_file(const std::string& path, const BackupOpener* opener);

/// A new node in config.data_dir, which must be empty or missing and is left so when it fails. Errors: those of restore_backup, and of the data directory.
model::Result<actors::BackupSummary> restore_into(const Config& config, const std::string& path,
                                                  const BackupOpener& opener, const std::string& tenant);

}  // namespace coffer::app

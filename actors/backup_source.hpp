#pragma once
// Reads what a backup holds: views of the state database, turned into a file's frames. A view is consistent for every
// tenant (write sets are applied whole). The directory's is taken after that of the data, so that it knows every tenant and
// every key that the data need; no tenant may move in between. The keeper's thread.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/backup_file.hpp"
#include "actors/keeper_host.hpp"

namespace coffer::actors {

class BackupSource {
 public:
  /// Everything, or the named tenants (with what they need of the directory).
  struct Wanted {
    std::vector<model::TenantInfo> tenants;
    bool all = true;
  };
  /// Waits until what was acknowledged, on whatever node, is in the state here; puts the keys into the manifest. REQUIRES:
  /// moves of tenants are paused. Errors: unavailable (a group has no current copy here), disk_error, data_loss.
  static model::Result<std::unique_ptr<BackupSource>> open(KeeperHost& host, const Wanted& wanted,
                                                           store::v1::BackupManifest manifest,
                                                           const crypto::Key& file_key, crypto::Random& random);
  /// One tenant's rows without its keys' row; `first` stands before them.
  static model::Result<std::unique_ptr<BackupSource>> open_export(KeeperHost& host, const model::TenantInfo& tenant,
                                                                  store::v1::BackupManifest manifest,
                                                                  store::v1::BackupRows first,
                                                                  const crypto::Key& file_key, crypto::Random& random);

  /// At least `bytes` of the file, or what is left; empty at its end. Errors: disk_error, data_loss.
  model::Result<std::string> read(std::size_t bytes);
  std::uint64_t tenants() const { return tenants_; }

 private:
  struct View {
    std::unique_ptr<storage::Scan> scan;
    model::GroupId group;
    model::Generation generation;  // whose rows count; those of others are left over, or not complete yet
  };

  BackupSource(store::v1::BackupManifest manifest, const crypto::Key& file_key, crypto::Random& random);
  bool wants(const std::string& tenant, std::string_view row) const;
  static View view_of(KeeperHost& host, model::GroupId group, const model::TenantId* tenant);
  static model::Status add_keys(KeeperHost& host, store::v1::BackupManifest& manifest);
  model::Status fill(std::string& out);
  void flush(std::string& out);

  BackupWriter writer_;
  std::vector<View> views_;
  std::size_t at_ = 0;
  std::set<std::string> chosen_;  // ids; empty: all
  bool is_export_ = false, ended_ = false;
  std::string head_;
  store::v1::BackupRows rows_;
  std::size_t rows_bytes_ = 0;
  std::uint64_t tenants_ = 0;
};

}  // namespace coffer::actors

#pragma once
// Reads what a backup holds: views of groups' rows (group_view.hpp), of this node's state or of other nodes', turned into a
// file's frames. A view is consistent for every tenant (write sets are applied whole). The directory's is taken after those of
// the data, so that it knows every tenant and every key that the data need; no tenant may move in between.
//
// A node from which rows come may die. Its group goes on from another one then, behind the last whole tenant: of what comes
// from elsewhere a tenant is held back until all of it is here, so that the file has each tenant at one revision. That later
// view may show what the directory of the file does not know: whether it does is looked at, and then the backup fails. The
// keeper's thread.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
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
  /// Waits until what was acknowledged, on whatever node, is in the views; puts the keys into the manifest, and
  /// `file_key` for their root key. `host` and `random` outlive it. REQUIRES: moves of tenants are paused. Errors:
  /// unavailable (no node has a current copy of a group; the root key is being rotated), disk_error, data_loss.
  static model::Result<std::unique_ptr<BackupSource>> open(KeeperHost& host, const Wanted& wanted,
                                                           store::v1::BackupManifest manifest,
                                                           const crypto::Key& file_key, crypto::Random& random);
  /// One tenant's rows without its keys' row; `first` stands before them.
  static std::unique_ptr<BackupSource> open_export(KeeperHost& host, std::unique_ptr<GroupView> view,
                                                   model::GroupId group, store::v1::BackupManifest manifest,
                                                   store::v1::BackupRows first, const crypto::Key& file_key,
                                                   crypto::Random& random);

  /// At least `bytes` of the file, or what is left; empty at its end. Errors: unavailable (a node died, and nobody could go
  /// on for it; the file is not to be used), disk_error, data_loss.
  model::Result<std::string> read(std::size_t bytes);
  std::uint64_t tenants() const { return tenants_; }

 private:
  struct Part {
    RowWish wish;
    std::unique_ptr<GroupView> view;
    unsigned begun_anew = 0;
  };
  struct Known {  // a tenant as the file's directory has it
    model::TenantId id;
    std::uint32_t moves;
    model::TenantState state;
    friend bool operator==(const Known&, const Known&) = default;
  };

  BackupSource(KeeperHost& host, store::v1::BackupManifest manifest, const crypto::Key& file_key,
               crypto::Random& random);
  static model::Result<Part> part_of(KeeperHost& host, model::GroupId group, std::string within,
                                     std::chrono::milliseconds& patience);
  static model::Result<Part> directory_part(KeeperHost& host);
  static model::Status add_keys(KeeperHost& host, store::v1::BackupManifest& manifest, const crypto::Key& file_key,
                                crypto::Random& random);
  static std::uint32_t newest_key(const store::v1::KeyRingRecord& ring);

  model::Status fill(std::string& out);
  void take(std::string& out, const GroupView::Row& row);
  bool wants(const GroupView::Row& row) const;
  model::Status note(std::string_view row, std::string_view sealed);
  void cut(std::string& out);
  void release(std::string& out);
  model::Status begin_anew(const model::Error& failure);
  model::Status compare_directories(model::GroupId group);

  KeeperHost& host_;
  crypto::Random& random_;
  std::unique_ptr<BackupWriter> writer_;
  std::vector<Part> parts_;  // the directory's first: who restores one tenant of it must know whose rows come
  std::size_t at_ = 0;
  std::set<std::string> chosen_;  // ids; empty: all
  bool is_export_ = false, ended_ = false;
  std::uint32_t newest_key_ = 0;                        // of the cluster's, in the file
  std::optional<crypto::Sealer> directory_sealer_;      // when something comes from elsewhere: then the directory's
  std::map<model::GroupId, std::vector<Known>> known_;  // tenants are noted here, by id
  std::string head_;
  std::string tenant_, whole_;  // whose rows come, and the last one that the file has whole
  bool torn_ = false;           // the file has some of the tenant's rows, and not all
  store::v1::BackupRows rows_;
  std::size_t rows_bytes_ = 0;
  std::vector<store::v1::BackupRows> held_;  // of the same tenant
  std::size_t held_bytes_ = 0;
  std::uint64_t tenants_ = 0;
};

}  // namespace coffer::actors

#pragma once
// Backups that are being read and tenants that are being imported, by operators' calls; and the scheduled backups. The
// keeper's thread only. What nobody continues for two minutes ends; of an import the directory knows before a byte is
// written, so that its rows are found and removed however it ends (directory_imports.cpp).

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "actors/backup_source.hpp"
#include "actors/keeper_host.hpp"
#include "actors/keeper_settings.hpp"
#include "actors/pace.hpp"

namespace coffer::actors {

class BackupSessions {
 public:
  using Clock = std::chrono::steady_clock;
  BackupSessions(KeeperHost& host, crypto::Random& random, std::string program, std::uint64_t bytes_per_second)
      : host_(host), random_(random), program_(std::move(program)), bytes_per_second_(bytes_per_second) {}

  model::Result<model::ReplyBody> act(const model::KeeperOperation& operation);
  /// Makes the next piece of a backup that is being read, while its reader keeps the last one.
  void read_ahead();
  /// Ends what was left alone, and what this node was importing when it stopped. Says when it is to be called again.
  Clock::time_point tidy();
  /// Writes a file when it is time; says when it is next.
  Clock::time_point run_schedule(const BackupSchedule& schedule, const std::function<void(std::string_view)>& log);

 private:
  struct Reading {
    std::unique_ptr<BackupSource> source;
    std::uint64_t sequence = 0;  // of `piece`
    std::optional<std::string> piece;
    std::optional<model::Result<std::string>> ahead;  // the piece after it
    bool last = false;
    Clock::time_point used;
    Pace pace{0};
  };
  struct Importing {
    BackupReader reader;
    std::string name;
    model::Secret passphrase, private_key;
    std::optional<crypto::Key> file_key;
    std::optional<store::v1::BackupRows> first;  // the file's first rows, until the tenant has its place
    model::GroupId group;
    std::optional<store::v1::TenantKeysRecord> keys;
    store::v1::TenantRecord directory;  // as it will be
    std::optional<store::v1::TenantHeader> header;
    std::uint64_t sequence = 0, entries = 0;
    bool reserved = false;  // the directory knows of it, or may
    bool ended = false, written = false;
    std::optional<model::Error> failure;  // it is over; whoever asks again hears why
    Clock::time_point begun, used;
  };

  store::v1::BackupManifest manifest(const char* kind) const;
  model::Result<Clock::time_point> pause_moves();
  model::Result<std::unique_ptr<BackupSource>> open_backup(const std::vector<std::string>& tenants);
  model::Result<model::TenantInfo> find(const std::string& name);
  struct TenantView {
    std::unique_ptr<GroupView> rows;
    store::v1::TenantKeysRecord keys;
  };
  model::Result<std::optional<std::string>> keys_row_of(const model::TenantInfo& tenant);
  model::Result<TenantView> view_of(const model::TenantInfo& tenant);
  model::Result<model::ReplyBody> start(const model::StartBackup& start);
  model::Result<model::ReplyBody> export_tenant(const model::ExportTenant& wanted);
  model::Result<model::ReplyBody> read(const model::ReadBackup& read);
  model::Result<model::ReplyBody> begin_import(const model::ImportTenant& import);
  model::Result<model::ReplyBody> write_import(const model::WriteImport& write);
  model::Result<model::ReplyBody> finish_import(const model::FinishImport& finish);
  model::Status take(Importing& import, BackupReader::Kind kind);
  model::Status take_first(Importing& import);
  model::Status take_rows(Importing& import, const store::v1::BackupRows& rows);
  model::Status reserve(Importing& import, const model::TenantId& id, const std::vector<model::GroupId>& led);
  model::Status write_last(Importing& import, const model::TenantId& id);
  model::Status forget_begun();
  model::Error fail(Importing& import, const model::Error& error);
  void give_up_imports();
  model::Result<model::ReplyBody> serve(std::unique_ptr<BackupSource> source);
  model::Status write_file(const BackupSchedule& schedule);

  KeeperHost& host_;
  crypto::Random& random_;
  const std::string program_;
  const std::uint64_t bytes_per_second_;
  std::map<std::string, Reading> readings_;
  std::map<std::string, Importing> imports_;
  bool forgot_begun_ = false;          // what a former life of this node was importing is given up
  std::vector<std::string> given_up_;  // ids of tenants; the directory is to be told
  Clock::time_point tell_again_{};
  std::optional<Clock::time_point> next_scheduled_;
};

}  // namespace coffer::actors

// Reading backups and exporting tenants; see backup_sessions.hpp.

#include "actors/backup_sessions.hpp"

#include <thread>

#include "actors/records.hpp"
#include "crypto/file_key.hpp"
#include "crypto/hash.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::chrono::minutes kPatience{2};
constexpr std::chrono::seconds kTidy{5};
constexpr std::size_t kMostSessions = 4;
constexpr std::chrono::milliseconds kPause{10'000};
constexpr std::chrono::seconds kMovesEnd{20};
constexpr std::chrono::milliseconds kLookAgain{50};
constexpr std::size_t kPieceBytes = 1 << 20;
constexpr int kMostAttempts = 3;

model::TimeMs wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

model::Result<model::ReplyBody> BackupSessions::act(const model::KeeperOperation& operation) {
  if (const auto* begin = std::get_if<model::StartBackup>(&operation)) return start(*begin);
  if (const auto* wanted = std::get_if<model::ExportTenant>(&operation)) return export_tenant(*wanted);
  if (const auto* piece = std::get_if<model::ReadBackup>(&operation)) return read(*piece);
  if (const auto* import = std::get_if<model::ImportTenant>(&operation)) return begin_import(*import);
  if (const auto* write = std::get_if<model::WriteImport>(&operation)) return write_import(*write);
  if (const auto* finish = std::get_if<model::FinishImport>(&operation)) return finish_import(*finish);
  return Error(Code::internal, "nobody answers this operation");
}

BackupSessions::Clock::time_point BackupSessions::tidy() {
  const auto now = Clock::now();
  std::erase_if(readings_, [&](const auto& one) { return now - one.second.used > kPatience; });
  std::erase_if(imports_, [&](const auto& one) {
    const Importing& import = one.second;
    if (now - import.used <= kPatience) return false;
    if (import.reserved) given_up_.push_back(import.directory.id());
    return true;
  });
  const auto must_tell = [this] { return !forgot_begun_ || !given_up_.empty(); };
  if (must_tell() && now >= tell_again_) give_up_imports();
  if (must_tell()) return tell_again_;
  return readings_.empty() && imports_.empty() ? Clock::time_point::max() : now + kTidy;
}

store::v1::BackupManifest BackupSessions::manifest(const char* kind) const {
  store::v1::BackupManifest manifest;
  manifest.set_format(kBackupFormat);
  manifest.set_kind(kind);
  manifest.set_id(random_.bytes(16));
  manifest.set_cluster_id(host_.cluster_id());
  manifest.set_created_at_ms(wall_clock());
  manifest.set_data_groups(host_.data_groups());
  manifest.set_program(program_);
  return manifest;
}

model::Result<model::TenantInfo> BackupSessions::find(const std::string& name) {
  auto reply = ask(host_, {}, model::DirectoryOperation(model::GetTenant{name}));
  if (!reply) return Error(reply.error().code, "tenant " + name + ": " + std::string(reply.error().message()));
  return std::get<model::TenantReply>(reply->body).tenant;
}

/// Until the views are taken every tenant stays in one group: one that moves might be in neither of two. Answers when the
/// pause ends at the earliest; nobody ends it sooner, for another node may be taking a backup, too.
model::Result<BackupSessions::Clock::time_point> BackupSessions::pause_moves() {
  const auto give_up = Clock::now() + kMovesEnd;
  for (;;) {
    const auto begun = Clock::now();
    auto paused =
        ask(host_, {}, model::DirectoryOperation(model::PauseMoves{static_cast<std::uint64_t>(kPause.count())}));
    if (!paused) return paused.error();
    const auto& moving = std::get<model::TenantsReply>(paused->body).tenants;
    if (moving.empty()) return begun + kPause;
    if (Clock::now() >= give_up) {
      return Error(Code::unavailable, "tenant " + moving.front().name + " is on its way to another group; try again",
                   1);
    }
    std::this_thread::sleep_for(kLookAgain);
  }
}

model::Result<std::unique_ptr<BackupSource>> BackupSessions::open_backup(const std::vector<std::string>& tenants) {
  const auto paused_until = pause_moves();
  if (!paused_until) return paused_until.error();
  BackupSource::Wanted wanted;
  wanted.all = tenants.empty();
  for (const std::string& name : tenants) {
    auto tenant = find(name);
    if (!tenant) return tenant.error();
    wanted.tenants.push_back(std::move(*tenant));
  }
  store::v1::BackupManifest head = manifest("backup");
  const crypto::Key file_key = crypto::Key::generate(random_);
  auto source = BackupSource::open(host_, wanted, std::move(head), file_key, random_);
  if (source && Clock::now() >= *paused_until) {
    return Error(Code::unavailable, "it took too long to bring every group up to date here; try again", 1);
  }
  return source;
}

model::Result<model::ReplyBody> BackupSessions::serve(std::unique_ptr<BackupSource> source) {
  if (readings_.size() >= kMostSessions) {
    return Error(Code::overloaded, "four backups are being read already; a lost one ends after two minutes");
  }
  model::StreamReply reply;
  reply.id = crypto::hex(random_.bytes(16));
  Reading reading;
  reading.source = std::move(source);
  reading.used = Clock::now();
  reading.pace = Pace(bytes_per_second_);
  readings_.emplace(reply.id, std::move(reading));
  return model::ReplyBody(std::move(reply));
}

model::Result<model::ReplyBody> BackupSessions::start(const model::StartBackup& start) {
  auto source = open_backup(start.tenants);
  if (!source) return source.error();
  return serve(std::move(*source));
}

/// The tenant's row of keys as some replica has it; none: it holds nothing.
model::Result<std::optional<std::string>> BackupSessions::keys_row_of(const model::TenantInfo& tenant) {
  RowWish wish;
  wish.group = tenant.group;
  wish.within = std::string(tenant.id.view()) + storage::kKeysRow;
  auto view = host_.open_view(std::move(wish));
  if (!view) return view.error();
  auto row = (*view)->next();
  if (!row) return row.error();
  return *row ? std::optional(std::string((*row)->value)) : std::optional<std::string>();
}

/// A tenant's rows at one moment and its keys at the same: they are looked at before and behind.
model::Result<BackupSessions::TenantView> BackupSessions::view_of(const model::TenantInfo& tenant) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    auto before = keys_row_of(tenant);
    if (!before) return before.error();
    RowWish wish;
    wish.group = tenant.group;
    wish.within = std::string(tenant.id.view());
    auto rows = host_.open_view(std::move(wish));
    if (!rows) return rows.error();
    auto behind = keys_row_of(tenant);
    if (!behind) return behind.error();
    auto still = find(tenant.name);
    if (!still) return still.error();
    if (still->moves != tenant.moves) return Error(Code::not_active, "the tenant is on its way to another group; wait");
    if (*before != *behind) continue;
    if (!before->has_value()) return Error(Code::entry_not_found, "the tenant holds nothing that could be exported");
    auto keys = decode_keys(**before);
    if (!keys) return keys.error();
    return TenantView{std::move(*rows), std::move(*keys)};
  }
  return Error(Code::unavailable, "the tenant's keys are being changed; try again", 1);
}

model::Result<model::ReplyBody> BackupSessions::export_tenant(const model::ExportTenant& wanted) {
  auto tenant = find(wanted.tenant);
  if (!tenant) return tenant.error();
  if (tenant->moving_to.value != 0) return Error(Code::not_active, "the tenant is on its way to another group; wait");
  auto view = view_of(*tenant);
  if (!view) return view.error();
  auto keys = std::move(view->keys);

  store::v1::BackupManifest head = manifest("export");
  const crypto::Key file_key = crypto::Key::generate(random_);
  const std::string owner = keys.owner_public_key();
  const int holders = (wanted.passphrase.empty() ? 0 : 1) + (wanted.receiving_key.empty() ? 0 : 1) + wanted.to_owner;
  if (holders != 1) {
    return Error(Code::invalid_argument, "give one of: a passphrase, a receiving key, or the bucket's owner");
  }
  if (wanted.to_owner && owner.empty()) {
    return Error(Code::invalid_argument, "the tenant has no owner's key: no bucket was created for it");
  }
  auto slot =
      !wanted.passphrase.empty()
          ? crypto::slot_for_passphrase(file_key, wanted.passphrase, head.id(), random_)
          : crypto::slot_for_public_key(file_key, wanted.to_owner ? owner : wanted.receiving_key, head.id(), random_);
  if (!slot) return slot.error();
  *head.add_slots() = std::move(*slot);
  const crypto::Key wrapping = crypto::derive(file_key, "coffer exported keys");
  if (auto status = host_.ring()->rewrap_for(wrapping, tenant->id, keys, random_); !status) return status.error();

  store::v1::BackupRows first;
  first.set_tenant(std::string(tenant->id.view()));
  *first.mutable_keys() = std::move(keys);
  DirectoryTenant directory;
  directory.info = *tenant;
  directory.owner_public_key = owner;
  if (!first.mutable_directory()->ParseFromString(encode_tenant(directory))) return Error(Code::internal);
  return serve(BackupSource::open_export(host_, std::move(view->rows), tenant->group, std::move(head), std::move(first),
                                         file_key, random_));
}

void BackupSessions::read_ahead() {
  for (auto& [id, reading] : readings_) {
    if (reading.piece && !reading.last && !reading.ahead) reading.ahead = reading.source->read(kPieceBytes);
  }
}

model::Result<model::ReplyBody> BackupSessions::read(const model::ReadBackup& read) {
  auto found = readings_.find(read.id);
  if (found == readings_.end()) {
    return Error(Code::entry_not_found,
                 "there is no such backup under way: nobody read it for two minutes; start again");
  }
  Reading& reading = found->second;
  reading.used = Clock::now();
  const bool again = reading.piece && read.sequence == reading.sequence;
  if (!again) {
    const std::uint64_t wanted = reading.piece ? reading.sequence + 1 : 0;
    if (read.sequence != wanted)
      return Error(Code::invalid_argument, "sequence: piece " + std::to_string(wanted) + " is next");
    if (!reading.ahead) {
      reading.ahead = reading.last ? model::Result<std::string>(std::string()) : reading.source->read(kPieceBytes);
    }
    auto piece = std::move(*reading.ahead);
    reading.ahead.reset();
    if (!piece) {
      readings_.erase(found);
      return piece.error();
    }
    reading.last = piece->size() < kPieceBytes;
    std::this_thread::sleep_for(reading.pace.wait_for(piece->size(), Clock::now()));
    reading.piece = std::move(*piece);
    reading.sequence = read.sequence;
  }
  model::StreamReply reply;
  reply.id = read.id;
  reply.sequence = reading.sequence;
  reply.data = *reading.piece;
  reply.last = reading.last;
  reply.tenants = reading.source->tenants();
  return model::ReplyBody(std::move(reply));
}

}  // namespace coffer::actors

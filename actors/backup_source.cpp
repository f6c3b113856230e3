// See backup_source.hpp.

#include "actors/backup_source.hpp"

#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kFrameBytes = 256 << 10;
constexpr std::size_t kTenantOffset = 17, kRowOffset = 33;  // of a key of the state database

const std::string kDirectory(16, '\0');

model::Status bring_here(KeeperHost& host, model::GroupId group) {
  auto status = host.bring_up_to_date(group);
  if (status) return status;
  return Error(status.error().code,
               "group " + std::to_string(group.value) +
                   " has no current copy on this node; ask one that has: see admin cluster status");
}

}  // namespace

/// Of all rows of the group, or of one tenant's in it; of this moment, however long the reading takes.
BackupSource::View BackupSource::view_of(KeeperHost& host, model::GroupId group, const model::TenantId* tenant) {
  const model::Generation generation = host.generation(group);
  std::string prefix = storage::state_key(group, generation, tenant == nullptr ? model::TenantId{} : *tenant, {});
  if (tenant == nullptr) prefix.resize(kTenantOffset);
  return {host.state().scan(prefix, storage::prefix_end(prefix)), group, generation};
}

/// The keys as they are after every other view was taken: whatever is sealed in those opens by them. One view more, so that
/// a change of several rows is seen whole or not at all.
model::Status BackupSource::add_keys(KeeperHost& host, store::v1::BackupManifest& manifest) {
  const storage::TenantRows rows(host.state(), model::kMetaGroup, host.generation(model::kMetaGroup), {});
  auto scan = rows.scan(storage::kSealRows, "");
  for (; scan->valid(); scan->next()) {
    const std::string_view row = rows.row_of(scan->key());
    const bool is_ring = row == storage::kKeyRingRow;
    if (!is_ring && !row.starts_with(storage::kSealRows)) continue;
    auto* const record = is_ring ? static_cast<google::protobuf::MessageLite*>(manifest.mutable_key_ring())
                                 : static_cast<google::protobuf::MessageLite*>(manifest.add_seals());
    if (!record->ParseFromArray(scan->value().data(), static_cast<int>(scan->value().size()))) {
      return Error(Code::data_loss, "the keys' rows do not parse");
    }
  }
  if (auto status = scan->status(); !status) return status;
  if (manifest.key_ring().root_version() != host.ring()->record().root_version()) {
    return Error(Code::unavailable, "the root key has just been changed, and not yet here; try again", 1);
  }
  return {};
}

BackupSource::BackupSource(store::v1::BackupManifest manifest, const crypto::Key& file_key, crypto::Random& random)
    : writer_(std::move(manifest), file_key, random) {
  head_ = writer_.head();
}

model::Result<std::unique_ptr<BackupSource>> BackupSource::open(KeeperHost& host, const Wanted& wanted,
                                                                store::v1::BackupManifest manifest,
                                                                const crypto::Key& file_key, crypto::Random& random) {
  std::set<std::uint64_t> groups;
  for (std::uint64_t group = 1; wanted.all && group <= host.data_groups(); ++group) groups.insert(group);
  for (const model::TenantInfo& tenant : wanted.tenants) groups.insert(tenant.group.value);
  for (const std::uint64_t group : groups) {
    if (auto status = bring_here(host, model::GroupId{group}); !status) return status.error();
  }
  std::vector<View> views;
  for (const std::uint64_t group : wanted.all ? groups : std::set<std::uint64_t>()) {
    views.push_back(view_of(host, model::GroupId{group}, nullptr));
  }
  for (const model::TenantInfo& tenant : wanted.tenants) views.push_back(view_of(host, tenant.group, &tenant.id));
  if (auto status = bring_here(host, model::kMetaGroup); !status) return status.error();
  // Taken last and read first: who restores one tenant of it must know whose rows come.
  views.insert(views.begin(), view_of(host, model::kMetaGroup, nullptr));
  for (const View& view : views) {
    if (view.generation != host.generation(view.group)) {
      return Error(Code::unavailable, "a group's copy here has just been replaced by a newer one; try again", 1);
    }
  }
  if (auto status = add_keys(host, manifest); !status) return status.error();
  std::unique_ptr<BackupSource> source(new BackupSource(std::move(manifest), file_key, random));
  source->views_ = std::move(views);
  for (const model::TenantInfo& tenant : wanted.tenants) source->chosen_.insert(std::string(tenant.id.view()));
  return source;
}

model::Result<std::unique_ptr<BackupSource>> BackupSource::open_export(
    KeeperHost& host, const model::TenantInfo& tenant, store::v1::BackupManifest manifest, store::v1::BackupRows first,
    const crypto::Key& file_key, crypto::Random& random) {
  std::unique_ptr<BackupSource> source(new BackupSource(std::move(manifest), file_key, random));
  source->is_export_ = true;
  source->tenants_ = 1;
  source->head_ += source->writer_.rows(std::move(first));
  source->views_.push_back(view_of(host, tenant.group, &tenant.id));
  return source;
}

bool BackupSource::wants(const std::string& tenant, std::string_view row) const {
  if (is_export_) return row != storage::kKeysRow;
  if (row == storage::kMoveRow && tenant != kDirectory) return false;  // where it once was; elsewhere nobody asks
  if (chosen_.empty() || tenant != kDirectory) return true;
  return !row.starts_with(storage::kTenantRows) || chosen_.contains(std::string(row.substr(1)));
}

void BackupSource::flush(std::string& out) {
  if (rows_.rows_size() == 0) return;
  out += writer_.rows(std::move(rows_));
  rows_.Clear();
  rows_bytes_ = 0;
}

model::Status BackupSource::fill(std::string& out) {
  storage::Scan& scan = *views_[at_].scan;
  if (!scan.valid()) {
    if (auto status = scan.status(); !status) return status;
    views_[at_++].scan.reset();  // the database may forget what only this view still held
    return {};
  }
  const std::string_view key = scan.key();
  if (key.size() <= kRowOffset) return Error(Code::data_loss, "the state database holds a key of no tenant");
  const std::uint64_t group = views_[at_].group.value;
  const std::string tenant(key.substr(kTenantOffset, kRowOffset - kTenantOffset));
  const std::string_view row = key.substr(kRowOffset);
  if (wants(tenant, row)) {
    if (rows_.tenant() != tenant || rows_bytes_ > kFrameBytes) {
      const bool is_new = rows_.tenant() != tenant && tenant != kDirectory && !is_export_;
      flush(out);
      if (is_new) ++tenants_;
      rows_.set_tenant(tenant);
      rows_.set_group(static_cast<std::uint32_t>(group));
    }
    auto* put = rows_.add_rows();
    put->set_key(std::string(row));
    put->set_value(std::string(scan.value()));
    rows_bytes_ += row.size() + scan.value().size();
  }
  scan.next();
  return {};
}

model::Result<std::string> BackupSource::read(std::size_t bytes) {
  std::string out = std::move(head_);
  head_.clear();
  while (out.size() < bytes && at_ < views_.size()) {
    if (auto status = fill(out); !status) return status.error();
  }
  if (at_ == views_.size() && !ended_) {
    ended_ = true;
    flush(out);
    out += writer_.end(tenants_);
  }
  return out;
}

}  // namespace coffer::actors

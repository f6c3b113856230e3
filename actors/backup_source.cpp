// See backup_source.hpp.

#include "actors/backup_source.hpp"

#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kFrameBytes = 256 << 10;
constexpr std::size_t kGroupAt = 1, kGenerationAt = 9, kTenantAt = 17, kRowAt = 33;  // of a key of the state database

const std::string kDirectory(16, '\0');

}  // namespace

BackupSource::BackupSource(KeeperHost& host, store::v1::BackupManifest manifest, const crypto::Key& file_key,
                           crypto::Random& random)
    : host_(host), writer_(std::move(manifest), file_key, random) {
  head_ = writer_.head();
}

model::Result<std::unique_ptr<BackupSource>> BackupSource::open(KeeperHost& host, const Wanted& wanted,
                                                                store::v1::BackupManifest manifest,
                                                                const crypto::Key& file_key, crypto::Random& random) {
  for (std::uint64_t group = 0; group <= host.data_groups(); ++group) {
    if (auto status = host.bring_up_to_date(model::GroupId{group}); !status) return status.error();
  }
  std::unique_ptr<BackupSource> source(new BackupSource(host, std::move(manifest), file_key, random));
  if (wanted.all) {
    source->scans_.push_back(host.state().scan("g", "h"));
    return source;
  }
  const auto add = [&](model::GroupId group, const model::TenantId& tenant) {
    const std::string prefix = storage::state_key(group, host.generation(group), tenant, {});
    source->scans_.push_back(host.state().scan(prefix, storage::prefix_end(prefix)));
  };
  add(model::kMetaGroup, model::TenantId{});
  for (const model::TenantInfo& tenant : wanted.tenants) {
    source->chosen_.insert(std::string(tenant.id.view()));
    add(tenant.group, tenant.id);
  }
  return source;
}

model::Result<std::unique_ptr<BackupSource>> BackupSource::open_export(
    KeeperHost& host, const model::TenantInfo& tenant, store::v1::BackupManifest manifest, store::v1::BackupRows first,
    const crypto::Key& file_key, crypto::Random& random) {
  std::unique_ptr<BackupSource> source(new BackupSource(host, std::move(manifest), file_key, random));
  source->is_export_ = true;
  source->tenants_ = 1;
  source->head_ += source->writer_.rows(std::move(first));
  const std::string prefix = storage::state_key(tenant.group, host.generation(tenant.group), tenant.id, {});
  source->scans_.push_back(host.state().scan(prefix, storage::prefix_end(prefix)));
  return source;
}

bool BackupSource::wants(const std::string& tenant, std::string_view row) const {
  if (is_export_) return row != storage::kKeysRow;
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
  storage::Scan& scan = *scans_[at_];
  if (!scan.valid()) {
    if (auto status = scan.status(); !status) return status;
    scans_[at_++].reset();  // the database may forget what only this view still held
    return {};
  }
  const std::string_view key = scan.key();
  if (key.size() <= kRowAt) return Error(Code::data_loss, "the state database holds a key of no tenant");
  const std::uint64_t group = storage::read_be64(key.substr(kGroupAt));
  const bool is_newest = group <= host_.data_groups() &&
                         storage::read_be64(key.substr(kGenerationAt)) == host_.generation(model::GroupId{group}).value;
  const std::string tenant(key.substr(kTenantAt, kRowAt - kTenantAt));
  const std::string_view row = key.substr(kRowAt);
  if (is_newest && wants(tenant, row)) {
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
  while (out.size() < bytes && at_ < scans_.size()) {
    if (auto status = fill(out); !status) return status.error();
  }
  if (at_ == scans_.size() && !ended_) {
    ended_ = true;
    flush(out);
    out += writer_.end(tenants_);
  }
  return out;
}

}  // namespace coffer::actors

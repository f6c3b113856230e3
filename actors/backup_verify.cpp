// Verifying a file without restoring it, row by row; see backup_restore.hpp.

#include <map>

#include "actors/backup_check.hpp"
#include "actors/backup_restore.hpp"
#include "actors/records.hpp"
#include "crypto/file_key.hpp"
#include "crypto/hash.hpp"
#include "crypto/key_ring.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

namespace {

/// A tenant's rows in one group. While it moves there may be leftovers of it in another, with other keys or none.
struct Place {
  model::TenantId tenant;
  model::GroupId group;
  friend auto operator<=>(const Place&, const Place&) = default;
};

/// The keys under which a file's rows were sealed.
class FileKeys {
 public:
  model::Status open(const store::v1::BackupManifest& manifest, const WholeCheck& check, crypto::Random& random) {
    is_export_ = manifest.kind() == "export";
    cluster_id_ = manifest.cluster_id();
    auto key = (is_export_ ? check.file_key : check.root)(manifest);
    if (!key) return key.error();
    if (is_export_) {
      file_key_ = std::move(*key);
      // The tenant's keys are wrapped for this file alone; any ring can take them over.
      ring_.emplace(crypto::KeyRing::generate(crypto::Key::generate(random), random, 0));
      return {};
    }
    auto file_key = crypto::open_root_slot(manifest, *key);
    if (!file_key) return file_key.error();
    file_key_ = std::move(*file_key);
    auto ring = crypto::KeyRing::open(std::move(*key), manifest.key_ring());
    if (!ring) return ring.error();
    ring_.emplace(std::move(*ring));
    return {};
  }

  model::Status take(const store::v1::BackupRows& rows, crypto::Random& random) {
    const Place place = place_of(rows);
    if (is_export_ && rows.has_keys()) {
      store::v1::TenantKeysRecord keys = rows.keys();
      const crypto::Key wrapping = crypto::derive(*file_key_, "coffer exported keys");
      if (auto status = ring_->rewrap_from(wrapping, place.tenant, keys, random); !status) return status;
      tenants_[place] = std::move(keys);
    }
    if (is_export_ || place.tenant.is_zero()) return {};
    for (const auto& row : rows.rows()) {
      if (row.key() != storage::kKeysRow) continue;
      auto keys = decode_keys(row.value());
      if (!keys) return keys.error();
      tenants_[place] = std::move(*keys);
    }
    return {};
  }

  /// An exported tenant is all that its file holds.
  Place place_of(const store::v1::BackupRows& rows) const {
    return {model::TenantId::from_raw(rows.tenant()), model::GroupId{is_export_ ? 0 : rows.group()}};
  }
  const crypto::KeyRing& ring() const { return *ring_; }
  crypto::Key file_key() const { return file_key_->duplicate(); }
  const std::string& cluster_id() const { return cluster_id_; }
  bool is_export() const { return is_export_; }
  const std::map<Place, store::v1::TenantKeysRecord>& tenants() const { return tenants_; }

 private:
  bool is_export_ = false;
  std::string cluster_id_;
  std::optional<crypto::Key> file_key_;
  std::optional<crypto::KeyRing> ring_;
  std::map<Place, store::v1::TenantKeysRecord> tenants_;
};

class RowCounter {
 public:
  RowCounter(const FileKeys& keys, crypto::Random& random)
      : keys_(keys), check_(keys.ring(), keys.cluster_id(), random) {
    if (keys.is_export()) {
      for (const auto& [place, record] : keys.tenants()) check_.know(place.tenant, place.group);
    }
  }
  model::Status take(const store::v1::BackupRows& rows) {
    const Place place = keys_.place_of(rows);
    if (!place_ || place != *place_) {
      if (auto status = end(); !status) return status;
      place_ = place;
      const auto found = keys_.tenants().find(place);
      const auto record = found == keys_.tenants().end() ? std::nullopt : std::optional(found->second);
      if (auto status = check_.begin(place.tenant, place.group, record); !status) return status;
    }
    for (const auto& row : rows.rows()) {
      if (auto status = check_.row(row.key(), row.value()); !status) return status;
    }
    return {};
  }
  model::Status end() { return place_ ? check_.end() : model::Status(); }
  const RowCheck::Counts& counts() const { return check_.counts(); }

 private:
  const FileKeys& keys_;
  RowCheck check_;
  std::optional<Place> place_;
};

}  // namespace

model::Result<BackupSummary> verify_rows(const WholeCheck& check, crypto::Random& random) {
  FileKeys keys;
  auto first = check.again();
  if (!first) return first.error();
  first->open = [&](const store::v1::BackupManifest& manifest) -> model::Result<crypto::Key> {
    if (auto status = keys.open(manifest, check, random); !status) return status.error();
    return keys.file_key();
  };
  auto summary = walk_backup(*first, {}, [&](const store::v1::BackupRows& rows) { return keys.take(rows, random); });
  if (!summary) return summary;
  RowCounter rows(keys, random);
  auto second = check.again();
  if (!second) return second.error();
  second->open = [&](const store::v1::BackupManifest&) -> model::Result<crypto::Key> { return keys.file_key(); };
  summary = walk_backup(*second, {}, [&](const store::v1::BackupRows& some) { return rows.take(some); });
  if (!summary) return summary;
  if (auto status = rows.end(); !status) return status.error();
  summary->checked = true;
  summary->entries = rows.counts().entries;
  summary->versions = rows.counts().versions;
  return summary;
}

}  // namespace coffer::actors

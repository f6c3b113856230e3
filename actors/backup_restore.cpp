// See backup_restore.hpp.

#include "actors/backup_restore.hpp"

#include <chrono>
#include <vector>

#include "actors/backup_check.hpp"
#include "actors/new_life.hpp"
#include "actors/records.hpp"
#include "cluster/group_core.hpp"
#include "crypto/file_key.hpp"
#include "crypto/hash.hpp"
#include "crypto/key_ring.hpp"
#include "storage/keys.hpp"
#include "storage/log_store.hpp"
#include "storage/state_store.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr model::Generation kFirstGeneration{1};
constexpr std::size_t kBatchBytes = 4 << 20;
constexpr std::size_t kGroupAt = 1, kTenantAt = 17, kRowAt = 33;  // of a key of the state database

/// What one node's restored databases must not take over from the cluster that was.
bool belongs_to_old_nodes(std::string_view row) {
  return row.starts_with(storage::kNodeRows) || row.starts_with(storage::kJoinTokenRows);
}

class Restorer {
 public:
  Restorer(storage::Engine& log, storage::Engine& state, std::optional<std::string> tenant)
      : log_(log), state_(state), writer_(state), tenant_(std::move(tenant)) {}

  model::Status begin(const store::v1::BackupManifest& manifest) {
    if (manifest.kind() != "backup") {
      return Error(Code::invalid_argument, "the file is an exported tenant: it is imported, not restored");
    }
    if (state_.scan("", "")->valid() || log_.scan("", "")->valid()) {
      return Error(Code::invalid_argument, "the data directory is not empty; restore into a new one");
    }
    manifest_ = manifest;
    return {};
  }

  model::Status open_directory(const crypto::Key& root, crypto::Random& random) {
    auto ring = crypto::KeyRing::open(root.duplicate(), manifest_.key_ring());
    if (!ring) return ring.error();
    ring_.emplace(std::move(*ring));
    sealer_.emplace(ring_->directory_sealer(random));
    return {};
  }

  model::Status take(const store::v1::BackupRows& rows) {
    const model::TenantId id = model::TenantId::from_raw(rows.tenant());
    if (!id.is_zero() && tenant_ && id != chosen_) return {};
    std::vector<storage::RowChange> changes;
    for (const auto& row : rows.rows()) {
      std::string value = row.value();
      if (id.is_zero()) {
        if (belongs_to_old_nodes(row.key())) continue;
        if (tenant_ && row.key().starts_with(storage::kTenantRows) && !is_chosen(row.key(), value)) continue;
      } else if (row.key().starts_with(storage::kChangeRows)) {
        continue;
      } else if (row.key() == storage::kHeaderRow) {
        auto header = decode_header(value);
        if (!header) return header.error();
        begin_new_life(*header,
                       std::chrono::system_clock::now());  // revisions of before mean something else from now on
        value = header->SerializeAsString();
      }
      changes.push_back({row.key(), std::move(value)});
    }
    writer_.apply(model::GroupId{rows.group()}, kFirstGeneration, id, changes);
    if (writer_.pending_bytes() > kBatchBytes) return writer_.write();
    return {};
  }

  model::Status finish(BackupSummary& summary, crypto::Random& random) {
    if (tenant_ && !chosen_) {
      return Error(Code::tenant_not_found, "the backup holds no tenant " + *tenant_);
    }
    if (auto status = writer_.write(); !status) return status;
    if (auto status = writer_.flush(); !status) return status;
    if (auto status = check_all(summary, random); !status) return status;
    storage::Node node;
    node.id = model::NodeId{1};
    node.cluster_id = manifest_.cluster_id();
    node.data_groups = manifest_.data_groups();
    node.log_life = random.bytes(16);
    storage::LogBatch batch;
    batch.node(node);
    for (std::uint32_t group = 0; group <= node.data_groups; ++group) {
      const auto first = cluster::bootstrap(model::GroupId{group}, {{node.id, std::to_string(node.id.value)}});
      batch.hard_state(first.group, *first.hard_state);
      // As behind a snapshot: the rows are in no log, and whoever joins gets them as a group's state.
      const storage::LogEntry& configuration = first.entries.back();
      storage::Snapshot snapshot;
      snapshot.index = configuration.index;
      snapshot.term = configuration.term;
      snapshot.configuration = *configuration.data;
      snapshot.configuration_index = configuration.index;
      snapshot.generation = kFirstGeneration;
      batch.snapshot(first.group, snapshot, model::Index{1}, model::Index{0});
    }
    return storage::LogStore(log_).commit(batch);
  }

 private:
  /// What was written is read back from the databases, row by row.
  model::Status check_all(BackupSummary& summary, crypto::Random& random) {
    RowCheck check(*ring_, manifest_.cluster_id(), random);
    std::string current;
    auto scan = state_.scan("g", "h");
    for (; scan->valid(); scan->next()) {
      const std::string_view key = scan->key(), prefix = key.substr(0, kRowAt);
      if (key.size() <= kRowAt) return Error(Code::data_loss, "the state database holds a key of no tenant");
      if (prefix != current) {
        if (!current.empty()) {
          if (auto status = check.end(); !status) return status;
        }
        current = std::string(prefix);
        auto keys = keys_of(current);
        if (!keys) return keys.error();
        auto status = check.begin(model::TenantId::from_raw(key.substr(kTenantAt, kRowAt - kTenantAt)),
                                  model::GroupId{storage::read_be64(key.substr(kGroupAt))}, *keys);
        if (!status) return status;
      }
      if (auto status = check.row(key.substr(kRowAt), scan->value()); !status) return status;
    }
    if (auto status = scan->status(); !status) return status;
    if (auto status = check.end(); !status) return status;
    summary.checked = true;
    summary.entries = check.counts().entries;
    summary.versions = check.counts().versions;
    return {};
  }

  model::Result<std::optional<store::v1::TenantKeysRecord>> keys_of(const std::string& prefix) const {
    auto row = state_.get(prefix + storage::kKeysRow);
    if (!row) return row.error();
    if (!row->has_value()) return std::optional<store::v1::TenantKeysRecord>();
    auto keys = decode_keys(**row);
    if (!keys) return keys.error();
    return std::optional(std::move(*keys));
  }

  /// The directory stands first in a backup, so that the tenant is known when its rows come.
  bool is_chosen(std::string_view row, std::string_view sealed) {
    if (!sealer_) return false;
    auto opened = sealer_->open(sealed, crypto::row_identity(model::TenantId{}.view(), row));
    if (!opened) return false;
    auto found = decode_tenant(opened->expose());
    if (!found || found->info.name != *tenant_ || found->info.state != model::TenantState::active) return false;
    chosen_ = found->info.id;
    return true;
  }

  storage::Engine& log_;
  storage::Engine& state_;
  storage::StateWriter writer_;
  const std::optional<std::string> tenant_;
  store::v1::BackupManifest manifest_;
  std::optional<crypto::KeyRing> ring_;
  std::optional<crypto::Sealer> sealer_;
  std::optional<model::TenantId> chosen_;
};

}  // namespace

model::Result<BackupSummary> walk_backup(const BackupInput& input,
                                         const std::function<model::Status(const store::v1::BackupManifest&)>& begin,
                                         const std::function<model::Status(const store::v1::BackupRows&)>& take) {
  BackupReader reader;
  BackupSummary summary;
  for (;;) {
    auto piece = input.read();
    if (!piece) return piece.error();
    if (piece->empty()) break;
    reader.feed(*piece);
    for (;;) {
      auto kind = reader.next();
      if (!kind) return kind.error();
      if (!kind->has_value()) break;
      if (**kind == BackupReader::Kind::manifest) {
        const auto& manifest = reader.manifest();
        summary.kind = manifest.kind();
        summary.cluster_id = crypto::hex(manifest.cluster_id());
        summary.program = manifest.program();
        summary.created_at_ms = manifest.created_at_ms();
        if (input.open) {
          auto key = input.open(manifest);
          if (!key) return key.error();
          reader.use_key(*key);
          summary.opened = true;
        }
        if (begin) {
          if (auto status = begin(manifest); !status) return status.error();
        }
      } else if (!summary.opened) {
        continue;
      } else if (**kind == BackupReader::Kind::rows) {
        auto rows = reader.rows();
        if (!rows) return rows.error();
        summary.rows += static_cast<std::uint64_t>(rows->rows_size());
        for (const auto& row : rows->rows()) summary.bytes += row.key().size() + row.value().size();
        if (auto status = take(*rows); !status) return status.error();
      } else {
        auto end = reader.end();
        if (!end) return end.error();
        summary.tenants = end->tenants();
      }
    }
  }
  if (auto status = reader.finish(); !status) return status.error();
  summary.frames = reader.frames();
  return summary;
}

model::Result<BackupSummary> verify_backup(const BackupInput& input) {
  return walk_backup(input, {}, [](const store::v1::BackupRows&) { return model::Status(); });
}

model::Result<BackupSummary> restore_backup(const BackupInput& input, storage::Engine& log, storage::Engine& state,
                                            const std::optional<std::string>& tenant, const RootSource& root,
                                            crypto::Random& random) {
  Restorer restorer(log, state, tenant);
  std::optional<crypto::Key> root_key;
  BackupInput opened{input.read, [&](const store::v1::BackupManifest& manifest) -> model::Result<crypto::Key> {
                       auto key = root(manifest);
                       if (!key) return key.error();
                       root_key = std::move(*key);
                       return crypto::open_root_slot(manifest, *root_key);
                     }};
  auto summary = walk_backup(
      opened,
      [&](const store::v1::BackupManifest& manifest) {
        auto status = restorer.begin(manifest);
        return status ? restorer.open_directory(*root_key, random) : status;
      },
      [&](const store::v1::BackupRows& rows) { return restorer.take(rows); });
  if (!summary) return summary;
  if (auto status = restorer.finish(*summary, random); !status) return status.error();
  return summary;
}

}  // namespace coffer::actors

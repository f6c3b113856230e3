// See backup_source.hpp.

#include "actors/backup_source.hpp"

#include <algorithm>
#include <utility>

#include "actors/records.hpp"
#include "crypto/file_key.hpp"
#include "crypto/key_ring.hpp"
#include "storage/keys.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kFrameBytes = 256 << 10;
constexpr std::size_t kMostHeld = 16 << 20;  // of a tenant that comes from elsewhere
constexpr unsigned kMostBegun = 5;           // a group's part, anew
/// Until this node's own replicas are up to date, all together: moves are paused meanwhile, and of those that were given up
/// there may be many.
constexpr std::chrono::milliseconds kOwnReplicas{1500};

const std::string kDirectory(16, '\0');

std::string name_of(model::GroupId group) { return "group " + std::to_string(group.value); }

}  // namespace

BackupSource::BackupSource(KeeperHost& host, store::v1::BackupManifest manifest, const crypto::Key& file_key,
                           crypto::Random& random)
    : host_(host), random_(random), newest_key_(newest_key(manifest.key_ring())) {
  writer_ = std::make_unique<BackupWriter>(std::move(manifest), file_key, random);
  head_ = writer_->head();
}

std::uint32_t BackupSource::newest_key(const store::v1::KeyRingRecord& ring) {
  std::uint32_t newest = 0;
  for (const auto& key : ring.cluster_keys()) newest = std::max(newest, key.version());
  return newest;
}

/// The keys as they are after every other view was taken: whatever is sealed in those opens by them. One view more, so that
/// a change of several rows is seen whole or not at all. The file's own key is for the root key that these seals open, which
/// may have been another one when the first view was taken.
model::Status BackupSource::add_keys(KeeperHost& host, store::v1::BackupManifest& manifest, const crypto::Key& file_key,
                                     crypto::Random& random) {
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
  const crypto::Key root = host.ring()->root();
  if (const auto opened = crypto::KeyRing::open(root.duplicate(), manifest.key_ring()); !opened) {
    if (opened.error().code != Code::key_mismatch) return opened.error();
    return Error(Code::unavailable, "the root key is being rotated; try again", 1);
  }
  *manifest.add_slots() = crypto::slot_for_root(file_key, root, manifest.id(), random);
  return {};
}

/// What this node's own replica was waited for is taken from `patience`.
model::Result<BackupSource::Part> BackupSource::part_of(KeeperHost& host, model::GroupId group, std::string within,
                                                        std::chrono::milliseconds& patience) {
  Part part;
  part.wish.group = group;
  part.wish.within = std::move(within);
  RowWish wish = part.wish;
  wish.own_patience = std::min(wish.own_patience, patience);
  const auto begun = std::chrono::steady_clock::now();
  auto view = host.open_view(wish);
  if (!view) return view.error();
  const auto took = std::chrono::steady_clock::now() - begun;
  patience -= std::min(wish.own_patience, std::chrono::duration_cast<std::chrono::milliseconds>(took));
  part.view = std::move(*view);
  part.wish.index = part.view->index();
  return part;
}

/// Every node has a replica of it.
model::Result<BackupSource::Part> BackupSource::directory_part(KeeperHost& host) {
  if (auto status = host.bring_up_to_date(model::kMetaGroup); !status) {
    return Error(status.error().code, "this node's copy of the directory is not current; try again");
  }
  const model::Generation generation = host.generation(model::kMetaGroup);
  Part part;
  part.wish.group = model::kMetaGroup;
  part.view = local_view(storage::scan_rows(host.state(), model::kMetaGroup, generation, {}, {}), {});
  if (generation == host.generation(model::kMetaGroup)) return part;
  return Error(Code::unavailable, "this node's copy of the directory has just been replaced by a newer one; try again",
               1);
}

model::Result<std::unique_ptr<BackupSource>> BackupSource::open(KeeperHost& host, const Wanted& wanted,
                                                                store::v1::BackupManifest manifest,
                                                                const crypto::Key& file_key, crypto::Random& random) {
  std::vector<Part> parts(1);
  std::chrono::milliseconds patience = kOwnReplicas;
  for (std::uint64_t group = 1; wanted.all && group <= host.data_groups(); ++group) {
    auto part = part_of(host, model::GroupId{group}, {}, patience);
    if (!part) return part.error();
    parts.push_back(std::move(*part));
  }
  for (const model::TenantInfo& tenant : wanted.tenants) {
    auto part = part_of(host, tenant.group, std::string(tenant.id.view()), patience);
    if (!part) return part.error();
    parts.push_back(std::move(*part));
  }
  auto directory = directory_part(host);
  if (!directory) return directory.error();
  parts.front() = std::move(*directory);
  if (auto status = add_keys(host, manifest, file_key, random); !status) return status.error();
  std::unique_ptr<BackupSource> source(new BackupSource(host, std::move(manifest), file_key, random));
  const auto is_elsewhere = [](const Part& part) { return part.view->node().value != 0; };
  if (std::any_of(parts.begin(), parts.end(), is_elsewhere)) {
    source->directory_sealer_.emplace(host.ring()->directory_sealer(random));
  }
  source->parts_ = std::move(parts);
  for (const model::TenantInfo& tenant : wanted.tenants) source->chosen_.insert(std::string(tenant.id.view()));
  return source;
}

std::unique_ptr<BackupSource> BackupSource::open_export(KeeperHost& host, std::unique_ptr<GroupView> view,
                                                        model::GroupId group, store::v1::BackupManifest manifest,
                                                        store::v1::BackupRows first, const crypto::Key& file_key,
                                                        crypto::Random& random) {
  std::unique_ptr<BackupSource> source(new BackupSource(host, std::move(manifest), file_key, random));
  source->is_export_ = true;
  source->tenants_ = 1;
  source->head_ += source->writer_->rows(std::move(first));
  Part& part = source->parts_.emplace_back();
  part.wish.group = group;
  part.view = std::move(view);
  return source;
}

bool BackupSource::wants(const GroupView::Row& row) const {
  if (is_export_) return row.row != storage::kKeysRow;
  if (row.tenant == kDirectory) {
    const bool is_tenant = row.row.starts_with(storage::kTenantRows);
    return chosen_.empty() || !is_tenant || chosen_.contains(std::string(row.row.substr(1)));
  }
  if (row.row == storage::kMoveRow) return false;  // where it once was; elsewhere nobody asks
  const Part& part = parts_[at_];
  if (part.begun_anew == 0) return true;
  // Who came to the group later is not in the file's directory, or is in another group's part.
  const auto known = known_.find(part.wish.group);
  const model::TenantId id = model::TenantId::from_raw(row.tenant);
  return known != known_.end() && std::ranges::binary_search(known->second, id, {}, &Known::id);
}

/// A tenant as the file's directory has it, for the case that its group's part has to be begun anew.
model::Status BackupSource::note(std::string_view row, std::string_view sealed) {
  auto opened = directory_sealer_->open(sealed, crypto::row_identity(model::TenantId{}.view(), row));
  if (!opened) return opened.error();
  auto tenant = decode_tenant(opened->expose());
  if (!tenant) return tenant.error();
  const model::TenantInfo& info = tenant->info;
  known_[info.group].push_back({info.id, info.moves, info.state});
  return {};
}

/// A frame is full.
void BackupSource::cut(std::string& out) {
  if (rows_.rows_size() == 0) return;
  held_.push_back(std::move(rows_));
  rows_.Clear();
  held_bytes_ += rows_bytes_;
  rows_bytes_ = 0;
  if (parts_[at_].view->node().value == 0 || held_bytes_ > kMostHeld) release(out);
}

/// What there is of the tenant goes into the file.
void BackupSource::release(std::string& out) {
  if (rows_.rows_size() != 0) held_.push_back(std::move(rows_));
  rows_.Clear();
  rows_bytes_ = held_bytes_ = 0;
  if (held_.empty()) return;
  if (!torn_ && tenant_ != kDirectory && !is_export_) ++tenants_;
  torn_ = true;
  for (store::v1::BackupRows& frame : held_) out += writer_->rows(std::move(frame));
  held_.clear();
}

void BackupSource::take(std::string& out, const GroupView::Row& row) {
  if (row.tenant != tenant_) {
    release(out);
    whole_ = std::exchange(tenant_, std::string(row.tenant));
    torn_ = false;
  }
  if (!wants(row)) return;
  if (rows_bytes_ > kFrameBytes) cut(out);
  if (rows_.rows_size() == 0) {
    rows_.set_tenant(tenant_);
    rows_.set_group(static_cast<std::uint32_t>(parts_[at_].wish.group.value));
  }
  auto* put = rows_.add_rows();
  put->set_key(std::string(row.row));
  put->set_value(std::string(row.value));
  rows_bytes_ += row.row.size() + row.value.size();
}

model::Status BackupSource::fill(std::string& out) {
  Part& part = parts_[at_];
  auto row = part.view->next();
  if (!row) {
    const bool died = part.view->node().value != 0 && row.error().code == Code::unavailable;
    return died ? begin_anew(row.error()) : model::Status(row.error());
  }
  if (!row->has_value()) {
    release(out);
    part.view.reset();  // the database may forget what only this view still held
    tenant_.clear();
    whole_.clear();
    torn_ = false;
    ++at_;
    return {};
  }
  const bool is_noted = directory_sealer_ && part.wish.group == model::kMetaGroup;
  if (is_noted && (*row)->row.starts_with(storage::kTenantRows)) {
    if (auto status = note((*row)->row, (*row)->value); !status) return status;
  }
  take(out, **row);
  return {};
}

/// Its node is lost in the middle of a part.
model::Status BackupSource::begin_anew(const model::Error& failure) {
  Part& part = parts_[at_];
  const model::NodeId node = part.view->node();
  const std::string what = name_of(part.wish.group) + " came from node " + std::to_string(node.value) + ", which " +
                           std::string(failure.message()) + ", and ";
  if (is_export_ || torn_) {
    return Error(Code::unavailable, what + "only a part of a tenant is in the file: begin again");
  }
  if (++part.begun_anew > kMostBegun) return Error(Code::unavailable, what + "so did others before: begin again");
  held_.clear();
  rows_.Clear();
  rows_bytes_ = held_bytes_ = 0;
  tenant_ = whole_;
  part.wish.after = whole_;
  part.wish.not_at = node;
  part.view.reset();
  auto view = host_.open_view(part.wish);
  if (!view) return Error(Code::unavailable, what + "nobody goes on for it: " + std::string(view.error().message()));
  part.view = std::move(*view);
  if (auto status = compare_directories(part.wish.group); !status) {
    return Error(status.error().code, what + std::string(status.error().message()));
  }
  return {};
}

/// A view that is younger than the file's directory may lack a tenant that has moved or was purged since, and hold keys that
/// a newer key wraps.
model::Status BackupSource::compare_directories(model::GroupId group) {
  if (auto status = host_.bring_up_to_date(model::kMetaGroup); !status) return status;
  const storage::TenantRows rows(host_.state(), model::kMetaGroup, host_.generation(model::kMetaGroup), {});
  // By the rows: the ring of this node follows them a moment later.
  const auto stored = rows.get(storage::kKeyRingRow);
  if (!stored) return stored.error();
  store::v1::KeyRingRecord ring;
  if (!stored->has_value() || !ring.ParseFromString(**stored)) {
    return Error(Code::data_loss, "the keys' rows do not parse");
  }
  if (newest_key(ring) != newest_key_) {
    return Error(Code::unavailable, "the cluster's key was rotated meanwhile: begin again");
  }
  std::map<model::GroupId, std::vector<Known>> then = std::move(known_);
  known_.clear();
  directory_sealer_.emplace(host_.ring()->directory_sealer(random_));
  auto scan = rows.scan(storage::kTenantRows, storage::prefix_end(storage::kTenantRows));
  for (; scan->valid(); scan->next()) {
    if (auto status = note(rows.row_of(scan->key()), scan->value()); !status) return status;
  }
  if (auto status = scan->status(); !status) return status;
  const std::vector<Known> now = std::move(known_[group]);
  known_ = std::move(then);
  for (const Known& tenant : known_[group]) {
    const auto same = std::ranges::lower_bound(now, tenant.id, {}, &Known::id);
    if (same != now.end() && *same == tenant) continue;
    return Error(Code::unavailable, "tenant " + to_string(tenant.id) + " was moved or deleted meanwhile: begin again");
  }
  return {};
}

model::Result<std::string> BackupSource::read(std::size_t bytes) {
  std::string out = std::move(head_);
  head_.clear();
  while (out.size() < bytes && at_ < parts_.size()) {
    if (auto status = fill(out); !status) return status.error();
  }
  if (at_ == parts_.size() && !ended_) {
    ended_ = true;
    out += writer_->end(tenants_);
  }
  return out;
}

}  // namespace coffer::actors

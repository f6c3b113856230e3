// The directory's part of keeping keys: deleted tenants until they are purged, the rows of seals and key ring, and
// operators' credentials that a quorum asked for. See directory_core.hpp.

#include <algorithm>

#include "actors/directory_core.hpp"
#include "crypto/seal.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

template <class Operation>
Operation operation_of(const CallHandle& call) {
  return std::get<Operation>(std::get<model::DirectoryOperation>(call.request().operation));
}

/// The seal as its holder knows it: without what wraps the root key.
std::string without_root(const std::string& row) {
  store::v1::SealRecord record;
  if (!record.ParseFromString(row)) return row;
  record.clear_wrapped_root_key();
  record.clear_escrowed_key();
  return record.SerializeAsString();
}

std::uint32_t root_version_of(const std::string& ring) {
  store::v1::KeyRingRecord record;
  return record.ParseFromString(ring) ? std::max(1U, record.root_version()) : 0;
}

bool is_key_file(const std::string& row) {
  store::v1::SealRecord record;
  return record.ParseFromString(row) && record.kind() == crypto::kKeyFileSeal;
}

Error seals_changed() { return {Code::cas_mismatch, "somebody else is changing the seals; look and try again"}; }

std::string key_of_request(const std::string& principal, const std::string& id) {
  return id.empty() ? std::string() : crypto::sha256(principal + '\0' + id);
}

}  // namespace

void DirectoryCore::undelete(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = operation_of<model::UndeleteTenant>(call);
  auto found = deleted_.find(request.id);
  if (found == deleted_.end()) {
    return call.finish(Error(Code::tenant_not_found, "no deleted tenant has this id; see the list of deleted ones"));
  }
  const std::string name = request.name.empty() ? found->second.info.name : request.name;
  if (auto status = model::check_tenant_name(name); !status) return call.finish(status.error());
  if (defer_if_changing(call, name)) return;
  if (is_changing(request.id)) {
    return call.finish(Error(Code::unavailable, "the tenant is being brought back or purged; look and try again", 1));
  }
  if (found->second.importing.value != 0) {
    return call.finish(Error(Code::not_active, "the tenant is being imported; it comes when all of it is there"));
  }
  if (found->second.info.state == model::TenantState::purged ||
      found->second.info.purge_at <= std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms())) {
    return call.finish(Error(Code::not_active, "the tenant's recovery window is over; only a backup brings it back"));
  }
  if (tenants_.contains(name)) {
    return call.finish(Error(Code::tenant_exists, "another tenant is called " + name + " now; give another name"));
  }
  DirectoryTenant next = found->second;
  next.info.name = name;
  next.info.state = model::TenantState::active;
  next.info.deleted_at = next.info.purge_at = 0;
  // What leads to another tenant by now stays there.
  std::erase_if(next.info.doors, [&](const model::DoorName& door) { return owner_of(door) != nullptr; });
  next.request_key = key_of_request(principal, call.request().info.request_id);
  next.request_hash.clear();
  if (next.info.group.value < group_tenants_.size()) ++group_tenants_[next.info.group.value];
  model::TenantReply reply{next.info, {}, false};
  change(std::move(call), std::move(next), std::move(reply), out);
}

/// Is the deleted tenant's coming back decided, and not committed?
bool DirectoryCore::comes_back(const model::TenantId& deleted) const {
  return std::any_of(pending_.begin(), pending_.end(), [&](const Pending& pending) {
    const auto tenant = tenants_.find(pending.name);
    return tenant != tenants_.end() && tenant->second.next && tenant->second.next->info.id == deleted;
  });
}

/// Later than that of every other purge, for nodes remember up to which one they have compacted (compacted_marks.hpp).
model::TimeMs DirectoryCore::next_purged_at(model::TimeMs now) const {
  for (const auto& [id, tenant] : deleted_) now = std::max(now, tenant.info.purged_at + 1);
  for (const Pending& pending : pending_) {
    if (pending.purge) now = std::max(now, pending.purge->info.purged_at + 1);
  }
  return now;
}

void DirectoryCore::purge(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  if (!call.request().credential.of_node) return order_purge(std::move(call), principal, out);
  const auto request = operation_of<model::PurgeTenant>(call);
  auto found = deleted_.find(request.id);
  if (found == deleted_.end()) return call.finish(Error(Code::tenant_not_found));
  if (is_changing(request.id)) {
    return call.finish(Error(Code::unavailable, "the tenant is being brought back or purged; look and try again", 1));
  }
  const model::TimeMs now = std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms());
  if (found->second.info.purge_at > now) return call.finish(Error(Code::not_active, "the recovery window is open"));
  const bool is_other = request.deleted_at != 0 && request.deleted_at != found->second.info.deleted_at;
  if (is_other || (request.done && found->second.info.state != model::TenantState::purged)) {
    return call.finish(Error(Code::not_active, "it is another life of the tenant that was purged"));
  }
  auto next = std::make_shared<DirectoryTenant>(found->second);
  next->info.state = model::TenantState::purged;
  next->importing = {};
  if (request.done) next->info.purged_at = next_purged_at(now);
  std::vector<storage::RowChange> rows{sealed_row(storage::tenant_row(next->info.id), encode_tenant(*next))};
  Pending pending;
  pending.reply.body = model::TenantReply{next->info, {}, false};
  pending.purge = std::move(next);
  pending.call = std::move(call);
  submit(std::move(pending), std::move(rows), "purge-tenant", principal, out);
}

/// An operator does not wait for the end of the recovery window: it ends now, and the keeper of the group's leader does the
/// rest. Asked again, it answers how that stands.
void DirectoryCore::order_purge(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = operation_of<model::PurgeTenant>(call);
  if (request.done) return call.finish(Error(Code::permission_denied));
  const auto found = deleted_.find(request.id);
  if (found == deleted_.end()) {
    return call.finish(Error(Code::tenant_not_found, "no deleted tenant has this id; see the list of deleted ones"));
  }
  if (is_changing(request.id)) {
    return call.finish(Error(Code::unavailable, "the tenant is being brought back or purged; look and try again", 1));
  }
  if (found->second.importing.value != 0) {
    return call.finish(Error(Code::not_active, "the tenant is being imported; what an import leaves goes by itself"));
  }
  DirectoryTenant next = found->second;
  if (next.info.state == model::TenantState::purged || next.info.purge_at <= directory_time()) {
    return call.finish(model::Reply{{header_.epoch(), header_.revision()}, model::TenantReply{next.info, {}, false}});
  }
  next.info.purge_at = directory_time();
  submit_deleted(std::move(call), std::move(next), "purge-tenant", principal, out);
}

model::Status DirectoryCore::load_seals() {
  auto scan = rows_.scan(storage::kSealRows, storage::prefix_end(storage::kSealRows));
  for (; scan->valid(); scan->next()) seal_rows_.emplace(rows_.row_of(scan->key()), scan->value());
  return scan->status();
}

/// The ring's bytes do not tell that a seal came or went since the caller looked. A new root key is for the seals that
/// there are, as they are: one that it passed over would open nothing, and one that it brought back would open again.
model::Status DirectoryCore::check_seals(const model::ChangeKeys& change) const {
  std::size_t given = 0, removed = 0, left = seal_rows_.size();
  bool new_root = false, is_replaced = true;
  for (const auto& [row, value] : change.rows) {
    if (row == storage::kKeyRingRow) {
      new_root = value && root_version_of(*value) != root_version_of(ring_);
      continue;
    }
    const auto known = seal_rows_.find(row);
    const bool is_known = known != seal_rows_.end();
    if (!value && !is_known) return seals_changed();
    given += value ? 1 : 0;
    removed += value ? 0 : 1;
    if (value && !is_known) ++left;
    if (!value) --left;
    is_replaced = is_replaced && value && is_known && without_root(*value) == without_root(known->second);
    if (is_known && value && change.action == "add-seal" && !is_key_file(known->second)) {
      return Error(Code::entry_exists, "there is a seal of this name by now; say that it is to be replaced");
    }
    if (!is_known && change.action == "replace-seal" && change.rows.size() == 1) return seals_changed();
  }
  if (new_root) return is_replaced && given == seal_rows_.size() ? model::Status() : seals_changed();
  if (removed != 0 && left == 0) {
    return Error(Code::invalid_argument,
                 "this is the last seal: without one nothing ever opens again; add another first");
  }
  return {};
}

void DirectoryCore::change_keys(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = operation_of<model::ChangeKeys>(call);
  if (keys_change_ || request.expected != ring_) {
    return call.finish(Error(Code::cas_mismatch, "somebody else is changing the keys; look and try again"));
  }
  if (auto status = check_seals(request); !status) return call.finish(status.error());
  if (request.action == kRetireClusterKey && is_backup_beginning()) {
    return call.finish(Error(Code::unavailable, std::string(kBackupNeedsKeys), 1));
  }
  std::vector<storage::RowChange> rows;
  Pending pending;
  pending.ring = ring_;
  for (const auto& [row, value] : request.rows) {
    if (!row.starts_with(storage::kSealRows) && row != storage::kKeyRingRow) {
      return call.finish(Error(Code::internal, "this is no row of the keys"));
    }
    if (row == storage::kKeyRingRow) pending.ring = value;
    rows.push_back({row, value});
  }
  pending.keys = request.rows;
  pending.reply.body = model::KeysReply{};
  pending.call = std::move(call);
  keys_change_ = true;
  submit(std::move(pending), std::move(rows), request.action, principal, out);
}

void DirectoryCore::adopt_operator(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = operation_of<model::AddOperator>(call);
  const Operator op{request.name, request.token_hash, deps_.wall_clock(), false};
  std::vector<storage::RowChange> rows{sealed_row(storage::operator_row(op.token_hash), encode_operator(op))};
  Pending pending;
  pending.op = std::make_shared<const Operator>(op);
  if (request.revoke_others) {
    for (const auto& other : deps_.operators.all()) {
      rows.push_back({storage::operator_row(other->token_hash), std::nullopt});
      pending.revoked.push_back(other->token_hash);
    }
  }
  pending.reply.body = model::SealReply{};
  pending.call = std::move(call);
  submit(std::move(pending), std::move(rows), "regenerate-operator-token", principal, out);
}

/// What the ring knows by now; the sealer never loses a version. Another key's seals are counted from here on.
void DirectoryCore::renew_sealer() {
  crypto::Sealer next = deps_.ring.directory_sealer(deps_.random);
  loaded_seals_ = next.current_version() == sealer_.current_version() ? seals() : 0;
  sealer_ = std::move(next);
}

void DirectoryCore::committed_keys(Pending& done) {
  for (const std::string& hash : done.revoked) deps_.operators.remove(hash);
  if (done.op) deps_.operators.put(*done.op);
  if (done.purge) {
    deleted_.insert_or_assign(done.purge->info.id, *done.purge);
    const bool is_over =
        done.purge->info.state == model::TenantState::purged || done.purge->info.purge_at <= header_.leader_time_ms();
    const bool is_due = is_over && done.purge->info.purged_at == 0;
    if (is_due && deps_.tenants_changed) deps_.tenants_changed();
    if (done.purge->info.purged_at != 0 && deps_.tenant_purged) {
      const model::TimeMs at = done.purge->info.purged_at;
      deps_.tenant_purged(done.purge->info.group, at);
      for (const model::GroupId group : done.purge->info.former_groups) deps_.tenant_purged(group, at);
    }
  }
  if (done.ring) {
    ring_ = std::move(*done.ring);
    keys_change_ = false;
    for (const auto& [row, value] : done.keys) {
      if (!row.starts_with(storage::kSealRows)) continue;
      if (value) {
        seal_rows_[row] = *value;
      } else {
        seal_rows_.erase(row);
      }
    }
    if (deps_.keys_changed) deps_.keys_changed(done.keys);
    renew_sealer();
  } else if (done.of_keys && deps_.keys_changed) {
    deps_.keys_changed(done.keys);
  }
  if (done.call) done.call.finish(std::move(done.reply));
}

}  // namespace coffer::actors

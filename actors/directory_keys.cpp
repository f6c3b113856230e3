// The directory's part of keeping keys: deleted tenants until they are purged, the rows of seals and key ring, and
// operators' credentials that a quorum asked for. See directory_core.hpp.

#include <algorithm>

#include "actors/directory_core.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

template <class Operation>
Operation operation_of(const CallHandle& call) {
  return std::get<Operation>(std::get<model::DirectoryOperation>(call.request().operation));
}

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

void DirectoryCore::purge(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = operation_of<model::PurgeTenant>(call);
  auto found = deleted_.find(request.id);
  if (found == deleted_.end() || comes_back(request.id)) return call.finish(Error(Code::tenant_not_found));
  const model::TimeMs now = std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms());
  if (found->second.info.purge_at > now) return call.finish(Error(Code::not_active, "the recovery window is open"));
  if (request.done && found->second.info.state != model::TenantState::purged) {
    return call.finish(Error(Code::not_active, "it is another life of the tenant that was purged"));
  }
  auto next = std::make_shared<DirectoryTenant>(found->second);
  next->info.state = model::TenantState::purged;
  next->importing = {};
  if (request.done) next->info.purged_at = now;
  std::vector<storage::RowChange> rows{sealed_row(storage::tenant_row(next->info.id), encode_tenant(*next))};
  Pending pending;
  pending.reply.body = model::TenantReply{next->info, {}, false};
  pending.purge = std::move(next);
  pending.call = std::move(call);
  submit(std::move(pending), std::move(rows), "purge-tenant", principal, out);
}

void DirectoryCore::change_keys(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = operation_of<model::ChangeKeys>(call);
  if (keys_change_ || request.expected != ring_) {
    return call.finish(Error(Code::cas_mismatch, "somebody else is changing the keys; look and try again"));
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
    const bool is_due = done.purge->info.state == model::TenantState::purged && done.purge->info.purged_at == 0;
    if (is_due && deps_.tenants_changed) deps_.tenants_changed();
  }
  if (done.ring) {
    ring_ = std::move(*done.ring);
    keys_change_ = false;
    if (deps_.keys_changed) deps_.keys_changed(done.keys);
    renew_sealer();
  } else if (done.of_keys && deps_.keys_changed) {
    deps_.keys_changed(done.keys);
  }
  if (done.call) done.call.finish(std::move(done.reply));
}

}  // namespace coffer::actors

// The directory's part of importing a tenant (backup_import.cpp). Its place is reserved before a byte of it is written: the
// row is that of a deleted tenant that nobody can bring back, so whatever ends the import before its last step leaves a
// tenant to be purged, which the keeper of its group's leader does. See import_steps.hpp.

#include "actors/directory_core.hpp"

#include <algorithm>

#include "actors/import_steps.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr model::TimeMs kImportLasts = 24LL * 3600 * 1000;

constexpr std::uint32_t kPurgeLasts = 1;  // seconds; the caller asks again so soon

Error being_imported() { return {Code::tenant_exists, "this very tenant is being imported already"}; }

}  // namespace

void DirectoryCore::adopt_tenant(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto& operation = std::get<model::DirectoryOperation>(call.request().operation);
  store::v1::TenantRecord record;
  if (!record.ParseFromString(std::get<model::AdoptTenant>(operation).record)) {
    return call.finish(Error(Code::invalid_argument, "this is no tenant's record"));
  }
  const bool is_step = record.format() == import_steps::kFormat;
  const std::uint32_t step = is_step ? record.state() : 0;
  if (is_step) record.set_format(kRecordFormat);
  auto tenant = decode_tenant(record.SerializeAsString());
  if (!tenant) return call.finish(tenant.error());
  if (step == import_steps::kReserve) return reserve_import(std::move(call), std::move(*tenant), principal, out);
  if (step == import_steps::kGiveUp) return give_up_import(std::move(call), *tenant, principal, out);
  if (is_step || tenant->info.state != model::TenantState::active) {
    return call.finish(Error(Code::invalid_argument, "this is no step of an import"));
  }
  finish_adoption(std::move(call), std::move(*tenant), out);
}

/// Is something of the deleted tenant decided, and not committed?
bool DirectoryCore::is_changing(const model::TenantId& deleted) const {
  return comes_back(deleted) || std::any_of(pending_.begin(), pending_.end(), [&](const Pending& pending) {
           return pending.purge && pending.purge->info.id == deleted;
         });
}

void DirectoryCore::submit_deleted(CallHandle call, DirectoryTenant next, std::string_view action,
                                   const std::string& principal, std::vector<Submission>& out) {
  std::vector<storage::RowChange> rows{sealed_row(storage::tenant_row(next.info.id), encode_tenant(next))};
  Pending pending;
  pending.details = "tenant=" + next.info.name;
  pending.reply.body = model::TenantReply{next.info, {}, true};
  pending.purge = std::make_shared<const DirectoryTenant>(std::move(next));
  pending.call = std::move(call);
  submit(std::move(pending), std::move(rows), action, principal, out);
}

/// A purged tenant may come again: its keys are gone, and what is imported brings its own.
void DirectoryCore::reserve_import(CallHandle call, DirectoryTenant place, const std::string& principal,
                                   std::vector<Submission>& out) {
  const model::TenantId id = place.info.id;
  for (const auto& [name, row] : tenants_) {
    const bool is_it = row.exists && row.committed.info.id == id;
    if (!is_it && name != place.info.name) continue;
    return call.finish(Error(Code::tenant_exists,
                             is_it ? "this very tenant is in the cluster, as " + name + "; delete it with --purge first"
                                   : "there is a tenant " + name + "; import it under another name"));
  }
  if (is_changing(id)) return call.finish(being_imported());
  const model::TimeMs now = directory_time();
  if (const auto found = deleted_.find(id); found != deleted_.end()) {
    const DirectoryTenant& old = found->second;
    if (old.importing.value != 0) return call.finish(being_imported());
    const bool is_over = old.info.state == model::TenantState::purged || old.info.purge_at <= now;
    if (!is_over) {
      return call.finish(Error(Code::tenant_exists,
                               "this very tenant was deleted and can come back until its recovery window ends: "
                               "undelete it, or purge it (coffer admin tenants purge)"));
    }
    if (old.info.purged_at == 0) {
      call.call().decided = true;  // the keeper that asks may be the one that purges: it must not wait here
      return call.finish(
          Error(Code::unavailable, "this very tenant is being purged; try again in a moment", kPurgeLasts));
    }
  }
  place.info.deleted_at = now;
  place.info.purge_at = now + kImportLasts;
  place.info.purged_at = 0;
  place.info.doors.clear();
  submit_deleted(std::move(call), std::move(place), "begin-import", principal, out);
}

void DirectoryCore::give_up_import(CallHandle call, const DirectoryTenant& which, const std::string& principal,
                                   std::vector<Submission>& out) {
  const auto is_it = [&](const auto& one) {
    const DirectoryTenant& tenant = one.second;
    return which.importing.value != 0 && tenant.importing == which.importing &&
           (which.info.id.is_zero() || tenant.info.id == which.info.id) && !is_changing(tenant.info.id);
  };
  const auto found = std::find_if(deleted_.begin(), deleted_.end(), is_it);
  if (found == deleted_.end()) {
    return call.finish(Error(Code::tenant_not_found, "the node imports no such tenant"));
  }
  DirectoryTenant next = found->second;
  next.importing = {};
  next.info.state = model::TenantState::purged;
  next.info.purge_at = std::min(next.info.purge_at, directory_time());
  submit_deleted(std::move(call), std::move(next), "give-up-import", principal, out);
}

void DirectoryCore::finish_adoption(CallHandle call, DirectoryTenant tenant, std::vector<Submission>& out) {
  if (defer_if_changing(call, tenant.info.name)) return;
  const auto same = tenants_.find(tenant.info.name);
  if (same != tenants_.end() && same->second.committed.info.id == tenant.info.id) {  // its answer was lost
    model::TenantReply reply{same->second.committed.info, {}, false};
    return call.finish(model::Reply{{header_.epoch(), header_.revision()}, std::move(reply)});
  }
  if (same != tenants_.end()) {
    return call.finish(
        Error(Code::tenant_exists, "there is a tenant " + tenant.info.name + " by now; import it under another name"));
  }
  const auto place = deleted_.find(tenant.info.id);
  if (place == deleted_.end() || place->second.importing.value == 0 || is_changing(tenant.info.id)) {
    return call.finish(Error(Code::not_active, "the import was given up, for it took too long; begin again"));
  }
  std::erase_if(tenant.info.doors, [&](const model::DoorName& door) { return owner_of(door) != nullptr; });
  if (tenant.info.group.value < group_tenants_.size()) ++group_tenants_[tenant.info.group.value];
  model::TenantReply reply{tenant.info, {}, true};
  change(std::move(call), std::move(tenant), std::move(reply), out);
}

}  // namespace coffer::actors

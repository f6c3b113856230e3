// The directory's part of moving tenants between groups: which moves have begun, and whom a tenant belongs to. A move
// goes forward only: what an operator has begun is carried through by the groups' leaders (tenant_move.hpp), however
// often they change. See directory_core.hpp.

#include <algorithm>

#include "actors/directory_core.hpp"
#include "cluster/tenant_balance.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kMovesAtATime = 8;           // of those that balance begins
constexpr std::uint64_t kLongestPauseMs = 60'000;  // of one word; whoever needs more says it again

bool is_moving(const DirectoryTenant& tenant) {
  return tenant.info.moving_to.value != 0 || tenant.info.moved_from.value != 0;
}

}  // namespace

bool DirectoryCore::is_move(const model::DirectoryOperation& operation) {
  return std::holds_alternative<model::MoveTenant>(operation) ||
         std::holds_alternative<model::AdvanceMove>(operation) || std::holds_alternative<model::PauseMoves>(operation);
}

/// What a node low on disk does all the same: a backup to another disk needs tenants that stay where they are, and those on
/// their way to arrive. Each is one row, and rows go away at a move's end.
bool DirectoryCore::serves_backups(const model::DirectoryOperation& operation) {
  return std::holds_alternative<model::PauseMoves>(operation) || std::holds_alternative<model::AdvanceMove>(operation);
}

void DirectoryCore::run_move(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto& operation = std::get<model::DirectoryOperation>(call.request().operation);
  if (const auto* pause = std::get_if<model::PauseMoves>(&operation)) {
    return pause_moves(std::move(call), pause->ms, principal, out);
  }
  if (std::holds_alternative<model::MoveTenant>(operation)) return move_tenant(std::move(call), principal, out);
  advance_move(std::move(call), principal, out);
}

model::TimeMs DirectoryCore::directory_time() const {
  return std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms());
}

void DirectoryCore::move_tenant(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = std::get<model::MoveTenant>(std::get<model::DirectoryOperation>(call.request().operation));
  if (request.to == model::kMetaGroup || request.to.value >= group_tenants_.size()) {
    return call.finish(Error(Code::invalid_argument,
                             "group: tenants live in the groups 1 to " + std::to_string(group_tenants_.size() - 1)));
  }
  if (defer_if_changing(call, request.name)) return;
  auto found = tenants_.find(request.name);
  if (found == tenants_.end()) return call.finish(Error(Code::tenant_not_found));
  const DirectoryTenant& tenant = found->second.committed;
  const bool wanted =
      tenant.info.moving_to == request.to || (tenant.info.moving_to.value == 0 && tenant.info.group == request.to);
  if (wanted) {  // there it is, or is on its way to
    return call.finish(model::Reply{{header_.epoch(), header_.revision()}, model::TenantReply{tenant.info, {}, false}});
  }
  if (is_moving(tenant)) {
    return call.finish(Error(Code::not_active, "the tenant's last move is not over yet; wait until it is"));
  }
  if (cluster_.settings().moves_paused_until > directory_time()) {
    return call.finish(Error(Code::not_active, "a backup is being taken, and no tenant moves meanwhile; try again"));
  }
  begin_move(found->second, request.to, std::move(call), principal, out);
}

void DirectoryCore::begin_move(Row& row, model::GroupId to, CallHandle call, const std::string& principal,
                               std::vector<Submission>& out) {
  auto format = cluster_.use_format(cluster::kMovesFormat);
  if (!format) return call ? call.finish(format.error()) : void();
  DirectoryTenant next = row.committed;
  next.info.moving_to = to;
  ++next.info.moves;
  submit_move(row, std::move(next), std::move(call), "move-tenant", principal, out, *std::move(format));
}

void DirectoryCore::submit_move(Row& row, DirectoryTenant next, CallHandle call, std::string_view action,
                                const std::string& principal, std::vector<Submission>& out,
                                std::vector<storage::RowChange> rows) {
  moving_[next.info.id] = next.info.name;
  Pending pending;
  pending.name = next.info.name;
  pending.reply.body = model::TenantReply{next.info, {}, false};
  pending.call = std::move(call);
  rows.push_back(sealed_row(storage::tenant_row(next.info.id), encode_tenant(next)));
  row.next = std::make_unique<DirectoryTenant>(std::move(next));
  submit(std::move(pending), std::move(rows), action, principal, out);
}

/// Compare-and-set on the number of the move: whoever says it late, or again, changes nothing.
void DirectoryCore::advance_move(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = std::get<model::AdvanceMove>(std::get<model::DirectoryOperation>(call.request().operation));
  const auto name = moving_.find(request.id);
  if (name == moving_.end()) return call.finish(model::Reply{{}, model::DoneReply{}});
  if (defer_if_changing(call, name->second)) return;
  Row& row = tenants_.at(name->second);
  DirectoryTenant next = row.committed;
  model::TenantInfo& info = next.info;
  const bool installed = request.stage == model::MoveStage::installed && info.moving_to.value != 0;
  const bool cleaned = request.stage == model::MoveStage::cleaned && info.moved_from.value != 0;
  if (info.moves != request.number || (!installed && !cleaned)) {
    return call.finish(model::Reply{{}, model::DoneReply{}});
  }
  if (installed) {
    if (info.group.value < group_tenants_.size()) --group_tenants_[info.group.value];
    ++group_tenants_[info.moving_to.value];
    std::erase(info.former_groups, info.moving_to);
    if (std::ranges::find(info.former_groups, info.group) == info.former_groups.end()) {
      info.former_groups.push_back(info.group);
    }
    info.moved_from = info.group;
    info.group = info.moving_to;
    info.moving_to = {};
  } else {
    info.moved_from = {};
  }
  submit_move(row, std::move(next), std::move(call), installed ? "move-tenant-installed" : "move-tenant-over",
              principal, out);
}

void DirectoryCore::pause_moves(CallHandle call, std::uint64_t ms, const std::string& principal,
                                std::vector<Submission>& out) {
  const auto until = directory_time() + static_cast<model::TimeMs>(std::min(ms, kLongestPauseMs));
  auto decision = cluster_.pause_moves(std::max(until, cluster_.settings().moves_paused_until));
  model::TenantsReply reply;
  for (const auto& [id, name] : moving_) reply.tenants.push_back(tenants_.at(name).committed.info);
  Pending pending;
  pending.of_cluster = true;
  pending.reply.body = std::move(reply);
  pending.call = std::move(call);
  submit(std::move(pending), std::move(decision.rows), decision.action, principal, out);
}

/// A tenant's row is committed, or was read: whoever carries moves out hears what is under way, and what is over.
void DirectoryCore::note_move(const DirectoryTenant& tenant) {
  const bool known = moving_.contains(tenant.info.id);
  if (!known && tenant.info.moves == 0) return;
  if (is_moving(tenant)) {
    moving_[tenant.info.id] = tenant.info.name;
  } else {
    moving_.erase(tenant.info.id);
  }
  if (deps_.tenant_moves) deps_.tenant_moves(tenant.info);
}

/// Begins as many moves as may be under way at a time; the end of the last of them begins the next ones.
void DirectoryCore::balance_tenants(std::vector<Submission>& out) {
  if (!moving_.empty() || cluster_.settings().moves_paused_until > directory_time() || deps_.room.refuses(false))
    return;
  const auto shifts = cluster::plan_shifts(group_tenants_, kMovesAtATime);
  balancing_ = !shifts.empty();
  std::vector<bool> taken(shifts.size());
  std::size_t left = shifts.size();
  for (auto& [name, row] : tenants_) {
    if (left == 0) break;
    if (!row.exists || row.next || is_moving(row.committed)) continue;
    for (std::size_t i = 0; i < shifts.size(); ++i) {
      if (taken[i] || shifts[i].from != row.committed.info.group) continue;
      taken[i] = true;
      --left;
      begin_move(row, shifts[i].to, {}, "operator", out);
      break;
    }
  }
}

}  // namespace coffer::actors

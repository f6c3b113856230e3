// See directory_core.hpp.

#include "actors/directory_core.hpp"

#include <algorithm>
#include <set>

#include "actors/disk_watch.hpp"
#include "actors/retrying_call.hpp"
#include "actors/write_set.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr model::TimeMs kNewsOfPurges = 3600 * 1000;  // more than a change of leaders takes

std::string request_key(const std::string& principal, const std::string& id) {
  if (id.empty()) return {};
  return crypto::sha256(principal + '\0' + id);
}

std::string request_hash(const model::DirectoryOperation& operation) {
  std::string text = std::to_string(operation.index());
  const auto add = [&text](std::string_view part) {
    text += ':' + std::to_string(part.size()) + ':';
    text += part;
  };
  if (const auto* create = std::get_if<model::CreateTenant>(&operation)) {
    add(create->name);
    add(create->with_owner_key ? "owner" : "");
    for (const model::DoorName& door : create->doors) add(to_string(door.door)), add(door.external_id);
  } else if (const auto* del = std::get_if<model::DeleteTenant>(&operation)) {
    add(del->name);
    if (del->door) add(to_string(del->door->door)), add(del->door->external_id);
    if (del->purge || del->recovery_ms != 0) add(del->purge ? "purge" : std::to_string(del->recovery_ms));
  } else if (const auto* undelete = std::get_if<model::UndeleteTenant>(&operation)) {
    add(undelete->id.view());
    add(undelete->name);
  } else if (const auto* open = std::get_if<model::OpenDoor>(&operation)) {
    add(open->name);
    add(to_string(open->door.door));
    add(open->door.external_id);
  }
  return crypto::sha256(text);
}

model::Status check_door(const model::DoorName& door) {
  if (door.external_id.empty() || door.external_id.size() > 512 || !model::is_valid_utf8(door.external_id)) {
    return Error(Code::invalid_argument, "a door's external id has 1 to 512 bytes of UTF-8");
  }
  return {};
}

}  // namespace

DirectoryCore::DirectoryCore(const DirectoryDeps& deps)
    : deps_(deps),
      rows_(deps.state, model::kMetaGroup, deps.generation, model::TenantId{}),
      sealer_(deps.ring.directory_sealer(deps.random)),
      group_tenants_(deps.data_groups + 1, 0),
      cluster_({deps.ring, deps.random, deps.cluster_id, deps.data_groups, deps.self, deps.peer_address,
                deps.replicas_of, deps.newest_format, deps.replicas, deps.is_heard}) {}

model::Result<std::unique_ptr<DirectoryCore>> DirectoryCore::open(const DirectoryDeps& deps) {
  std::unique_ptr<DirectoryCore> core(new DirectoryCore(deps));
  if (auto status = core->load(); !status) return status.error();
  return core;
}

model::Status DirectoryCore::load() {
  // An earlier leader's last changes were committed when nobody published them here.
  auto keys = read_key_rows(deps_.state, deps_.generation);
  if (!keys) return keys.error();
  if (deps_.keys_read) deps_.keys_read(std::move(*keys));
  sealer_ = deps_.ring.directory_sealer(deps_.random);
  auto header = rows_.get(storage::kHeaderRow);
  if (!header) return header.error();
  header_.set_format(kRecordFormat);
  header_.set_epoch(1);
  if (header->has_value()) {
    auto decoded = decode_header(**header);
    if (!decoded) return decoded.error();
    header_ = std::move(*decoded);
    loaded_seals_ = header_.seals();
  }
  auto ring = rows_.get(storage::kKeyRingRow);
  if (!ring) return ring.error();
  ring_ = ring->value_or(std::string());
  if (auto status = load_seals(); !status) return status;
  if (auto status = load_resealing(); !status) return status;
  if (auto status = cluster_.load(rows_); !status) return status;
  nodes_ = cluster_.nodes();
  know_groups(cluster_.added_groups());
  for (const auto& [id, node] : nodes_) {
    if (deps_.node_changed) deps_.node_changed(node);
  }
  const std::string_view tenants = storage::kTenantRows;
  for (auto scan = rows_.scan(tenants, storage::prefix_end(tenants));; scan->next()) {
    if (!scan->valid()) {
      if (auto status = scan->status(); !status) return status;
      break;
    }
    auto opened =
        sealer_.open(scan->value(), crypto::row_identity(model::TenantId{}.view(), rows_.row_of(scan->key())));
    if (!opened) return opened.error();
    auto tenant = decode_tenant(opened->expose());
    if (!tenant) return tenant.error();
    if (tenant->info.state != model::TenantState::active) {
      // An earlier leader's last purges: nobody said so here. Those of old are forgotten, and compacting takes long.
      const bool is_news = tenant->info.purged_at != 0 && tenant->info.purged_at + kNewsOfPurges > directory_time();
      if (is_news && deps_.tenant_purged) {
        const model::TimeMs at = tenant->info.purged_at;
        deps_.tenant_purged(tenant->info.group, at);
        for (const model::GroupId group : tenant->info.former_groups) deps_.tenant_purged(group, at);
      }
      const model::TenantId id = tenant->info.id;
      deleted_.emplace(id, std::move(*tenant));
      continue;
    }
    for (const model::DoorName& door : tenant->info.doors) doors_[{door.door, door.external_id}] = tenant->info.name;
    if (tenant->info.group.value < group_tenants_.size()) ++group_tenants_[tenant->info.group.value];
    note_move(*tenant);
    deps_.routing.put(*tenant);
    std::string name = tenant->info.name;
    tenants_.emplace(std::move(name), Row{std::move(*tenant), true, nullptr});
  }
  const std::string_view operators = storage::kOperatorRows;
  std::set<std::string, std::less<>> in_force;
  for (auto scan = rows_.scan(operators, storage::prefix_end(operators));; scan->next()) {
    if (!scan->valid()) {
      if (auto status = scan->status(); !status) return status;
      break;
    }
    auto opened =
        sealer_.open(scan->value(), crypto::row_identity(model::TenantId{}.view(), rows_.row_of(scan->key())));
    if (!opened) return opened.error();
    auto op = decode_operator(opened->expose());
    if (!op) return op.error();
    deps_.operators.put(*op);
    in_force.insert(std::move(op->token_hash));
  }
  // The tables may be in use, by what the mirror has published: only what is gone is taken out of them.
  deps_.operators.retain([&](std::string_view token_hash) { return in_force.contains(token_hash); });
  deps_.routing.retain([this](std::string_view name) { return tenants_.contains(name); },
                       [this](const model::DoorName& door) { return owner_of(door) != nullptr; });
  return {};
}

void DirectoryCore::handle(CallHandle call, std::vector<Submission>& out) {
  const model::Request& request = call.request();
  call.audit().port = deps_.audit;
  if (request.info.deadline != 0 && request.info.deadline < deps_.wall_clock()) {
    return call.finish(Error(Code::deadline_exceeded));
  }
  auto principal = authorize(request);
  if (!principal) return call.finish(principal.error());
  if (deps_.audit != nullptr) {
    call.audit().principal = std::make_shared<const model::Principal>(model::Principal{*principal, false, {}, {}, {}});
  }
  if (auto status = model::check_request_id(request.info.request_id); !status) return call.finish(status.error());
  const auto& operation = std::get<model::DirectoryOperation>(request.operation);
  const bool makes_room =
      std::holds_alternative<model::DeleteTenant>(operation) || std::holds_alternative<model::PurgeTenant>(operation);
  if (is_change(request) && !serves_backups(operation) && deps_.room.refuses(makes_room)) {
    return refuse_low_on_disk(std::move(call));
  }
  if (std::holds_alternative<model::CreateTenant>(operation)) return create(std::move(call), *principal, out);
  if (std::holds_alternative<model::DeleteTenant>(operation)) return remove(std::move(call), *principal, out);
  if (std::holds_alternative<model::OpenDoor>(operation)) return open_door(std::move(call), *principal, out);
  if (std::holds_alternative<model::UndeleteTenant>(operation)) return undelete(std::move(call), *principal, out);
  if (std::holds_alternative<model::PurgeTenant>(operation)) return purge(std::move(call), *principal, out);
  if (std::holds_alternative<model::ChangeKeys>(operation)) return change_keys(std::move(call), *principal, out);
  if (std::holds_alternative<model::AddOperator>(operation)) return adopt_operator(std::move(call), *principal, out);
  if (std::holds_alternative<model::AdoptTenant>(operation)) return adopt_tenant(std::move(call), *principal, out);
  if (std::holds_alternative<model::TendKeys>(operation)) return tend_keys(std::move(call), *principal, out);
  if (is_of_operators(operation)) return run_operators(std::move(call), *principal, out);
  if (is_move(operation)) return run_move(std::move(call), *principal, out);
  if (ClusterDirectory::is_of_cluster(operation)) return run_cluster(std::move(call), *principal, out);
  auto body = read(operation);
  if (!body) return call.finish(body.error());
  call.finish(model::Reply{{header_.epoch(), header_.revision()}, std::move(*body)});
}

model::Result<model::ReplyBody> DirectoryCore::read(const model::DirectoryOperation& operation) const {
  if (const auto* get = std::get_if<model::GetTenant>(&operation)) {
    auto found = tenants_.find(get->name);
    if (found == tenants_.end() || !found->second.exists) return Error(Code::tenant_not_found);
    return model::ReplyBody(model::TenantReply{found->second.committed.info, {}, false});
  }
  const auto& list = std::get<model::ListTenants>(operation);
  model::TenantsReply reply;
  if (list.only_deleted) {
    for (const auto& [id, tenant] : deleted_) {
      if (tenant.info.purged_at == 0) reply.tenants.push_back(tenant.info);
    }
    return model::ReplyBody(std::move(reply));
  }
  const std::size_t limit = std::clamp<std::size_t>(list.limit, 1, 1000);
  for (auto it = tenants_.lower_bound(std::max(list.prefix, list.after)); it != tenants_.end(); ++it) {
    if (!it->first.starts_with(list.prefix)) break;
    if (!it->second.exists || (!list.after.empty() && it->first <= list.after)) continue;
    if (reply.tenants.size() == limit) {
      reply.more = true;
      break;
    }
    reply.tenants.push_back(it->second.committed.info);
  }
  // Deleted tenants have no name of their own any more; they follow the last page.
  if (list.show_deleted && !reply.more) {
    for (const auto& [id, tenant] : deleted_) {
      if (tenant.info.name.starts_with(list.prefix)) reply.tenants.push_back(tenant.info);
    }
  }
  return model::ReplyBody(std::move(reply));
}

/// A change of a tenant that is being changed waits for the outcome.
bool DirectoryCore::defer_if_changing(CallHandle& call, const std::string& name) {
  auto found = tenants_.find(name);
  if (found == tenants_.end() || !found->second.next) return false;
  if (waiting_.size() >= deps_.max_waiting) {
    call.finish(Error(Code::overloaded));
  } else {
    waiting_.push_back(std::move(call));
  }
  return true;
}

const std::string* DirectoryCore::owner_of(const model::DoorName& door) const {
  auto found = doors_.find({door.door, door.external_id});
  return found == doors_.end() ? nullptr : &found->second;
}

void DirectoryCore::create(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = std::get<model::CreateTenant>(std::get<model::DirectoryOperation>(call.request().operation));
  for (const model::DoorName& door : request.doors) {
    if (auto status = check_door(door); !status) return call.finish(status.error());
  }
  if (request.name.empty() && request.doors.empty()) {
    return call.finish(Error(Code::invalid_argument, "name: a tenant needs a name"));
  }
  if (!request.name.empty()) {
    if (auto status = model::check_tenant_name(request.name); !status) return call.finish(status.error());
  }
  const std::string key = request_key(principal, call.request().info.request_id);
  const std::string hash = request_hash(model::DirectoryOperation(request));
  const std::string* owner = request.doors.empty() ? nullptr : owner_of(request.doors.front());
  const std::string name = !request.name.empty() ? request.name
                           : owner != nullptr    ? *owner
                                                 : free_name_for(request.doors.front());
  if (defer_if_changing(call, name)) return;
  if (auto found = tenants_.find(name); found != tenants_.end()) {
    const DirectoryTenant& existing = found->second.committed;
    const bool retried = !key.empty() && existing.request_key == key;
    if (retried && existing.request_hash != hash) return call.finish(Error(Code::request_id_reused));
    if (retried || request.existing_is_ok) {
      return call.finish(
          model::Reply{{header_.epoch(), header_.revision()}, model::TenantReply{existing.info, {}, false}});
    }
    return call.finish(Error(Code::tenant_exists));
  }
  for (const model::DoorName& door : request.doors) {
    if (owner_of(door) != nullptr) return call.finish(Error(Code::door_taken));
  }
  DirectoryTenant tenant;
  tenant.info.id = model::TenantId::from_raw(deps_.random.bytes(16));
  tenant.info.name = name;
  tenant.info.group = least_loaded_group();
  tenant.info.doors = request.doors;
  tenant.info.created_at = std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms());
  tenant.request_key = key;
  tenant.request_hash = key.empty() ? std::string() : hash;
  model::TenantReply reply;
  reply.created = true;
  if (request.with_owner_key) {
    crypto::OwnerKeyPair pair = crypto::generate_owner_key(deps_.random);
    tenant.owner_public_key = std::move(pair.public_key);
    reply.owner_private_key = std::move(pair.private_key);
  }
  ++group_tenants_[tenant.info.group.value];
  reply.tenant = tenant.info;
  change(std::move(call), std::move(tenant), std::move(reply), out);
}

void DirectoryCore::remove(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = std::get<model::DeleteTenant>(std::get<model::DirectoryOperation>(call.request().operation));
  constexpr model::TimeMs kLongest = 10LL * 365 * 24 * 3600 * 1000;
  if (request.recovery_ms < 0 || request.recovery_ms > kLongest) {
    return call.finish(Error(Code::invalid_argument, "recovery_seconds: a recovery window lasts at most ten years"));
  }
  const std::string key = request_key(principal, call.request().info.request_id);
  const std::string hash = request_hash(model::DirectoryOperation(request));
  const std::string* owner = request.door ? owner_of(*request.door) : nullptr;
  const std::string name = !request.name.empty() ? request.name : owner != nullptr ? *owner : std::string();
  if (defer_if_changing(call, name)) return;
  auto found = tenants_.find(name);
  if (found == tenants_.end()) {
    for (const auto& [id, tenant] : deleted_) {
      if (key.empty() || tenant.request_key != key) continue;
      if (tenant.request_hash != hash) return call.finish(Error(Code::request_id_reused));
      return call.finish(
          model::Reply{{header_.epoch(), header_.revision()}, model::TenantReply{tenant.info, {}, false}});
    }
    return call.finish(Error(Code::tenant_not_found));
  }
  DirectoryTenant next = found->second.committed;
  if (moving_.contains(next.info.id)) {
    return call.finish(Error(Code::unavailable, "the tenant is on its way to another group", 1));
  }
  next.info.state = model::TenantState::deleted;
  next.info.deleted_at = std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms());
  const model::TimeMs window = request.recovery_ms != 0 ? request.recovery_ms : model::kTenantRecoveryMs;
  next.info.purge_at = next.info.deleted_at + (request.purge ? 0 : window);
  next.request_key = key;
  next.request_hash = key.empty() ? std::string() : hash;
  model::TenantReply reply{next.info, {}, false};
  change(std::move(call), std::move(next), std::move(reply), out);
}

void DirectoryCore::open_door(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = std::get<model::OpenDoor>(std::get<model::DirectoryOperation>(call.request().operation));
  if (auto status = check_door(request.door); !status) return call.finish(status.error());
  if (defer_if_changing(call, request.name)) return;
  auto found = tenants_.find(request.name);
  if (found == tenants_.end()) return call.finish(Error(Code::tenant_not_found));
  if (const std::string* owner = owner_of(request.door)) {
    if (*owner != request.name) return call.finish(Error(Code::door_taken));
    return call.finish(model::Reply{{header_.epoch(), header_.revision()},
                                    model::TenantReply{found->second.committed.info, {}, false}});
  }
  DirectoryTenant next = found->second.committed;
  next.info.doors.push_back(request.door);
  next.request_key = request_key(principal, call.request().info.request_id);
  next.request_hash = next.request_key.empty() ? std::string() : request_hash(model::DirectoryOperation(request));
  model::TenantReply reply{next.info, {}, false};
  change(std::move(call), std::move(next), std::move(reply), out);
}

void DirectoryCore::change(CallHandle call, DirectoryTenant next, model::TenantReply reply,
                           std::vector<Submission>& out) {
  Pending pending;
  pending.name = next.info.name;
  pending.reply.body = std::move(reply);
  const auto& operation = std::get<model::DirectoryOperation>(call.request().operation);
  const char* action = std::holds_alternative<model::CreateTenant>(operation)     ? "create-tenant"
                       : std::holds_alternative<model::DeleteTenant>(operation)   ? "delete-tenant"
                       : std::holds_alternative<model::UndeleteTenant>(operation) ? "undelete-tenant"
                       : std::holds_alternative<model::AdoptTenant>(operation)    ? "import-tenant"
                                                                                  : "open-door";
  auto principal = authorize(call.request());
  pending.call = std::move(call);
  for (const model::DoorName& door : next.info.doors) doors_[{door.door, door.external_id}] = next.info.name;
  std::vector<storage::RowChange> rows{sealed_row(storage::tenant_row(next.info.id), encode_tenant(next))};
  Row& changed = tenants_[next.info.name];
  changed.next = std::make_unique<DirectoryTenant>(std::move(next));
  submit(std::move(pending), std::move(rows), action, *principal, out);
}

storage::RowChange DirectoryCore::sealed_row(std::string row, std::string_view plaintext) {
  std::string sealed = sealer_.seal(plaintext, crypto::row_identity(model::TenantId{}.view(), row));
  return {std::move(row), std::move(sealed)};
}

void DirectoryCore::submit(Pending pending, std::vector<storage::RowChange> rows, std::string_view action,
                           const std::string& principal, std::vector<Submission>& out) {
  const model::TimeMs now = std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms());
  header_.set_revision(header_.revision() + 1);
  header_.set_leader_time_ms(now);
  header_.set_seals(seals());
  pending.sequence = next_sequence_++;
  pending.reply.revision = {header_.epoch(), header_.revision()};

  store::v1::AuditRecord audit;
  audit.set_format(kRecordFormat);
  audit.set_time_ms(now);
  audit.set_principal(principal);
  audit.set_action(std::string(action));
  audit.set_outcome("ok");
  audit.set_details(pending.name.empty() ? pending.details : "tenant=" + pending.name);
  if (pending.call) {
    audit.set_door(std::string(to_string(pending.call.request().info.door)));
    audit.set_address(pending.call.request().info.address);
    audit.set_request_id(pending.call.request().info.request_id);
    audit.set_trace(pending.call.request().info.trace);
    pending.call.audit().in_write_set = true;
  }
  const model::TenantId directory{};
  rows.push_back({storage::kHeaderRow, header_.SerializeAsString()});
  const WriteSetHead head{directory, header_.epoch(), header_.revision(), now};
  out.push_back({pending.sequence, encode_write_set(head, rows, audit.SerializeAsString())});
  pending_.push_back(std::move(pending));
}

/// What was decided last is committed: it counts from now on, and is answered.
void DirectoryCore::settle(Pending& done) {
  if (done.op || done.purge || done.ring || done.of_keys || !done.revoked.empty()) return committed_keys(done);
  if (done.of_cluster) {
    for (const model::NodeInfo& node : done.nodes) {
      nodes_[node.id] = node;
      if (deps_.node_changed) deps_.node_changed(node);
    }
    know_groups(done.groups);
    return done.call.finish(std::move(done.reply));
  }
  Row& row = tenants_.at(done.name);
  DirectoryTenant next = std::move(*row.next);
  row.next.reset();
  if (next.info.state == model::TenantState::deleted) {
    deps_.routing.remove(next);
    for (const model::DoorName& door : next.info.doors) doors_.erase({door.door, door.external_id});
    if (next.info.group.value < group_tenants_.size()) --group_tenants_[next.info.group.value];
    tenants_.erase(done.name);
    if (on_deleted) on_deleted(next.info.id);
    if (deps_.tenants_changed) deps_.tenants_changed();
    const model::TenantId id = next.info.id;
    deleted_.emplace(id, std::move(next));
  } else {
    row.committed = std::move(next);
    row.exists = true;
    deleted_.erase(row.committed.info.id);
    note_move(row.committed);
    deps_.routing.put(row.committed);
  }
  if (done.call) done.call.finish(std::move(done.reply));
}

void DirectoryCore::committed(std::uint64_t sequence, std::vector<Submission>& out) {
  while (!pending_.empty() && pending_.front().sequence <= sequence) {
    Pending done = std::move(pending_.front());
    pending_.pop_front();
    const model::Revision revision = done.reply.revision;
    auto behind = std::move(done.behind);
    settle(done);
    for (auto& [call, body] : behind) call.finish(model::Reply{revision, std::move(body)});
  }
  if (deps_.cluster_key_worn && !keys_change_ && seals() >= deps_.max_seals) {
    deps_.cluster_key_worn(sealer_.current_version());
  }
  if (balancing_) balance_tenants(out);
  std::deque<CallHandle> again;
  again.swap(waiting_);
  for (CallHandle& call : again) handle(std::move(call), out);
}

void DirectoryCore::refused(std::uint64_t sequence, const Error& error) {
  for (Pending& pending : pending_) {
    if (pending.call) pending.call.finish(pending.sequence >= sequence ? error : Error(Code::outcome_unknown));
  }
  pending_.clear();
  waiting_.clear();
}

/// A tenant's name made from a door's external id: its allowed characters, and digits that make it unique.
std::string DirectoryCore::free_name_for(const model::DoorName& door) const {
  std::string base;
  for (const char c : door.external_id.substr(0, 40)) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool allowed = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') || lower == '.' ||
                         lower == '_' || lower == '-';
    base.push_back(allowed ? lower : '-');
  }
  base = std::string(to_string(door.door)) + "-" + base;
  std::string name = base;
  while (!model::check_tenant_name(name) || tenants_.contains(name)) {
    name = base + "-" + crypto::hex(deps_.random.bytes(4));
  }
  return name;
}

}  // namespace coffer::actors

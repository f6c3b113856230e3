// What the directory does for the keepers of keys: it gathers what they tell, keeps how sealing anew stands, and seals its own
// rows anew, a slice at a time. See directory_core.hpp and key_use.hpp.

#include <algorithm>

#include "actors/directory_core.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

model::Status DirectoryCore::load_resealing() {
  auto row = rows_.get(storage::kResealRow);
  if (!row) return row.error();
  if (!row->has_value()) return {};
  auto decoded = decode_reseal(**row);
  if (!decoded) return decoded.error();
  reseal_ = std::move(*decoded);
  return {};
}

/// Its first views are taken, and the keys, which it reads behind the last of them, must still open what is in those. By the
/// row that pauses moves, so it ends by itself when whoever takes the backup dies.
bool DirectoryCore::is_backup_beginning() const { return cluster_.settings().moves_paused_until > directory_time(); }

void DirectoryCore::tend_keys(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto request = std::get<model::TendKeys>(std::get<model::DirectoryOperation>(call.request().operation));
  key_use_.told(request, deps_.wall_clock());
  std::vector<storage::RowChange> rows;
  Pending pending;
  if (request.paused) reseal_.set_paused(*request.paused);
  if (request.rows_per_second) reseal_.set_rows_per_second(*request.rows_per_second);
  reseal_.set_tenants_done(reseal_.tenants_done() + request.tenants_done);
  reseal_.set_rows_done(reseal_.rows_done() + request.rows_done);
  bool more = false;
  if (request.reseal_rows != 0) {
    auto sliced = reseal_slice(request.reseal_rows, rows);
    if (!sliced) return call.finish(sliced.error());
    more = *sliced;
    reseal_.set_rows_done(reseal_.rows_done() + rows.size());
  }
  const bool changes =
      request.paused || request.rows_per_second || request.tenants_done != 0 || request.rows_done != 0 || !rows.empty();
  if (changes) {
    reseal_.set_format(kRecordFormat);
    pending.keys.emplace_back(storage::kResealRow, reseal_.SerializeAsString());
    rows.push_back({storage::kResealRow, *pending.keys.back().second});
  }
  model::KeysReply reply = key_numbers(request.retire_after);
  reply.more = more;
  if (!changes) return call.finish(model::Reply{{header_.epoch(), header_.revision()}, std::move(reply)});
  const char* const action = request.paused || request.rows_per_second ? "set-resealing" : "reseal";
  pending.of_keys = true;
  pending.details = "paused=" + std::string(reseal_.paused() ? "yes" : "no") +
                    " rows_per_second=" + std::to_string(reseal_.rows_per_second());
  pending.reply.body = std::move(reply);
  pending.call = std::move(call);
  submit(std::move(pending), std::move(rows), action, principal, out);
}

model::KeysReply DirectoryCore::key_numbers(model::TimeMs retire_after) const {
  model::KeysReply reply;
  reply.paused = reseal_.paused();
  reply.rows_per_second = reseal_.rows_per_second();
  reply.tenants_done = reseal_.tenants_done();
  reply.rows_done = reseal_.rows_done();
  reply.tenants_left = key_use_.tenants_left();
  std::vector<model::NodeId> nodes;
  for (const auto& [id, node] : nodes_) {
    if (node.state != model::NodeState::removed) nodes.push_back(id);
  }
  if (nodes.empty()) nodes.push_back(deps_.self);
  const auto data_groups = static_cast<std::uint32_t>(group_tenants_.size() - 1);
  auto verdict = key_use_.judge(data_groups, nodes, sealer_.current_version(), deps_.wall_clock(), retire_after);
  reply.retirable = verdict.retirable;
  reply.waits_for = std::move(verdict.waits_for);
  if (reply.retirable != 0 && is_backup_beginning()) {
    reply.retirable = 0;
    reply.waits_for = kBackupNeedsKeys;
  }
  return reply;
}

/// What the row holds is in memory as it was committed; the state only tells which key sealed it. A row that is being
/// changed, or whose last change is not in the state yet, is looked at in the next pass. Answers whether there is more to do.
model::Result<bool> DirectoryCore::reseal_slice(std::uint32_t limit, std::vector<storage::RowChange>& rows) {
  if (pass_.key != sealer_.current_version()) pass_ = ResealPass{sealer_.current_version()};
  std::uint32_t examined = 0;
  const auto look = [&](const std::string& row, bool changes, const auto& encode) -> model::Status {
    ++examined;
    auto stored = rows_.get(row);
    if (!stored) return stored.error();
    if (changes || !stored->has_value()) {
      pass_.is_clean = false;
      return {};
    }
    const auto version = crypto::sealed_key_version(**stored);
    if (!version) return version.error();
    if (*version == pass_.key) return {};
    pass_.is_clean = false;
    pass_.found = true;
    rows.push_back(sealed_row(row, encode()));
    return {};
  };
  if (!pass_.past_tenants) {
    auto it = tenants_.upper_bound(pass_.name);
    for (; it != tenants_.end() && examined < limit; ++it) {
      const Row& tenant = it->second;
      const model::TenantId id = tenant.exists ? tenant.committed.info.id : tenant.next->info.id;
      const bool changes = !tenant.exists || tenant.next;
      pass_.name = it->first;
      auto done = look(storage::tenant_row(id), changes, [&] { return encode_tenant(tenant.committed); });
      if (!done) return done.error();
    }
    pass_.past_tenants = it == tenants_.end();
    return true;
  }
  auto it = deleted_.upper_bound(pass_.deleted);
  for (; it != deleted_.end() && examined < limit; ++it) {
    const bool changes = is_changing(it->first);
    pass_.deleted = it->first;
    auto done = look(storage::tenant_row(it->first), changes, [&] { return encode_tenant(it->second); });
    if (!done) return done.error();
  }
  if (it != deleted_.end()) return true;
  const bool operators_change =
      std::ranges::any_of(pending_, [](const Pending& pending) { return pending.op || !pending.revoked.empty(); });
  for (const auto& op : deps_.operators.all()) {
    auto done = look(storage::operator_row(op->token_hash), operators_change, [&] { return encode_operator(*op); });
    if (!done) return done.error();
  }
  auto authority = cluster_.reseal_authority();
  if (!authority) return authority.error();
  if (*authority) {
    pass_.is_clean = false;
    rows.push_back(std::move(**authority));
  }
  key_use_.told_directory(pass_.is_clean ? pass_.key : 0, deps_.wall_clock());
  const bool again = pass_.found;  // the next pass makes sure that nothing is left
  pass_ = ResealPass{pass_.key};
  return again;
}

}  // namespace coffer::actors

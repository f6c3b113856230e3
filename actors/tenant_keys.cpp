// What is done for a tenant besides its requests: its data keys (rotation, by itself before too many seals; sealing
// anew what older keys sealed, in slices), and the deleted versions whose recovery window is over. See tenant_core.hpp.

#include <algorithm>

#include "actors/tenant_core.hpp"
#include "actors/tenant_mutation.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kSliceBytes = 1 << 20;

/// The header, the keys and the order of requests are plain; everything else of a tenant is sealed.
bool is_sealed_row(std::string_view row) {
  return !row.empty() && row != storage::kHeaderRow && row != storage::kKeysRow && row.front() != 'q';
}

}  // namespace

model::Result<model::ReplyBody> TenantCore::tend(const Caller& caller, const model::TendTenant& tend,
                                                 Mutation& mutation) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  model::Status done;
  model::TenantKeysReply reply;
  switch (tend.what) {
    case model::Tending::rotate: done = rotate_data_key(mutation); break;
    case model::Tending::reseal: done = reseal_slice(tend.rows, mutation, reply); break;
    case model::Tending::sweep: done = sweep_slice(tend.rows, mutation, reply); break;
    case model::Tending::status: break;
  }
  if (!done) return done.error();
  auto status = keys_status(caller);
  if (!status) return status.error();
  auto& body = std::get<model::TenantKeysReply>(*status);
  body.rows = reply.rows;
  body.more = reply.more;
  return status;
}

model::Result<model::ReplyBody> TenantCore::keys_status(const Caller& caller) const {
  if (!caller.may_administer) return Error(Code::permission_denied);
  model::TenantKeysReply reply;
  for (const auto& key : keys_record_.data_keys()) {
    reply.data_keys.push_back({key.version(), key.created_at_ms(), key.version() == keys_record_.current()});
  }
  const auto wrapping = crypto::wrapping_version(keys_record_);
  if (!wrapping) return wrapping.error();
  reply.cluster_key = *wrapping;
  reply.seals = loaded_seals_ + sealer_.seals();
  reply.seal_limit = deps_.max_seals;
  return model::ReplyBody(std::move(reply));
}

/// The keys as they will be. Their row goes into this write set or, when that is not made after all, into the next one.
void TenantCore::store_keys(store::v1::TenantKeysRecord record, Mutation& mutation) {
  keys_record_ = std::move(record);
  unwritten_keys_ = keys_record_.SerializeAsString();
  mutation.touches_header = true;
}

/// From here on everything is sealed under a new key, and no row is ever stored before its key: the keys' row is in the
/// first write set that can hold what the new key sealed.
model::Status TenantCore::rotate_data_key(Mutation& mutation) {
  store::v1::TenantKeysRecord next = keys_record_;
  if (auto status = deps_.ring.add_data_key(identity_.tenant, next, deps_.random, mutation.now); !status) return status;
  const auto opened = deps_.ring.open_tenant_keys(identity_.tenant, next);
  if (!opened) return opened.error();
  sealer_.add_key(opened->current, opened->data_keys.at(opened->current), true);
  loaded_seals_ = 0 - sealer_.seals();  // counted from here on
  reseal_after_.reset();
  store_keys(std::move(next), mutation);
  return {};
}

model::Status TenantCore::rotate_when_due(Mutation& mutation) {
  if (loaded_seals_ + sealer_.seals() < deps_.max_seals) return {};
  return rotate_data_key(mutation);
}

model::Status TenantCore::reseal_slice(std::uint32_t rows, Mutation& mutation, model::TenantKeysReply& reply) {
  auto applied = rows_.get(storage::kKeysRow);
  if (!applied) return applied.error();
  if (!applied->has_value()) return {};  // the tenant holds nothing yet
  auto stored = decode_keys(**applied);
  if (!stored) return stored.error();
  // What was sealed before the rotation is in the state only when the rotation itself is.
  if (stored->current() != keys_record_.current()) {
    return Error(Code::unavailable, "the newest data key is not applied yet", 1);
  }
  if (const auto wrapping = crypto::wrapping_version(keys_record_); !wrapping) {
    return wrapping.error();
  } else if (*wrapping != deps_.ring.current_version()) {
    store::v1::TenantKeysRecord next = keys_record_;
    if (auto status = deps_.ring.rewrap(identity_.tenant, next, deps_.random); !status) return status;
    store_keys(std::move(next), mutation);
    ++reply.rows;
  }
  if (keys_record_.data_keys_size() == 1) return {};
  if (!reseal_after_) reseal_after_.emplace();

  const std::string_view tenant = identity_.tenant.view();
  std::size_t bytes = 0;
  auto scan = rows_.scan(*reseal_after_, "");
  std::string last = *reseal_after_;
  std::uint32_t examined = 0;
  for (; scan->valid() && examined < rows && bytes < kSliceBytes; scan->next(), ++examined) {
    last = std::string(rows_.row_of(scan->key()));
    if (!is_sealed_row(last)) continue;
    auto newest = row(last, true);  // a write that is under way is newer than the state
    if (!newest) return newest.error();
    if (!newest->has_value()) continue;
    const auto version = crypto::sealed_key_version(**newest);
    if (!version) return version.error();
    if (*version == keys_record_.current()) continue;
    const std::string identity = crypto::row_identity(tenant, last);
    auto opened = sealer_.open(**newest, identity);
    if (!opened) return opened.error();
    bytes += opened->size();
    mutation.rows.push_back({last, sealer_.seal(opened->expose(), identity)});
    ++reply.rows;
  }
  if (auto status = scan->status(); !status) return status;
  reply.more = scan->valid();
  if (reply.more) {
    reseal_after_ = last.append(1, '\0');
    return {};
  }
  // Every row that an older key sealed was in the state when the first slice began, and has been replaced by now.
  store::v1::TenantKeysRecord next = keys_record_;
  next.clear_data_keys();
  for (const auto& key : keys_record_.data_keys()) {
    if (key.version() == keys_record_.current()) *next.add_data_keys() = key;
  }
  reseal_after_.reset();
  // With this write set and no other: the older keys are needed for as long as these rows are not written.
  mutation.keys = std::move(next);
  mutation.touches_header = true;
  return {};
}

model::Status TenantCore::sweep_slice(std::uint32_t rows, Mutation& mutation, model::TenantKeysReply& reply) {
  const model::RuleContext context{mutation.now, mutation.principal, deps_.limits};
  const std::string_view prefix = storage::kEntryRows;
  if (sweep_after_.empty()) sweep_after_ = prefix, next_sweep_ = 0;
  auto scan = rows_.scan(sweep_after_, storage::prefix_end(prefix));
  std::uint32_t examined = 0;
  for (; scan->valid() && examined < rows; scan->next(), ++examined) {
    const std::string key(rows_.row_of(scan->key()));
    const std::string hash = key.substr(prefix.size());
    auto current = latest_entry(hash);
    if (!current) return current.error();
    sweep_after_ = key + '\0';
    if (!*current) continue;
    const model::TimeMs ends = model::next_sweep(**current, deps_.limits);
    if (ends == 0) continue;
    if (ends > mutation.now) {
      next_sweep_ = next_sweep_ == 0 ? ends : std::min(next_sweep_, ends);
      continue;
    }
    auto decision = model::decide_sweep(**current, context);
    record_change(*current, std::make_shared<const model::Entry>(std::move(decision.entry)), decision, hash, nullptr,
                  mutation);
    audit_operation("sweep", (*current)->space, (*current)->name, decision.version, mutation);
    ++reply.rows;
  }
  if (auto status = scan->status(); !status) return status;
  reply.more = scan->valid();
  if (reply.more) return {};
  sweep_after_.clear();
  // Changes that came meanwhile have been counted in by record_change(), but not those that the state did not hold yet.
  model::Status status;
  overlay_.each_staged([&](std::uint64_t, const std::string& row) {
    if (!row.starts_with(prefix) || !status) return;
    const auto entry = latest_entry(row.substr(prefix.size()));
    if (!entry) status = entry.error();
    if (!entry || !*entry) return;
    const model::TimeMs ends = model::next_sweep(**entry, deps_.limits);
    if (ends != 0) next_sweep_ = next_sweep_ == 0 ? ends : std::min(next_sweep_, ends);
  });
  if (!status) return status;
  const model::TimeMs next = next_sweep_ == 0 ? 0 : sweep_time(next_sweep_, mutation);
  if (mutation.header.sweep_at_ms() != next) mutation.touches_header = true;
  mutation.header.set_sweep_at_ms(next);
  return {};
}

}  // namespace coffer::actors

// A tenant's limits: one sealed row over the node's defaults, what its requests count, and what it may hold. Checked
// here, because the shard is the one place in a cluster that sees every request of the tenant. See tenant_core.hpp.

#include "actors/tenant_mutation.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;
using model::Limit;

model::Result<model::Quota> TenantCore::stored_quota(bool latest) {
  auto sealed = row(storage::kQuotaRow, latest);
  if (!sealed) return sealed.error();
  if (!sealed->has_value()) return model::Quota{};
  auto opened = sealer_.open(**sealed, crypto::row_identity(identity_.tenant.view(), storage::kQuotaRow));
  if (!opened) return opened.error();
  return decode_quota(opened->expose());
}

/// Errors: data_loss, disk_error.
model::Status TenantCore::load_quota() {
  auto stored = stored_quota(false);
  if (!stored) return stored.error();
  if (deps_.quota_board != nullptr) {
    quota_place_.emplace(*deps_.quota_board, identity_.tenant);
    quota_place_->hold(header_.entries(), header_.bytes());
  }
  use_quota(std::move(*stored));
  return {};
}

const model::QuotaLimits& TenantCore::default_quotas() const {
  const model::QuotaLimits* const newer =
      deps_.newer_quotas == nullptr ? nullptr : deps_.newer_quotas->load(std::memory_order_acquire);
  return newer == nullptr ? deps_.quotas : *newer;
}

/// From the next request on. What was saved up in the buckets stays, as far as the new limits allow it.
void TenantCore::use_quota(model::Quota quota) {
  quota_ = std::move(quota);
  defaults_used_ = &default_quotas();
  quota_limits_ = model::limits_in_force(quota_, *defaults_used_);
  if (quota_place_) quota_place_->limit(quota_limits_);
}

/// Called for each admitted request, on whichever thread answers it. An operator's calls are not the tenant's: he must
/// be able to raise a limit that is reached. Errors: quota_exceeded.
model::Status TenantCore::count_request(const model::Request& request, model::TimeMs at) {
  if (request.credential.door == model::Door::admin) return {};
  if (defaults_used_ != &default_quotas()) use_quota(std::move(quota_));  // a reload has changed them
  const auto& operation = std::get<model::TenantOperation>(request.operation);
  const model::RequestClass what = model::request_class(operation);
  auto status = rates_.take(quota_limits_, what, model::request_cost(operation), at);
  if (!status && deps_.quota_refusals != nullptr) {
    ++deps_.quota_refusals->by_limit[static_cast<std::size_t>(model::rate_limit(what))];
  }
  return status;
}

/// Whether the tenant may hold what the mutation, as a whole, makes of it. Errors: quota_exceeded.
model::Status TenantCore::check_held(const Mutation& mutation) {
  const auto check = [this](Limit limit, std::uint64_t before, std::uint64_t after) {
    auto status = model::check_held(quota_limits_, limit, before, after);
    if (!status && deps_.quota_refusals != nullptr) {
      ++deps_.quota_refusals->by_limit[static_cast<std::size_t>(limit)];
    }
    return status;
  };
  if (auto status = check(Limit::entries, header_.entries(), mutation.header.entries()); !status) return status;
  return check(Limit::bytes, header_.bytes(), mutation.header.bytes());
}

model::QuotaReply TenantCore::quota_reply(const model::Quota& own) const {
  return {own, model::limits_in_force(own, default_quotas()), header_.entries(), header_.bytes()};
}

model::Result<model::ReplyBody> TenantCore::get_quota(const Caller& caller) const {
  if (!caller.may_administer) return Error(Code::permission_denied);
  return model::ReplyBody(quota_reply(quota_));
}

model::Result<model::ReplyBody> TenantCore::set_quota(const Caller& caller, const model::SetQuota& set,
                                                      Mutation& mutation) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  auto next = stored_quota(true);
  if (!next) return next.error();
  const auto before = next->values;
  for (const auto& [limit, value] : set.changes) (*next)[limit] = value;
  if (next->values == before) return model::ReplyBody(quota_reply(*next));
  ++next->version;
  next->changed_at = mutation.now;
  next->changed_by = mutation.principal;
  const std::string key = storage::kQuotaRow;
  mutation.rows.push_back({key, sealer_.seal(encode_quota(*next), crypto::row_identity(identity_.tenant.view(), key))});
  mutation.quota = *next;
  return model::ReplyBody(quota_reply(*next));
}

}  // namespace coffer::actors

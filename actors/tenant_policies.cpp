// A tenant's policy: one sealed row, kept opened between two changes; and what it says of a principal. A change takes
// effect on the request after its commit. See tenant_core.hpp.

#include "actors/tenant_core.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

/// Errors: those of policy().
model::Result<std::shared_ptr<const model::Principal>> TenantCore::resolve(model::Principal principal) {
  if (!policy_) {
    auto committed = policy(false);
    if (!committed) return committed.error();
    policy_ = std::move(*committed);
  }
  principal.rights = model::rights_of(policy_, principal.name, principal.roles);
  return std::make_shared<const model::Principal>(std::move(principal));
}

/// Reads the row; a tenant without one has the empty policy of version 0. Errors: data_loss, disk_error.
model::Result<std::shared_ptr<const model::PolicySet>> TenantCore::policy(bool latest) {
  static const auto none = std::make_shared<const model::PolicySet>();
  auto sealed = row(storage::kPolicyRow, latest);
  if (!sealed) return sealed.error();
  if (!sealed->has_value()) return none;
  auto opened = sealer_.open(**sealed, crypto::row_identity(identity_.tenant.view(), storage::kPolicyRow));
  if (!opened) return opened.error();
  auto decoded = decode_policy(opened->expose());
  if (!decoded) return decoded.error();
  return std::make_shared<const model::PolicySet>(std::move(*decoded));
}

/// Everything that was made of the policy goes with it.
void TenantCore::forget_policy() {
  bearers_.clear();
  policy_.reset();
  tokens_.clear();
  open_doors_.clear();
}

model::Result<model::ReplyBody> TenantCore::get_policy(const Caller& caller) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  auto committed = policy(false);
  if (!committed) return committed.error();
  return model::ReplyBody(model::PolicyReply{**committed, {}});
}

namespace {

model::Status check_expected(const model::ApplyPolicy& apply, const model::PolicySet& current) {
  if (!apply.expected || *apply.expected == current.version) return {};
  return Error(Code::cas_mismatch, "expected version " + std::to_string(*apply.expected) +
                                       " of the policy, current version is " + std::to_string(current.version));
}

model::PolicyReply reply_of(const model::PolicySet& current, const model::ApplyPolicy& apply) {
  model::PolicyReply reply;
  reply.policy.version = current.version;
  reply.policy.changed_at = current.changed_at;
  reply.policy.changed_by = current.changed_by;
  reply.difference = model::policy_difference(current, apply.policy);
  return reply;
}

}  // namespace

/// A dry run: the difference to what is committed, and nothing is written.
model::Result<model::ReplyBody> TenantCore::preview_policy(const Caller& caller, const model::ApplyPolicy& apply) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  auto committed = policy(false);
  if (!committed) return committed.error();
  if (auto status = check_expected(apply, **committed); !status) return status.error();
  return model::ReplyBody(reply_of(**committed, apply));
}

model::Result<model::ReplyBody> TenantCore::apply_policy(const Caller& caller, const model::ApplyPolicy& apply,
                                                         model::TimeMs now, Rows& rows) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  auto current = policy(true);
  if (!current) return current.error();
  if (auto status = check_expected(apply, **current); !status) return status.error();
  model::PolicyReply reply = reply_of(**current, apply);
  if (reply.difference.empty()) return model::ReplyBody(std::move(reply));
  model::PolicySet next = apply.policy;
  next.version = reply.policy.version = (*current)->version + 1;
  next.changed_at = reply.policy.changed_at = now;
  next.changed_by = reply.policy.changed_by = caller.principal->name;
  const std::string key = storage::kPolicyRow;
  rows.push_back({key, sealer_.seal(encode_policy(next), crypto::row_identity(identity_.tenant.view(), key))});
  return model::ReplyBody(std::move(reply));
}

}  // namespace coffer::actors

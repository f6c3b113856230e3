// Life, access and rows of a tenant. See tenant_core.hpp.

#include "actors/tenant_core.hpp"

#include <algorithm>

#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kMaxSpaceHashes = 64;

model::Scope everything_in(std::string space) {
  return {model::kAllCapabilities & ~static_cast<std::uint32_t>(model::Capability::admin), {std::move(space)}, {"*"}};
}

/// Whoever comes through a door that asks nothing of him.
model::Principal open_door(model::Door door) {
  if (door == model::Door::direktiv) return {"door:direktiv", false, {everything_in("direktiv")}, {}, {}};
  if (door == model::Door::dapr) return {"door:dapr", false, {everything_in("*")}, {}, {}};
  // Upstream's get_data, where a node is told so: values by their id, and nothing else.
  constexpr auto kReadValue = static_cast<std::uint32_t>(model::Capability::read_value);
  return {"door:cloudforet", false, {{kReadValue, {"cloudforet.*"}, {"*"}}}, {}, {}};
}

}  // namespace

TenantCore::TenantCore(const TenantDeps& deps, TenantIdentity identity)
    : deps_(deps),
      identity_(std::move(identity)),
      rows_(deps.state, identity_.group, identity_.generation, identity_.tenant),
      cache_(deps.cache),
      sealer_(deps.random) {}

TenantCore::~TenantCore() { drop_index(); }

model::Result<std::unique_ptr<TenantCore>> TenantCore::open(const TenantDeps& deps, TenantIdentity identity) {
  std::unique_ptr<TenantCore> core(new TenantCore(deps, std::move(identity)));
  if (auto status = core->load(); !status) return status.error();
  return core;
}

model::Status TenantCore::load() {
  auto marked = load_mark();
  if (!marked) return marked.error();
  if (*marked) return {};  // what else is there may be a part of it
  auto header = rows_.get(storage::kHeaderRow);
  if (!header) return header.error();
  auto keys = rows_.get(storage::kKeysRow);
  if (!keys) return keys.error();
  if (header->has_value() != keys->has_value()) {
    return Error(Code::data_loss, "tenant " + to_string(identity_.tenant) + " has lost its header or its keys");
  }
  if (keys->has_value()) {
    auto decoded = decode_header(**header);
    if (!decoded) return decoded.error();
    header_ = std::move(*decoded);
    auto decoded_keys = decode_keys(**keys);
    if (!decoded_keys) return decoded_keys.error();
    if (auto status = use_keys(std::move(*decoded_keys)); !status) return status;
  } else {
    if (auto status = make_keys(); !status) return status;
    header_.set_format(kRecordFormat);
    header_.set_epoch(identity_.epoch);
    header_.set_oldest_change(1);
    header_.set_oldest_request(1);
    header_.set_next_request(1);
  }
  loaded_seals_ = header_.seals();
  committed_revision_ = header_.revision();
  newest_time_ = header_.leader_time_ms();
  if (auto status = load_quota(); !status) return status;
  return load_audit();
}

model::Status TenantCore::use_keys(store::v1::TenantKeysRecord record) {
  auto opened = deps_.ring.open_tenant_keys(identity_.tenant, record);
  if (!opened) return opened.error();
  for (const auto& [version, key] : opened->data_keys) sealer_.add_key(version, key, version == opened->current);
  hasher_ = std::make_unique<crypto::NameHasher>(opened->name_key);
  space_hashes_.clear();
  keys_record_ = std::move(record);
  return {};
}

/// A tenant's first keys; the first write set brings their row along.
model::Status TenantCore::make_keys() {
  auto record =
      deps_.ring.new_tenant_keys(identity_.tenant, identity_.owner_public_key, deps_.random, deps_.wall_clock());
  unwritten_keys_ = record.SerializeAsString();
  return use_keys(std::move(record));
}

/// Before the first write. A shard may have answered that nothing is there for as long as a rotated cluster key is kept:
/// of keys that no row holds nobody knows, so the one that wraps them may be gone. Nothing is sealed or hashed by them yet.
model::Status TenantCore::renew_unused_keys() {
  if (unwritten_keys_.empty() || header_.revision() != 0) return {};
  const auto wrapping = crypto::wrapping_version(keys_record_);
  if (!wrapping) return wrapping.error();
  return *wrapping == deps_.ring.current_version() ? model::Status() : make_keys();
}

// Nothing un-expires when a clock steps back or another node leads.
model::TimeMs TenantCore::now() const { return std::max(deps_.wall_clock(), newest_time_); }

std::string TenantCore::entry_hash(std::string_view space, std::string_view name) {
  return hasher_->hash("entry", space, name);
}

const std::string& TenantCore::space_hash(const std::string& space) {
  auto found = space_hashes_.find(space);
  if (found == space_hashes_.end()) {
    if (space_hashes_.size() >= kMaxSpaceHashes) space_hashes_.clear();
    found = space_hashes_.emplace(space, hasher_->hash("space", space, "")).first;
  }
  return found->second;
}

model::Result<std::optional<std::string>> TenantCore::row(std::string_view key, bool latest) const {
  const auto hit = latest ? overlay_.latest(key) : overlay_.committed(key);
  if (hit.found) return *hit.value;
  return rows_.get(key);
}

model::Result<EntryPtr> TenantCore::open_entry(const std::string& hash, std::string_view sealed) {
  auto opened = sealer_.open(sealed, crypto::row_identity(identity_.tenant.view(), storage::entry_row(hash)));
  if (!opened) return opened.error();
  auto entry = decode_entry(opened->expose());
  if (!entry) return entry.error();
  return EntryPtr(std::make_shared<const model::Entry>(std::move(*entry)));
}

/// Null when there is none.
model::Result<EntryPtr> TenantCore::committed_entry(const std::string& hash) {
  EntryCache::Slot& slot = cache_.slot(hash);
  if (slot.known) return slot.committed;
  auto sealed = row(storage::entry_row(hash), false);
  if (!sealed) return sealed.error();
  EntryPtr entry;
  if (sealed->has_value()) {
    auto opened = open_entry(hash, **sealed);
    if (!opened) return opened.error();
    entry = std::move(*opened);
  }
  slot.committed = entry;
  slot.known = true;
  cache_.charge(slot);
  return entry;
}

model::Result<EntryPtr> TenantCore::latest_entry(const std::string& hash) {
  const EntryCache::Slot& slot = cache_.slot(hash);
  if (!slot.pending.empty()) return slot.pending.back().entry;
  return committed_entry(hash);
}

model::Result<TenantCore::Caller> TenantCore::authenticate(const model::Credential& credential,
                                                           std::string_view address) {
  static const auto root = std::make_shared<const model::Principal>(model::Principal{"dev-root", true, {}, {}, {}});
  switch (credential.kind) {
    case model::CredentialKind::dev_root: return Caller{root, true};
    case model::CredentialKind::operator_:
      if (credential.door != model::Door::admin) return Error(Code::permission_denied);
      return Caller{std::make_shared<const model::Principal>(
                        model::Principal{model::operator_principal(credential), false, {}, {}, {}}),
                    true};
    case model::CredentialKind::open_door: {
      if (const auto known = open_doors_.find(credential.door); known != open_doors_.end()) {
        return Caller{known->second, false};
      }
      auto made = resolve(open_door(credential.door));
      if (!made) return made.error();
      return Caller{open_doors_.emplace(credential.door, std::move(*made)).first->second, false};
    }
    case model::CredentialKind::none:
    case model::CredentialKind::node:
    case model::CredentialKind::presented: return Error(Code::unauthenticated);
    case model::CredentialKind::jwt:
    case model::CredentialKind::certificate: return authenticate_bearer(credential);
    case model::CredentialKind::token: return authenticate_token(credential, address);
  }
  return Error(Code::unauthenticated);
}

model::Verdict TenantCore::judge(const Caller& caller, model::Capability capability, std::string_view space,
                                 std::string_view name, const model::Entry* entry) const {
  const auto verdict = deps_.authorizer.judge(*caller.principal, capability, space, name, entry, now());
  if (verdict == model::Verdict::lacking && (caller.granted & static_cast<std::uint32_t>(capability)) != 0) {
    return model::document_schema(space) != nullptr ? model::Verdict::allowed : verdict;
  }
  if (verdict != model::Verdict::lacking || !caller.pods_admin || space != model::kTapisSpace) return verdict;
  const bool administers = capability != model::Capability::inject && capability != model::Capability::admin;
  return administers ? model::Verdict::allowed : verdict;
}

/// In the Tapis space every bearer of the tenant may make secrets of his own, so whether a name is taken is no secret
/// to them.
bool TenantCore::shares_names(const Caller& caller, std::string_view space) const {
  return caller.of_tapis && space == model::kTapisSpace;
}

/// What every request must pass before it is looked at.
model::Result<TenantCore::Caller> TenantCore::admit(const model::Request& request) {
  const model::TimeMs at = deps_.wall_clock();
  if (request.info.deadline != 0 && request.info.deadline < at) return Error(Code::deadline_exceeded);
  auto caller = authenticate(request.credential, request.info.address);
  if (!caller) return caller.error();
  const model::Credential& credential = request.credential;
  caller->of_tapis = credential.door == model::Door::tapis && (credential.kind == model::CredentialKind::jwt ||
                                                               credential.kind == model::CredentialKind::certificate);
  if (credential.door == model::Door::cloudforet) caller->cloudforet = credential.cloudforet;
  if (request.info.as_admin) {
    const auto& roles = caller->principal->roles;
    caller->pods_admin = std::find(roles.begin(), roles.end(), "pods_admin") != roles.end();
    if (!caller->pods_admin && !caller->principal->everything) {
      return Error(Code::permission_denied, "X-Pods-Admin needs the role pods_admin");
    }
  }
  const auto& operation = std::get<model::TenantOperation>(request.operation);
  if (auto status = model::check_operation(operation, deps_.limits); !status) return status.error();
  caller->at = at;
  return caller;
}

void TenantCore::handle(CallHandle call, std::vector<Submission>& out) {
  const auto& asked = std::get<model::TenantOperation>(call.request().operation);
  if (moving_ || std::holds_alternative<model::FenceTenant>(asked) ||
      std::holds_alternative<model::ReadMoving>(asked)) {
    return answer_moving(std::move(call), out);
  }
  auto caller = admit(call.request());
  note(call.audit(), caller ? caller->principal : nullptr);
  if (!caller) {
    call.call().decided = true;
    return call.finish(caller.error());
  }
  if (auto status = count_request(call.request(), caller->at); !status) return call.finish(status.error());
  const auto& operation = std::get<model::TenantOperation>(call.request().operation);
  if (model::is_mutation(operation)) return write(std::move(call), *caller, out);
  read(std::move(call), *caller);
}

void TenantCore::committed(std::uint64_t sequence, model::Index index, model::Index applied) {
  overlay_.commit(sequence, index);
  while (!pending_.empty() && pending_.front().sequence <= sequence) {
    Pending done = std::move(pending_.front());
    pending_.pop_front();
    for (const std::string& hash : done.entry_hashes) cache_.commit(hash, done.sequence);
    for (const EntryPtr& entry : done.entries) {
      if (index_ready_ || index_scan_) index_entry(entry);
    }
    if (done.touches_tokens) tokens_.clear();
    if (done.touches_trust) {
      trust_versions_.clear();
      if (deps_.trust_changed) deps_.trust_changed(identity_.tenant, identity_.group, index);
    }
    if (done.touches_policy) forget_policy();
    if (done.touches_tokens || done.touches_trust || done.touches_policy) ++access_changes_;
    if (done.quota) use_quota(std::move(*done.quota));
    if (done.audit) audit_ = std::move(*done.audit);
    committed_revision_ = done.reply.revision.counter;
    for (CallHandle& retry : done.retries) {
      auto copy = model::decode_reply(model::encode_reply(done.reply.body).expose());
      if (copy) {
        retry.finish(model::Reply{done.reply.revision, std::move(*copy)});
      } else {
        retry.finish(copy.error());
      }
    }
    done.call.finish(std::move(done.reply));
    for (Judged& answer : done.judged) {
      if (answer.reply.ok()) answer.reply->revision = {header_.epoch(), committed_revision_};
      answer.call.finish(std::move(answer.reply));
    }
  }
  if (is_watched()) wake_watches();
  overlay_.trim(applied);
}

void TenantCore::refused(std::uint64_t sequence, const Error& error) {
  for (Pending& pending : pending_) {
    // What was proposed after the refused one is refused by the group, too; what was before it may still commit.
    const Error answer = pending.sequence >= sequence ? error : Error(Code::outcome_unknown);
    for (CallHandle& retry : pending.retries) retry.finish(answer);
    pending.call.finish(answer);
    for (Judged& judged : pending.judged) judged.call.finish(Error(Code::unavailable));  // it changed nothing
  }
  pending_.clear();
}

void TenantCore::shrink() {
  cache_.shrink();
  if (jobs_.empty()) drop_index();
}

}  // namespace coffer::actors

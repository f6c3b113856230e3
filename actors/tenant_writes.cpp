// Mutations of a tenant: decide on the newest rows, seal, submit. See tenant_core.hpp.

#include <algorithm>
#include <array>

#include "actors/audit_details.hpp"
#include "actors/disk_watch.hpp"
#include "actors/own_request_id.hpp"
#include "actors/tenant_core.hpp"
#include "actors/tenant_mutation.hpp"
#include "actors/write_set.hpp"
#include "crypto/token.hpp"
#include "model/checks.hpp"
#include "model/document_rules.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kHashBytes = 32;
/// What the audit trail calls the alternatives of Transact's operations, in their order.
constexpr std::array<std::string_view, std::variant_size_v<decltype(model::Transact::operations)::value_type>>
    kTransactActions{"put", "delete", "check", "destroy"};

/// What a node low on disk still does: its rows are smaller than those that go.
bool makes_room(const model::TenantOperation& operation) {
  if (const auto* tend = std::get_if<model::TendTenant>(&operation)) return tend->what == model::Tending::sweep;
  if (const auto* change = std::get_if<model::ChangeDocument>(&operation)) {
    return change->kind == model::ChangeDocument::Kind::destroy;
  }
  return std::holds_alternative<model::Destroy>(operation);
}

}  // namespace

void TenantCore::write(CallHandle call, const Caller& caller, std::vector<Submission>& out) {
  Mutation mutation;
  mutation.header = header_;
  mutation.now = now();
  mutation.principal = caller.principal->name;
  if (call.request().credential.kind == model::CredentialKind::token) {
    mutation.token_hash = call.request().credential.token_hash;
  }
  const model::CallInfo& info = call.request().info;
  if (auto status = model::check_request_id(info.request_id); !status) return call.finish(status.error());
  if (auto status = renew_unused_keys(); !status) return call.finish(status.error());
  if (answer_retry(call, caller, mutation)) return;
  auto& operation = std::get<model::TenantOperation>(call.request().operation);
  if (deps_.room.refuses(makes_room(operation))) return refuse_low_on_disk(std::move(call));
  if (pending_.size() >= deps_.max_pending_writes || overlay_.bytes() > deps_.max_overlay_bytes) {
    return call.finish(Error(Code::overloaded));
  }
  mutation.audit.set_action(std::string(model::operation_name(operation)));
  mutation.audit.set_door(std::string(to_string(info.door)));
  mutation.audit.set_address(info.address);
  mutation.audit.set_request_id(info.request_id);
  mutation.audit.set_trace(info.trace);
  auto body = decide(caller, operation, mutation);
  if (!mutation.entry_hash.empty()) note_entry(call.audit(), mutation.entry_hash);
  if (!body) {
    if (info.door == model::Door::tapis && call.audit().has_entry) {
      if (const auto entry = latest_entry(mutation.entry_hash)) {
        note_secret(call.audit(), call.request(), *entry);
      }
    }
    return answer_behind_pending(std::move(call), body.error());
  }
  describe(operation, *body, mutation);
  if (mutation.audit.details().empty()) mutation.audit.set_details(audit_details(operation, *body));
  if (auto status = check_held(mutation); !status) return answer_behind_pending(std::move(call), status.error());
  // What changes nothing needs no write set, unless a retry must get the same answer after later changes.
  if (mutation.rows.empty() && mutation.request_key.empty() && !mutation.touches_header) {
    return answer_behind_pending(std::move(call),
                                 model::Reply{{header_.epoch(), committed_revision_}, std::move(*body)});
  }
  if (auto status = finish_rows(mutation); !status) return call.finish(status.error());
  submit(std::move(call), std::move(mutation), std::move(*body), out);
}

/// A refusal may rest on a write that is pending. If that were lost with the leadership, the caller would have been told of
/// something that never was (found by tests/sim).
void TenantCore::answer_behind_pending(CallHandle call, model::Result<model::Reply> reply) {
  if (pending_.empty()) return call.finish(std::move(reply));
  std::vector<Judged>& judged = pending_.back().judged;
  if (judged.size() >= deps_.max_pending_writes) return call.finish(Error(Code::overloaded));
  judged.push_back({std::move(call), std::move(reply)});
}

/// True when the call was answered (or will be, with the first of its kind) because its request id is known.
bool TenantCore::answer_retry(CallHandle& call, const Caller& caller, Mutation& mutation) {
  const std::string& id = call.request().info.request_id;
  if (id.empty()) return false;
  mutation.request_key = request_row_hash(id, hasher_->hash("request", caller.principal->name, id));
  const auto& operation = std::get<model::TenantOperation>(call.request().operation);
  mutation.request_hash = crypto::sha256(model::canonical_request(operation).expose());
  if (call.call().first_try) return false;
  for (Pending& pending : pending_) {
    if (pending.request_key != mutation.request_key) continue;
    if (pending.request_hash != mutation.request_hash) {
      answer_behind_pending(std::move(call), Error(Code::request_id_reused));
    } else if (auto status = check_repeat(caller, operation, pending.by_entry, pending.at); !status) {
      call.finish(status.error());
    } else if (pending.retries.size() >= deps_.max_waiting_retries) {
      call.finish(Error(Code::overloaded));
    } else {
      pending.retries.push_back(std::move(call));
    }
    return true;
  }
  const std::string key = storage::request_row(mutation.request_key);
  auto sealed = row(key, false);
  if (!sealed) return call.finish(sealed.error()), true;
  if (!sealed->has_value()) return false;
  auto opened = sealer_.open(**sealed, crypto::row_identity(identity_.tenant.view(), key));
  if (!opened) return call.finish(opened.error()), true;
  auto record = decode_request(opened->expose());
  if (!record) return call.finish(record.error()), true;
  if (record->request_hash() != mutation.request_hash) return call.finish(Error(Code::request_id_reused)), true;
  if (auto status = check_repeat(caller, operation, record->by_entry(), record->time_ms()); !status) {
    return call.finish(status.error()), true;
  }
  auto body = model::decode_reply(record->reply());
  if (!body) return call.finish(body.error()), true;
  call.finish(model::Reply{{header_.epoch(), record->revision()}, std::move(*body)});
  return true;
}

model::Result<model::ReplyBody> TenantCore::decide(const Caller& caller, model::TenantOperation& operation,
                                                   Mutation& mutation) {
  const model::RuleContext context{mutation.now, mutation.principal, deps_.limits};
  auto entry_reply = [](const model::Result<Changed>& changed) -> model::Result<model::ReplyBody> {
    if (!changed) return changed.error();
    return model::ReplyBody(reply_of(*changed->entry, changed->version));
  };
  if (auto* put = std::get_if<model::Put>(&operation)) {
    Caller putting = caller;
    putting.founds = put->create_only && put->caller_owns && shares_names(caller, put->space);
    return entry_reply(change_entry(
        putting, model::Capability::write, put->space, put->name, &put->payload,
        [&](const model::Entry* e) { return model::decide_put(e, *put, context); }, mutation));
  }
  if (auto* update = std::get_if<model::UpdateMetadata>(&operation)) {
    return entry_reply(change_entry(
        caller, model::Capability::write, update->space, update->name, nullptr,
        [&](const model::Entry* e) { return model::decide_update(e, *update, context); }, mutation));
  }
  if (auto* del = std::get_if<model::Delete>(&operation)) {
    auto changed = change_entry(
        caller, model::Capability::del, del->space, del->name, nullptr,
        [&](const model::Entry* e) { return model::decide_delete(e, *del, context); }, mutation);
    if (!changed) return changed.error();
    return model::ReplyBody(model::DeleteReply{changed->count, reply_of(*changed->entry, changed->version).entry});
  }
  if (auto* undelete = std::get_if<model::Undelete>(&operation)) {
    return entry_reply(change_entry(
        caller, model::Capability::del, undelete->space, undelete->name, nullptr,
        [&](const model::Entry* e) { return model::decide_undelete(e, *undelete, context); }, mutation));
  }
  if (auto* destroy = std::get_if<model::Destroy>(&operation)) {
    return entry_reply(change_entry(
        caller, model::Capability::del, destroy->space, destroy->name, nullptr,
        [&](const model::Entry* e) { return model::decide_destroy(e, *destroy, context); }, mutation));
  }
  if (auto* several = std::get_if<model::Transact>(&operation)) return transact(caller, *several, mutation);
  if (auto* create = std::get_if<model::CreateToken>(&operation)) return create_token(caller, *create, mutation);
  if (auto* revoke = std::get_if<model::RevokeToken>(&operation)) return revoke_token(caller, *revoke, mutation);
  if (auto* set = std::get_if<model::SetPermission>(&operation)) {
    return entry_reply(change_entry(
        caller, model::Capability::grant, set->space, set->name, nullptr,
        [&](const model::Entry* e) { return model::decide_permission(e, *set, context); }, mutation));
  }
  if (auto* renew = std::get_if<model::RenewSelf>(&operation)) {
    mutation.touches_tokens = true;
    return renew_self(std::string(mutation.token_hash), *renew, mutation.now, mutation.rows);
  }
  if (std::holds_alternative<model::RevokeSelf>(operation)) {
    mutation.touches_tokens = true;
    return revoke_self(std::string(mutation.token_hash), mutation.now, mutation.rows);
  }
  if (auto* apply = std::get_if<model::ApplyPolicy>(&operation)) {
    mutation.touches_policy = true;
    return apply_policy(caller, *apply, mutation.now, mutation.rows);
  }
  if (auto* set = std::get_if<model::SetQuota>(&operation)) return set_quota(caller, *set, mutation);
  if (auto* tending = std::get_if<model::TendTenant>(&operation)) return tend(caller, *tending, mutation);
  if (auto* change = std::get_if<model::ChangeDocument>(&operation)) return change_document(caller, *change, mutation);
  if (auto* set = std::get_if<model::SetAudit>(&operation)) return set_audit(caller, *set, mutation);
  return change_trust(caller, operation, mutation);
}

model::Result<TenantCore::Changed> TenantCore::change_entry(
    const Caller& caller, model::Capability capability, const std::string& space, const std::string& name,
    model::Payload* payload, const std::function<model::Result<model::Decision>(const model::Entry*)>& rule,
    Mutation& mutation) {
  const std::string& hash = mutation.entry_hash = entry_hash(space, name);
  mutation.audit.set_space_hash(space_hash(space));
  mutation.audit.set_entry_hash(hash);
  const auto verdict = judge(caller, capability, space, name);
  if (verdict == model::Verdict::denied) return refusal(*caller.principal, capability, space, name);
  auto current = latest_entry(hash);
  if (!current) return current.error();
  if (verdict == model::Verdict::lacking &&
      judge(caller, capability, space, name, current->get()) != model::Verdict::allowed && !caller.founds) {
    const bool there = *current && (*current)->readable_at(mutation.now);
    if (!there && shares_names(caller, space)) return Error(Code::entry_not_found);
    return refusal(*caller.principal, capability, space, name);
  }
  if (verdict == model::Verdict::allowed) mutation.by_entry = false;
  auto decision = rule(current->get());
  if (!decision) return decision.error();
  // Documents that others refer to stay readable, whichever door asks.
  if (*current && model::document_schema(space) != nullptr && (*current)->readable_at(mutation.now) &&
      !decision->entry.readable_at(mutation.now)) {
    const auto by = model::referenced_by(
        **current, [&](const std::string& id) { return latest_entry(entry_hash(model::kSecretSpace, id)); });
    if (!by) return by.error();
    // The category of what is not in the state for it: FAILED_PRECONDITION.
    if (!by->empty()) return Error(Code::not_active, "the secret is used by " + *by + "; delete that one first");
  }
  const std::uint64_t version = decision->version, count = decision->count;
  return Changed{store_decision(hash, *current, std::move(*decision), payload, mutation), version, count};
}

/// Transact's check; it tells whether the secret exists, so it needs read.
model::Status TenantCore::check_entry(const Caller& caller, const model::Check& check,
                                      const model::RuleContext& context, Mutation& mutation) {
  constexpr auto kRead = model::Capability::read;
  const auto verdict = judge(caller, kRead, check.space, check.name);
  if (verdict == model::Verdict::denied) return refusal(*caller.principal, kRead, check.space, check.name);
  if (verdict == model::Verdict::allowed) mutation.by_entry = false;
  mutation.entry_hash = entry_hash(check.space, check.name);
  const auto entry = latest_entry(mutation.entry_hash);
  if (!entry) return entry.error();
  if (verdict == model::Verdict::lacking &&
      judge(caller, kRead, check.space, check.name, entry->get()) != model::Verdict::allowed) {
    return refusal(*caller.principal, kRead, check.space, check.name);
  }
  return model::decide_check(entry->get(), check, context);
}

model::Result<model::ReplyBody> TenantCore::transact(const Caller& caller, model::Transact& several,
                                                     Mutation& mutation) {
  const model::RuleContext context{mutation.now, mutation.principal, deps_.limits};
  model::TransactReply reply;
  std::size_t number = 0;
  for (auto& operation : several.operations) {
    model::Result<Changed> changed{Code::internal};
    const auto [space, name] = std::visit([](const auto& one) { return std::pair(&one.space, &one.name); }, operation);
    if (auto* put = std::get_if<model::Put>(&operation)) {
      changed = change_entry(
          caller, model::Capability::write, put->space, put->name, &put->payload,
          [&](const model::Entry* e) { return model::decide_put(e, *put, context); }, mutation);
    } else if (auto* del = std::get_if<model::Delete>(&operation)) {
      changed = change_entry(
          caller, model::Capability::del, del->space, del->name, nullptr,
          [&](const model::Entry* e) { return model::decide_delete(e, *del, context); }, mutation);
    } else if (auto* destroy = std::get_if<model::Destroy>(&operation)) {
      changed = change_entry(
          caller, model::Capability::del, destroy->space, destroy->name, nullptr,
          [&](const model::Entry* e) { return model::decide_destroy(e, *destroy, context); }, mutation);
    } else if (auto* check = std::get_if<model::Check>(&operation)) {
      const model::Status status = check_entry(caller, *check, context, mutation);
      if (status) {
        changed = Changed{nullptr, check->version, 0};
      } else {
        changed = status.error();
      }
    }
    if (!changed) {
      return Error(changed.error().code,
                   model::indexed("operations", number) + ": " + std::string(changed.error().message()));
    }
    reply.versions.push_back(changed->version);
    audit_operation(kTransactActions[operation.index()], *space, *name, changed->version, mutation);
    ++number;
  }
  return model::ReplyBody(std::move(reply));
}

model::Result<model::ReplyBody> TenantCore::create_token(const Caller& caller, const model::CreateToken& create,
                                                         Mutation& mutation) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  if (create.expires_at != 0 && create.expires_at <= mutation.now) {
    return Error(Code::invalid_argument, "expires_at: lies in the past; give a time to come, or none");
  }
  if (create.renewable && mutation.now + create.max_ttl < create.expires_at) {
    return Error(Code::invalid_argument,
                 "max_ttl: it ends before expires_at, which is what a renewal would reach first");
  }
  crypto::MintedToken minted = crypto::mint_token(deps_.ring, identity_.tenant, deps_.random);
  model::TokenReply reply;
  reply.token = {
      minted.public_id, create.description, mutation.principal, create.scopes, mutation.now, create.expires_at, 0};
  reply.token.addresses = create.addresses;
  if (create.renewable) {
    reply.token.renewable = true;
    reply.token.ttl = create.expires_at - mutation.now;
    reply.token.max_expires_at = mutation.now + create.max_ttl;
  }
  reply.secret = std::move(minted.text);
  std::string key = storage::token_row(minted.id_hash);
  std::string sealed = sealer_.seal(encode_token(reply.token), crypto::row_identity(identity_.tenant.view(), key));
  mutation.rows.push_back({std::move(key), std::move(sealed)});
  mutation.touches_tokens = true;
  return model::ReplyBody(std::move(reply));
}

model::Result<model::ReplyBody> TenantCore::revoke_token(const Caller& caller, const model::RevokeToken& revoke,
                                                         Mutation& mutation) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  auto tokens = list_tokens(caller);
  if (!tokens) return tokens.error();
  const std::string_view prefix = storage::kTokenRows;
  for (model::TokenInfo& token : std::get<model::TokensReply>(*tokens).tokens) {
    if (token.id != revoke.id) continue;
    if (token.revoked_at != 0) return model::ReplyBody(model::TokenReply{std::move(token), {}});
    token.revoked_at = mutation.now;
    // The public id is the beginning of the hash that the row's key holds.
    std::string key;
    auto scan = rows_.scan(prefix, storage::prefix_end(prefix));
    for (; scan->valid() && key.empty(); scan->next()) {
      const std::string_view row = rows_.row_of(scan->key());
      if (crypto::hex(row.substr(prefix.size(), token.id.size() / 2)) == token.id) key = row;
    }
    if (auto status = scan->status(); !status) return status.error();
    overlay_.each_committed(prefix, [&](std::string_view row, const std::optional<std::string>&) {
      if (crypto::hex(row.substr(prefix.size(), token.id.size() / 2)) == token.id) key = row;
    });
    std::string sealed = sealer_.seal(encode_token(token), crypto::row_identity(identity_.tenant.view(), key));
    mutation.rows.push_back({std::move(key), std::move(sealed)});
    mutation.touches_tokens = true;
    return model::ReplyBody(model::TokenReply{std::move(token), {}});
  }
  return Error(Code::token_not_found);
}

/// The rows that every write set carries: change, request id, header, and the keys when they are not stored yet.
model::Status TenantCore::finish_rows(Mutation& mutation) {
  store::v1::TenantHeader& header = mutation.header;
  header.set_revision(header.revision() + 1);
  header.set_leader_time_ms(mutation.now);
  const std::string_view tenant = identity_.tenant.view();
  if (!mutation.changes.empty()) {
    std::string key = storage::change_row(header.revision());
    std::string sealed = sealer_.seal(encode_changes(header.revision(), mutation.now, mutation.changes),
                                      crypto::row_identity(tenant, key));
    mutation.rows.push_back({std::move(key), std::move(sealed)});
  }
  // Two a time, so that a lowered bound is reached, too; a revision without a change row costs nothing to delete.
  for (int i = 0; i < 2 && header.revision() - header.oldest_change() >= deps_.kept_changes; ++i) {
    mutation.rows.push_back({storage::change_row(header.oldest_change()), std::nullopt});
    header.set_oldest_change(header.oldest_change() + 1);
  }
  for (int i = 0; i < 2 && header.next_request() - header.oldest_request() >= deps_.kept_requests; ++i) {
    if (oldest_request_.sequence == header.oldest_request() &&
        oldest_request_.time + deps_.kept_requests_ms > mutation.now) {
      break;
    }
    const std::string key = storage::request_order_row(header.oldest_request());
    auto order = row(key, true);
    if (!order) return order.error();
    if (order->has_value() && (*order)->size() == kHashBytes + 8) {
      const auto time = static_cast<model::TimeMs>(storage::read_be64(std::string_view(**order).substr(kHashBytes)));
      oldest_request_ = {header.oldest_request(), time};
      if (time + deps_.kept_requests_ms > mutation.now) break;
      mutation.rows.push_back({storage::request_row(std::string_view(**order).substr(0, kHashBytes)), std::nullopt});
    }
    mutation.rows.push_back({key, std::nullopt});
    header.set_oldest_request(header.oldest_request() + 1);
  }
  if (auto status = rotate_when_due(mutation); !status) return status;
  if (!unwritten_keys_.empty()) {
    mutation.keys.reset();  // the next pass drops the older ones
    mutation.rows.push_back({storage::kKeysRow, unwritten_keys_});
  } else if (mutation.keys) {
    mutation.rows.push_back({storage::kKeysRow, mutation.keys->SerializeAsString()});
  }
  return {};
}

void TenantCore::submit(CallHandle call, Mutation mutation, model::ReplyBody body, std::vector<Submission>& out) {
  const std::uint64_t sequence = next_sequence_++;
  store::v1::TenantHeader& header = mutation.header;
  const std::string_view tenant = identity_.tenant.view();
  if (!mutation.request_key.empty()) {
    store::v1::RequestRecord record;
    record.set_format(kRecordFormat);
    record.set_request_hash(mutation.request_hash);
    record.set_revision(header.revision());
    record.set_time_ms(mutation.now);
    record.set_sequence(header.next_request());
    record.set_by_entry(mutation.by_entry);
    record.set_reply(std::string(model::encode_reply(body).expose()));
    std::string key = storage::request_row(mutation.request_key);
    std::string sealed = sealer_.seal(record.SerializeAsString(), crypto::row_identity(tenant, key));
    mutation.rows.push_back({std::move(key), std::move(sealed)});
    std::string order = mutation.request_key;
    storage::append_be64(order, static_cast<std::uint64_t>(mutation.now));
    mutation.rows.push_back({storage::request_order_row(header.next_request()), std::move(order)});
    header.set_next_request(header.next_request() + 1);
  }
  header.set_seals(loaded_seals_ + sealer_.seals());
  mutation.rows.push_back({storage::kHeaderRow, header.SerializeAsString()});

  mutation.audit.set_format(kRecordFormat);
  mutation.audit.set_time_ms(mutation.now);
  mutation.audit.set_principal(mutation.principal);
  mutation.audit.set_outcome("ok");
  const WriteSetHead head{identity_.tenant, header.epoch(), header.revision(), mutation.now};
  auto write_set = encode_write_set(head, mutation.rows, mutation.audit.SerializeAsString());

  if (trace_) {
    for (const storage::RowChange& change : mutation.rows) trace_->note(sequence, change.row);
  }
  overlay_.stage(sequence, std::move(mutation.rows));
  for (std::size_t i = 0; i < mutation.entries.size(); ++i) {
    EntryCache::Slot& slot = cache_.slot(mutation.entry_hashes[i]);
    slot.pending.push_back({sequence, mutation.entries[i]});
    cache_.charge(slot);
  }
  header_ = std::move(header);
  if (quota_place_) quota_place_->hold(header_.entries(), header_.bytes());
  newest_time_ = mutation.now;
  unwritten_keys_.clear();
  if (mutation.keys) keys_record_ = std::move(*mutation.keys);
  Pending pending;
  pending.sequence = sequence;
  pending.call = std::move(call);
  pending.reply = {{header_.epoch(), header_.revision()}, std::move(body)};
  pending.request_key = std::move(mutation.request_key);
  pending.request_hash = std::move(mutation.request_hash);
  pending.entry_hashes = std::move(mutation.entry_hashes);
  pending.entries = std::move(mutation.entries);
  pending.touches_tokens = mutation.touches_tokens;
  pending.touches_trust = mutation.touches_trust;
  pending.touches_policy = mutation.touches_policy;
  pending.quota = std::move(mutation.quota);
  pending.by_entry = mutation.by_entry;
  pending.at = mutation.now;
  pending.audit = std::move(mutation.audit_settings);
  pending.call.audit().in_write_set = true;
  pending_.push_back(std::move(pending));
  out.push_back({sequence, std::move(write_set)});
}

}  // namespace coffer::actors

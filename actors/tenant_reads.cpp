// Reads of a tenant: always of committed rows. See tenant_core.hpp.

#include <algorithm>

#include "actors/tenant_core.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

// Values up to this size are opened by whichever thread asks; larger ones would hold up what else it has to do.
constexpr std::size_t kLargestInMemory = 64 << 10;

/// Whose secrets a render resolves: the caller's, as a bare name; a service says for whom it acts.
std::string actor_of(std::string_view principal, const std::string& acting_for) {
  if (principal.starts_with("service:")) return acting_for;
  return std::string(principal.starts_with("user:") ? principal.substr(5) : principal);
}

model::Status check_item(const model::Get& item, const model::Limits& limits) {
  if (auto status = model::check_space(item.space); !status) return status;
  return model::check_name(item.name, limits);
}

/// Items that stand for tokens which all name somebody else as the owner.
std::vector<bool> foreign_items(const model::BatchGet& batch, std::string_view actor) {
  std::vector<bool> noted(batch.items.size()), own(batch.items.size());
  for (const model::RenderNote& note : batch.notes) {
    if (note.item == 0 || note.item > batch.items.size()) continue;
    noted[note.item - 1] = true;
    if (note.owner.empty() || note.owner == actor) own[note.item - 1] = true;
  }
  for (std::size_t i = 0; i < noted.size(); ++i) noted[i] = noted[i] && !own[i];
  return noted;
}

/// Versions that expired are deleted, whether or not a sweep has come by.
void show_expired(model::TimeMs now, model::TimeMs expires_at, std::vector<model::Version>& versions) {
  if (expires_at == 0 || now < expires_at) return;
  for (model::Version& version : versions) {
    if (version.state != model::State::active) continue;
    version.state = model::State::deleted;
    version.deleted_at = expires_at;
  }
}

}  // namespace

void fill_reply(const model::Entry& entry, std::uint64_t version, model::EntryReply& reply) {
  reply.version = version;
  model::Entry& out = reply.entry;
  out.space = entry.space;
  out.name = entry.name;
  out.description = entry.description;
  out.owner = entry.owner;
  out.tags = entry.tags;
  out.attributes = entry.attributes;
  out.created_at = entry.created_at;
  out.updated_at = entry.updated_at;
  out.created_by = entry.created_by;
  out.expires_at = entry.expires_at;
  out.max_versions = entry.max_versions;
  out.last_version = entry.last_version;
  out.write_only = entry.write_only;
  out.read_only = entry.read_only;
  out.permissions = entry.permissions;
  if (const model::Version* found = entry.find(version)) out.versions.push_back(*found);
}

model::EntryReply reply_of(const model::Entry& entry, std::uint64_t version) {
  model::EntryReply reply;
  fill_reply(entry, version, reply);
  return reply;
}

void TenantCore::read(CallHandle call, const Caller& caller) {
  const auto& operation = std::get<model::TenantOperation>(call.request().operation);
  if (std::holds_alternative<model::List>(operation)) return start_list(std::move(call), caller);
  if (std::holds_alternative<model::Watch>(operation)) return start_watch(std::move(call), caller);
  if (std::holds_alternative<model::Query>(operation)) return start_query(std::move(call), caller);
  model::Result<model::ReplyBody> body{Code::internal};
  if (const auto* one = std::get_if<model::Get>(&operation)) {
    const std::string hash = entry_hash(one->space, one->name);
    note_entry(call.audit(), hash);
    body = get(caller, *one);
    if (call.request().info.door == model::Door::tapis) {
      if (const auto entry = committed_entry(hash)) note_secret(call.audit(), call.request(), *entry);
    }
  } else if (const auto* past = std::get_if<model::History>(&operation)) {
    note_entry(call.audit(), entry_hash(past->space, past->name));
    body = history(caller, *past);
  } else if (const auto* document = std::get_if<model::ReadDocument>(&operation)) {
    body = read_document(caller, *document);
  } else if (const auto* batch = std::get_if<model::BatchGet>(&operation)) {
    body = batch_get(caller, *batch, call.audit());
  } else if (std::holds_alternative<model::ListTokens>(operation)) {
    body = list_tokens(caller);
  } else if (std::holds_alternative<model::LookupSelf>(operation)) {
    body = lookup_self(call.request().credential);
  } else if (std::holds_alternative<model::GetQuota>(operation)) {
    body = get_quota(caller);
  } else if (std::holds_alternative<model::TendTenant>(operation)) {
    body = keys_status(caller);
  } else if (const auto* settings = std::get_if<model::GetAudit>(&operation)) {
    body = get_audit(caller, *settings);
  } else if (std::holds_alternative<model::GetPolicy>(operation)) {
    body = get_policy(caller);
  } else if (const auto* apply = std::get_if<model::ApplyPolicy>(&operation)) {
    body = preview_policy(caller, *apply);
  } else {
    body = list_trust(caller, operation);
  }
  if (!body) return call.finish(body.error());
  call.finish(model::Reply{{header_.epoch(), committed_revision_}, std::move(*body)});
}

model::Result<model::ReplyBody> TenantCore::get(const Caller& caller, const model::Get& get) {
  model::EntryReply reply;
  if (auto status = get_entry(caller, get, entry_hash(get.space, get.name), reply); !status) return status.error();
  return model::ReplyBody(std::move(reply));
}

/// True when get_entry() would read nothing but the cache.
bool TenantCore::holds(const model::Get& get, const std::string& hash) const {
  const EntryCache::Slot* slot = cache_.find(hash);
  if (slot == nullptr || !slot->known) return false;
  if (!slot->committed || !get.with_payload) return true;
  const auto version = model::readable_version(slot->committed.get(), get, now());
  if (!version) return true;
  return slot->payload_version == *version && !slot->sealed_payload.empty() &&
         slot->sealed_payload.size() <= kLargestInMemory;
}

/// True when authenticate() would read nothing but what is in memory; the policy is, with whatever was made of it.
bool TenantCore::knows(const model::Credential& credential) const {
  switch (credential.kind) {
    case model::CredentialKind::token: return tokens_.contains(credential.token_hash);
    case model::CredentialKind::open_door: return open_doors_.contains(credential.door);
    case model::CredentialKind::jwt:
    case model::CredentialKind::certificate: return policy_ != nullptr && trust_in_memory(credential);
    case model::CredentialKind::dev_root:
    case model::CredentialKind::operator_:
    case model::CredentialKind::presented:
    case model::CredentialKind::node:
    case model::CredentialKind::none: return true;
  }
  return false;
}

bool TenantCore::get_from_memory(const model::Request& request, model::Result<model::Reply>& reply, AuditNote* audit) {
  const auto* operation = std::get_if<model::TenantOperation>(&request.operation);
  const auto* get = operation == nullptr ? nullptr : std::get_if<model::Get>(operation);
  if (get == nullptr || moving_ || !knows(request.credential)) return false;
  auto caller = admit(request);
  if (!caller) {
    // What the tenant trusts has changed: said by a turn of the actor, whose answers are not asked for again.
    if (caller.error().code == model::Code::unavailable) return false;
    if (audit != nullptr) note(*audit, nullptr);
    reply = caller.error();
    return true;
  }
  const std::string hash = entry_hash(get->space, get->name);
  if (!holds(*get, hash)) return false;
  if (audit != nullptr) {
    note(*audit, caller->principal);
    note_entry(*audit, hash);
  }
  if (auto status = count_request(request, caller->at); !status) {
    reply = status.error();
    return true;
  }
  reply = model::Reply{{header_.epoch(), committed_revision_}, model::EntryReply{}};
  if (auto status = get_entry(*caller, *get, hash, std::get<model::EntryReply>(reply->body)); !status) {
    reply = status.error();
  }
  if (audit != nullptr && request.info.door == model::Door::tapis) {
    if (const auto entry = committed_entry(hash)) note_secret(*audit, request, *entry);
  }
  return true;
}

/// Fills an empty reply in place: an entry is large to move.
model::Status TenantCore::get_entry(const Caller& caller, const model::Get& get, const std::string& hash,
                                    model::EntryReply& reply) {
  const auto capability = get.inject         ? model::Capability::inject
                          : get.with_payload ? model::Capability::read_value
                                             : model::Capability::read;
  const auto verdict = judge(caller, capability, get.space, get.name);
  const auto permits = [&](const model::Entry* entry) {
    return verdict == model::Verdict::allowed ||
           judge(caller, capability, get.space, get.name, entry) == model::Verdict::allowed;
  };
  if (verdict == model::Verdict::denied) return refusal(*caller.principal, capability, get.space, get.name);
  auto entry = committed_entry(hash);
  if (!entry) return entry.error();
  if (!permits(entry->get())) {
    const bool there = *entry && (*entry)->readable_at(now());
    if (!there && shares_names(caller, get.space)) return Error(Code::entry_not_found);
    return refusal(*caller.principal, capability, get.space, get.name);
  }
  auto version = model::readable_version(entry->get(), get, now());
  if (!version) return version.error();
  if (!get.with_payload) {
    fill_reply(**entry, *version, reply);
    show_expired(now(), (*entry)->expires_at, reply.entry.versions);
    return {};
  }

  auto opened = payload(hash, *version);
  if (!opened && opened.error().code == Code::version_not_found) {
    // The state already holds a later write set that this shard has not heard of; what it says is committed.
    auto sealed = rows_.get(storage::entry_row(hash));
    if (!sealed) return sealed.error();
    if (!sealed->has_value()) return opened.error();
    entry = open_entry(hash, **sealed);
    if (!entry) return entry.error();
    if (!permits(entry->get())) return refusal(*caller.principal, capability, get.space, get.name);
    version = model::readable_version(entry->get(), get, now());
    if (!version) return version.error();
    opened = payload(hash, *version);
  }
  if (!opened) {
    if (opened.error().code == Code::version_not_found) return Error(Code::data_loss, "a stored payload is missing");
    return opened.error();
  }
  fill_reply(**entry, *version, reply);
  reply.payload = std::move(*opened);
  return {};
}

/// Errors: version_not_found when the row is missing; data_loss.
model::Result<model::Payload> TenantCore::payload(const std::string& hash, std::uint64_t version) {
  const std::string key = storage::payload_row(hash, version);
  EntryCache::Slot& slot = cache_.slot(hash);
  if (slot.payload_version != version || slot.sealed_payload.empty()) {
    auto sealed = row(key, false);
    if (!sealed) return sealed.error();
    if (!sealed->has_value()) return Error(Code::version_not_found);
    slot.payload_version = version;
    slot.sealed_payload = std::move(**sealed);
    cache_.charge(slot);
  }
  auto opened = sealer_.open(slot.sealed_payload, crypto::row_identity(identity_.tenant.view(), key));
  if (!opened) return opened.error();
  return model::decode_payload(std::move(*opened));
}

model::Result<model::ReplyBody> TenantCore::history(const Caller& caller, const model::History& history) {
  constexpr auto kRead = model::Capability::read;
  const auto verdict = judge(caller, kRead, history.space, history.name);
  if (verdict == model::Verdict::denied) return refusal(*caller.principal, kRead, history.space, history.name);
  auto entry = committed_entry(entry_hash(history.space, history.name));
  if (!entry) return entry.error();
  if (verdict == model::Verdict::lacking &&
      judge(caller, kRead, history.space, history.name, entry->get()) != model::Verdict::allowed) {
    return refusal(*caller.principal, kRead, history.space, history.name);
  }
  if (!*entry) return Error(Code::entry_not_found);
  model::HistoryReply reply;
  reply.versions.assign((*entry)->versions.rbegin(), (*entry)->versions.rend());
  show_expired(now(), (*entry)->expires_at, reply.versions);
  return model::ReplyBody(std::move(reply));
}

model::Result<model::ReplyBody> TenantCore::batch_get(const Caller& caller, const model::BatchGet& batch,
                                                      AuditNote& audit) {
  model::BatchGetReply reply;
  reply.results.reserve(batch.items.size());
  std::vector<Code> codes;
  const std::string actor = batch.acting_for ? actor_of(caller.principal->name, *batch.acting_for) : std::string();
  const std::vector<bool> foreign = foreign_items(batch, actor);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < batch.items.size(); ++i) {
    const model::Get& item = batch.items[i];
    // Each item has its own status, so those that fit are answered and the rest say why they are not.
    if (bytes > deps_.max_batch_bytes) {
      reply.results.push_back(Error(Code::too_large, "the answer would exceed " +
                                                         std::to_string(deps_.max_batch_bytes) +
                                                         " bytes; ask for fewer secrets at a time"));
      codes.push_back(Code::too_large);
      continue;
    }
    model::EntryReply one;
    const std::string hash = entry_hash(item.space, item.name);
    model::Status status = foreign[i] ? model::Status(Code::not_owned) : check_item(item, deps_.limits);
    if (status) status = get_entry(caller, item, hash, one);
    if (batch.acting_for && status.ok() && one.entry.owner != caller.principal->name &&
        one.entry.owner != "user:" + actor) {
      status = Code::not_owned;
    }
    codes.push_back(status ? Code::ok : status.error().code);
    if (!batch.acting_for) note_item(audit, hash, codes.back(), model::operation_name(item));
    reply.results.push_back(status.ok() ? model::Result<model::EntryReply>(std::move(one)) : status.error());
    const auto& last = reply.results.back();
    if (last.ok() && last.value().payload) bytes += last.value().payload->size();
  }
  if (batch.acting_for) note_render(audit, batch, actor, codes);
  return model::ReplyBody(std::move(reply));
}

model::Result<model::ReplyBody> TenantCore::list_tokens(const Caller& caller) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  std::map<std::string, std::string> sealed;
  const std::string_view prefix = storage::kTokenRows;
  auto scan = rows_.scan(prefix, storage::prefix_end(prefix));
  for (; scan->valid(); scan->next()) sealed[std::string(rows_.row_of(scan->key()))] = std::string(scan->value());
  if (auto status = scan->status(); !status) return status.error();
  overlay_.each_committed(prefix, [&](std::string_view key, const std::optional<std::string>& value) {
    if (value) {
      sealed[std::string(key)] = *value;
    } else {
      sealed.erase(std::string(key));
    }
  });
  model::TokensReply reply;
  for (const auto& [key, value] : sealed) {
    auto opened = sealer_.open(value, crypto::row_identity(identity_.tenant.view(), key));
    if (!opened) return opened.error();
    auto info = decode_token(opened->expose());
    if (!info) return info.error();
    reply.tokens.push_back(std::move(*info));
  }
  std::sort(reply.tokens.begin(), reply.tokens.end(), [](const model::TokenInfo& a, const model::TokenInfo& b) {
    return std::tie(a.created_at, a.id) < std::tie(b.created_at, b.id);
  });
  return model::ReplyBody(std::move(reply));
}

}  // namespace coffer::actors

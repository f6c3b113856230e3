// Documents of a tenant (model/document.hpp): changes that keep values unique and references whole, reads with what they
// link to, and queries over all of a space. See tenant_core.hpp.

#include <algorithm>

#include "actors/regex.hpp"
#include "actors/tenant_core.hpp"
#include "actors/tenant_mutation.hpp"
#include "actors/tenant_query.hpp"
#include "model/cloudforet.hpp"
#include "model/document_rules.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Capability;
using model::Code;
using model::Error;
using model::Verdict;

namespace {

/// One slice: as many documents as this, divided by what looking at one of them costs (QueryRun::cost).
constexpr std::uint64_t kCostPerSlice = 20'480;

std::uint32_t bit(Capability capability) { return static_cast<std::uint32_t>(capability); }

Capability capability_of(const model::ChangeDocument& change) {
  return change.kind == model::ChangeDocument::Kind::destroy ? Capability::del : Capability::write;
}

/// Who may change an entry may change any: nothing has to be asked about single ones.
bool covers_all(const model::Principal& principal, Capability capability, std::string_view space) {
  if (principal.everything) return true;
  const auto covers = [&](const auto& part) {
    return (part.capabilities & bit(capability)) != 0 && model::any_matches(part.spaces, space) &&
           std::find(part.names.begin(), part.names.end(), "*") != part.names.end();
  };
  return principal.rights.denies.empty() && std::any_of(principal.scopes.begin(), principal.scopes.end(), covers);
}

/// Could a policy or a scope let the principal do this to some document of the space?
bool may_see_some(const model::Principal& principal, Capability capability, std::string_view space) {
  const auto touches = [&](const auto& part) {
    return (part.capabilities & bit(capability)) != 0 && model::any_matches(part.spaces, space);
  };
  if (principal.everything) return true;
  if (!principal.scopes.empty()) return std::any_of(principal.scopes.begin(), principal.scopes.end(), touches);
  return std::any_of(principal.rights.allows.begin(), principal.rights.allows.end(),
                     [&](const auto& bound) { return touches(*bound.grant); });
}

/// A system token stands for no user: of user secrets it reads and removes what it can name, and it has none of its own
/// (contract section 3.5).
bool lacks_user(const model::CloudforetClaims& claims, std::string_view action) {
  const auto [resource, verb] = model::parse_action(action);
  return claims.owner == model::CloudforetClaims::Owner::system && resource == "UserSecret" && verb != "delete" &&
         verb != "get_data";
}

}  // namespace

/// The caller with what his Cloudforet token gives for this action; `where` gains what it may see.
model::Result<TenantCore::Caller> TenantCore::with_door_rights(const Caller& caller, std::string_view action,
                                                               Capability capability,
                                                               std::vector<model::Restriction>& where) const {
  Caller granted = caller;
  if (!caller.cloudforet) return granted;
  auto rights = model::cloudforet_rights(*caller.cloudforet, action);
  if (rights.refused) return Error(Code::permission_denied);
  if (lacks_user(*caller.cloudforet, action)) {
    return Error(Code::invalid_argument, "Required parameter. (key = user_id)");
  }
  if (rights.allowed) granted.granted |= bit(capability);
  std::move(rights.where.begin(), rights.where.end(), std::back_inserter(where));
  return granted;
}

/// What the caller may not look at he cannot refer to either: its value would come with his own, and its owner could not
/// delete it. Errors: entry_not_found, data_loss, disk_error.
model::Status TenantCore::check_reference(const Caller& caller, std::string_view get, const std::string& space,
                                          const std::string& id, const std::string& field, model::TimeMs at) {
  const auto entry = latest_entry(entry_hash(space, id));
  if (!entry) return entry.error();
  std::vector<model::Restriction> where;
  const auto granted = with_door_rights(caller, get, Capability::read, where);
  const bool may_get = granted && judge(*granted, Capability::read, space, id, entry->get()) == Verdict::allowed;
  return may_get && model::fits(entry->get(), where, at) ? model::Status() : Error(Code::entry_not_found, field);
}

model::Result<model::ReplyBody> TenantCore::read_document(const Caller& caller, const model::ReadDocument& read) {
  const auto capability = read.with_payload ? Capability::read_value : Capability::read;
  auto where = read.where;
  const auto granted = with_door_rights(caller, read.action, capability, where);
  if (!granted) return granted.error();
  const auto fetch = [&](std::string_view space, const std::string& name, const std::vector<model::Restriction>& only,
                         model::EntryReply& reply) -> model::Status {
    const std::string hash = entry_hash(space, name);
    // The rights first: whoever may not read is not told what there is.
    if (judge(*granted, capability, space, name) == Verdict::denied) return Error(Code::permission_denied);
    const auto entry = committed_entry(hash);
    if (!entry) return entry.error();
    if (!*entry && judge(*granted, capability, space, name) != Verdict::allowed) return Error(Code::permission_denied);
    if (!model::fits(entry->get(), only, now())) return Error(Code::entry_not_found);
    const model::Get get{.space = std::string(space), .name = name, .version = 0, .with_payload = read.with_payload};
    if (auto status = get_entry(*granted, get, hash, reply); !status) return status;
    return model::fits(&reply.entry, only, now()) ? model::Status() : Error(Code::entry_not_found);
  };
  model::BatchGetReply answer;
  model::EntryReply document;
  if (auto status = fetch(read.space, read.name, where, document); !status) return status.error();
  const auto link = read.linked.empty() ? document.entry.attributes.end() : document.entry.attributes.find(read.linked);
  const std::string linked = link == document.entry.attributes.end() ? std::string() : link->second;
  answer.results.emplace_back(std::move(document));
  if (!linked.empty()) {
    model::EntryReply other;
    if (auto status = fetch(read.linked_space, linked, {}, other); !status) {
      const Code code = status.error().code;
      if (code != Code::entry_not_found) return status.error();
      return Error(code, read.linked + " " + linked);  // not the document that was asked for
    }
    answer.results.emplace_back(std::move(other));
  }
  return model::ReplyBody(std::move(answer));
}

/// Errors: permission_denied, entry_not_found (it is somewhere else now), data_loss, disk_error.
model::Status TenantCore::check_repeat_of(const Caller& caller, const model::ChangeDocument& change, bool by_entry,
                                          model::TimeMs at) {
  auto where = change.where;
  const auto granted = with_door_rights(caller, change.action, capability_of(change), where);
  if (!granted) return granted.error();
  if (auto status = check_repeat_on(*granted, capability_of(change), change.space, change.name, by_entry, at);
      !status) {
    return status;
  }
  const auto entry = latest_entry(entry_hash(change.space, change.name));
  if (!entry) return entry.error();
  // What this request itself has ended or put elsewhere is where it left it.
  const bool as_left = !*entry || (*entry)->updated_at <= at;
  return as_left || model::fits(entry->get(), where, now()) ? model::Status() : Error(Code::entry_not_found);
}

/// A value that another document has claimed is refused; the claim to the one that it had is let go. What gets its first
/// value claims it, and later ones only what holds the claim to the one before: a document whose generation's values may
/// repeat (Cloudforet 2.x) claims nothing, whichever generation changes it.
model::Status TenantCore::claim_value(const model::ChangeDocument& change, const model::Entry* before,
                                      const model::Entry& after, Mutation& mutation) {
  const std::string_view tenant = identity_.tenant.view();
  const auto value_of = [&](const model::Entry* entry) -> const std::string* {
    const auto at = entry->attributes.find(change.unique);
    return at == entry->attributes.end() ? nullptr : &at->second;
  };
  struct Claim {
    std::string key, holder;  // no holder: nobody's
  };
  const auto claim_to = [&](const std::string& value) -> model::Result<Claim> {
    Claim claim{storage::unique_row(hasher_->hash("unique:" + change.unique, change.space, value)), {}};
    const auto sealed = row(claim.key, true);
    if (!sealed) return sealed.error();
    if (!sealed->has_value()) return claim;
    const auto holder = sealer_.open(**sealed, crypto::row_identity(tenant, claim.key));
    if (!holder) return holder.error();
    // Another door destroys and knows of no claims: that of who is gone, or has another value by now, does not count.
    const std::string name(holder->expose());
    const auto entry = latest_entry(entry_hash(change.space, name));
    if (!entry) return entry.error();
    const bool there = *entry && (*entry)->state() != model::State::destroyed;
    const std::string* held = there ? value_of(entry->get()) : nullptr;
    if (held && *held == value) claim.holder = name;
    return claim;
  };
  const std::string* had = before && before->readable_at(mutation.now) ? value_of(before) : nullptr;
  const std::string* has = value_of(&after);
  if (had && has && *had == *has) return {};
  Claim old;
  if (had) {
    auto claim = claim_to(*had);
    if (!claim) return claim.error();
    old = std::move(*claim);
  }
  const bool holds = old.holder == change.name;
  if (has && (!had || holds)) {
    auto claim = claim_to(*has);
    if (!claim) return claim.error();
    if (!claim->holder.empty()) return Error(Code::entry_exists, change.unique);
    std::string sealed = sealer_.seal(change.name, crypto::row_identity(tenant, claim->key));
    mutation.rows.push_back({std::move(claim->key), std::move(sealed)});
  }
  if (holds) mutation.rows.push_back({std::move(old.key), std::nullopt});
  return {};
}

/// The document that `id` names in the reference's space hears that this one refers to it, or does not any more.
model::Status TenantCore::count_reference(const model::ChangeDocument& change, const std::string& id, bool refers,
                                          const model::RuleContext& context, Mutation& mutation,
                                          model::EntryReply* referenced) {
  const std::string hash = entry_hash(change.reference_space, id);
  const auto entry = latest_entry(hash);
  if (!entry) return entry.error();
  const bool there = model::fits(entry->get(), {}, mutation.now);
  if (!there) return refers ? model::Status(Error(Code::entry_not_found, change.reference)) : model::Status();
  store_decision(hash, *entry, model::decide_reference(**entry, change.name, refers, context), nullptr, mutation);
  if (referenced) referenced->entry = **entry;
  return {};
}

model::Result<model::ReplyBody> TenantCore::change_document(const Caller& caller, const model::ChangeDocument& asked,
                                                            Mutation& mutation) {
  using Kind = model::ChangeDocument::Kind;
  // A copy: the request may be repeated after a failover, and must be the same then.
  model::ChangeDocument change = asked;
  const model::RuleContext context{mutation.now, mutation.principal, deps_.limits};
  const auto capability = capability_of(change);
  const auto granted = with_door_rights(caller, change.action, capability, change.where);
  if (!granted) return granted.error();
  const auto verdict = judge(*granted, capability, change.space, change.name);
  if (verdict == Verdict::denied) return Error(Code::permission_denied);
  const std::string& hash = mutation.entry_hash = entry_hash(change.space, change.name);
  const auto current = latest_entry(hash);
  if (!current) return current.error();
  if (verdict == Verdict::lacking &&
      judge(*granted, capability, change.space, change.name, current->get()) != Verdict::allowed) {
    return Error(Code::permission_denied);
  }
  if (verdict == Verdict::allowed) mutation.by_entry = false;
  const auto* claims = caller.cloudforet.get();
  if (change.kind == Kind::create) {
    if (auto status = model::complete_new_document(claims, change); !status) return status.error();
  } else if (auto status = model::check_document_update(claims, change); !status) {
    return status.error();
  }
  mutation.audit.set_space_hash(space_hash(change.space));  // before a reference could be taken for it
  mutation.audit.set_entry_hash(hash);
  if (!change.reference.empty() && change.kind == Kind::create) {
    if (const auto& id = change.attributes[change.reference]; id) {
      if (auto status =
              check_reference(caller, "TrustedSecret.get", change.reference_space, *id, change.reference, mutation.now);
          !status) {
        return status.error();
      }
      model::EntryReply referenced;
      if (auto status = count_reference(change, *id, true, context, mutation, &referenced); !status)
        return status.error();
      const auto provider = referenced.entry.attributes.find("provider");
      if (provider != referenced.entry.attributes.end()) change.attributes["provider"] = provider->second;
    }
  }
  if (change.list && change.list->adds) {
    if (auto status = check_reference(caller, "Secret.get", change.reference_space, change.list->item,
                                      change.list->attribute, mutation.now);
        !status) {
      return status.error();
    }
  }
  auto decision = model::decide_document(current->get(), change, context);
  if (!decision) return decision.error();
  if (change.kind == Kind::destroy) {
    const auto by = model::referenced_by(
        **current, [&](const std::string& id) { return latest_entry(entry_hash(model::kSecretSpace, id)); });
    if (!by) return by.error();
    if (!by->empty()) return Error(Code::entry_exists, "related: " + *by);
  }
  if (!change.unique.empty()) {
    if (auto status = claim_value(change, current->get(), decision->entry, mutation); !status) return status.error();
  }
  if (!change.reference.empty() && change.kind == Kind::destroy) {
    const auto id = (*current)->attributes.find(change.reference);
    if (id != (*current)->attributes.end()) {
      if (auto status = count_reference(change, id->second, false, context, mutation, nullptr); !status) {
        return status.error();
      }
    }
  }
  const std::uint64_t version = decision->version;
  mutation.audit.set_version(version);
  const EntryPtr next =
      store_decision(hash, *current, std::move(*decision), change.payload ? &*change.payload : nullptr, mutation);
  return model::ReplyBody(reply_of(*next, version));
}

// ---- queries

void TenantCore::start_query(CallHandle call, const Caller& caller) {
  if (jobs_.size() >= deps_.max_waiting_lists) return call.finish(Error(Code::overloaded));
  ListJob job;
  job.caller = caller;
  job.revision = committed_revision_;
  job.access = access_changes_;
  job.call = std::move(call);
  if (auto status = begin_query(job); !status) return job.call.finish(status.error());
  jobs_.push_back(std::move(job));
  if (jobs_.size() == 1 && index_ready_) work();
}

/// From the beginning, with what its caller may see now. Errors: permission_denied, and those of QueryRun::make.
model::Status TenantCore::begin_query(ListJob& job) {
  const auto& asked = std::get<model::Query>(std::get<model::TenantOperation>(job.call.request().operation));
  auto where = asked.where;
  auto granted = with_door_rights(job.caller, asked.action, Capability::list, where);
  if (!granted) return granted.error();
  if ((granted->granted & bit(Capability::list)) == 0 &&
      !may_see_some(*job.caller.principal, Capability::list, asked.space)) {
    return Error(Code::permission_denied);
  }
  auto run = QueryRun::make(asked, std::move(where), *model::document_schema(asked.space), regex_compiler(), now());
  if (!run) return run.error();
  job.query = std::move(*run);
  job.caller = std::move(*granted);
  return {};
}

void TenantCore::run_query_slice(ListJob& job) {
  QueryRun& run = *job.query;
  const model::Principal& principal = *job.caller.principal;
  const std::string& space = run.query().space;
  const bool granted = (job.caller.granted & bit(Capability::list)) != 0;
  const bool asks_nobody = covers_all(principal, Capability::list, space) ||
                           (granted && principal.scopes.empty() && principal.rights.denies.empty());
  const model::TimeMs time = now();
  const auto& documents = collections_[space].documents;
  std::uint64_t spent = 0;
  for (; !run.is_finishing() && run.next < documents.size(); ++run.next) {
    if (spent >= kCostPerSlice) return;
    const auto& document = documents[run.next];
    spent += run.cost(*document);
    if (!run.wants(*document, time)) continue;
    const model::Entry& entry = *document->entry;
    if (!asks_nobody && judge(job.caller, Capability::list, space, entry.name, &entry) != Verdict::allowed) {
      continue;
    }
    if (auto status = run.take(document); !status) return job.call.finish(status.error());
  }
  const auto finished = run.finish();
  if (!finished) return job.call.finish(finished.error());
  if (!*finished) return;
  job.call.finish(model::Reply{{header_.epoch(), job.revision}, model::ReplyBody(run.reply())});
}

/// Keeps the space's documents beside the index: each stands at the same place as long as the index lives.
void TenantCore::collect(const EntryPtr& entry) {
  const model::Schema* schema = model::document_schema(entry->space);
  if (schema == nullptr) return;
  Collection& collection = collections_[entry->space];
  auto document = model::make_document(entry, *schema);
  const auto bytes = static_cast<std::int64_t>(model::document_bytes(*document));
  const auto [at, added] = collection.places.try_emplace(entry->name, collection.documents.size());
  if (added) {
    collection.documents.push_back(std::move(document));
    index_charged_ += bytes;
    deps_.cache.used += bytes;
  } else {
    collection.documents[at->second] = std::move(document);
  }
}

}  // namespace coffer::actors

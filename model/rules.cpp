// The rules of one entry: each decision copies the entry, changes the copy and says which payloads go. The shard runs
// them; any thread. Two rules stand behind the rest: version numbers are never used twice, and nothing that expired
// becomes readable again by itself.

#include "model/rules.hpp"

#include <algorithm>

#include "model/checks.hpp"
#include "model/text.hpp"

namespace coffer::model {
namespace {

template <class Operation>
std::string secret_of(const Operation& operation) {
  return "secret " + in_quotes(operation.name) + " in space " + in_quotes(operation.space);
}

template <class Operation>
Error missing(const Operation& operation) {
  return {Code::entry_not_found, "there is no " + secret_of(operation)};
}

bool expired(const Entry& entry, TimeMs now) { return entry.expires_at != 0 && now >= entry.expires_at; }

std::string why_unreadable(const Entry* entry, TimeMs now) {
  if (entry == nullptr) return "does not exist";
  if (expired(*entry, now)) return "expired at " + rfc3339(entry->expires_at);
  return "is " + std::string(to_string(entry->state()));
}

template <class Operation>
Error unreadable(const Operation& operation, const Entry& entry, TimeMs now) {
  return {Code::entry_not_found, secret_of(operation) + " " + why_unreadable(&entry, now)};
}

template <class Operation>
Error no_version(const Operation& operation, const Entry& entry, std::uint64_t number) {
  const std::string kept = entry.versions.empty() ? "none is kept"
                                                  : "kept are " + std::to_string(entry.versions.front().number) +
                                                        " to " + std::to_string(entry.versions.back().number);
  return {Code::version_not_found, secret_of(operation) + " has no version " + std::to_string(number) + "; " + kept};
}

template <class Operation>
Error unchangeable(const Operation& operation) {
  return {Code::read_only, "the value of " + secret_of(operation) + " may not be changed"};
}

std::uint64_t current_version(const Entry* entry, TimeMs now) {
  return entry && entry->readable_at(now) ? entry->last_version : 0;
}

Status check_cas(std::uint64_t expected, const Entry* entry, TimeMs now) {
  const std::uint64_t actual = current_version(entry, now);
  if (expected == actual) return {};
  std::string detail =
      "expected version " + std::to_string(expected) + ", current version is " + std::to_string(actual);
  if (actual == 0) detail += ": the secret " + why_unreadable(entry, now);
  return Error(Code::cas_mismatch, std::move(detail));
}

Status check_expiry(TimeMs expires_at, TimeMs now) {
  if (expires_at == 0 || expires_at > now) return {};
  return Error(Code::invalid_argument,
               "expires_at: " + rfc3339(expires_at) + " is not in the future; it is " + rfc3339(now));
}

// Times of an entry never go back, even if a caller's clock does.
TimeMs time_of(const Entry* entry, const RuleContext& context) {
  return entry ? std::max(context.now, entry->updated_at) : context.now;
}

/// An absent attribute counts as "".
bool has_attribute(const Entry& entry, const std::pair<std::string, std::string>& wanted) {
  const auto at = entry.attributes.find(wanted.first);
  return (at == entry.attributes.end() ? std::string_view() : at->second) == wanted.second;
}

bool window_ended(const Version& version, TimeMs now, const Limits& limits) {
  return now >= version.deleted_at + limits.recovery_window_ms;
}

bool destroy_version(Version& version, TimeMs now, Decision* decision) {
  if (version.state == State::destroyed) return false;
  if (version.state == State::active) version.deleted_at = now;
  version.state = State::destroyed;
  version.payload_bytes = 0;
  decision->dropped_payloads.push_back(version.number);
  return true;
}

// Versions that expired count as deleted since then, whether or not a sweep has come by: only an undelete, within its
// window, makes them readable again.
bool delete_expired(TimeMs now, Entry& entry) {
  if (!expired(entry, now)) return false;
  bool changed = false;
  for (Version& version : entry.versions) {
    if (version.state != State::active) continue;
    version.state = State::deleted;
    version.deleted_at = entry.expires_at;
    changed = true;
  }
  return changed;
}

// Whoever changes an entry clears away what can no longer be restored.
bool destroy_outdated(TimeMs now, const Limits& limits, Decision* decision) {
  bool changed = false;
  for (Version& version : decision->entry.versions) {
    if (version.state == State::deleted && window_ended(version, now, limits)) {
      changed |= destroy_version(version, now, decision);
    }
  }
  return changed;
}

void trim_versions(Decision* decision) {
  auto& versions = decision->entry.versions;
  const std::size_t kept = std::max<std::size_t>(decision->entry.max_versions, 1);
  if (versions.size() <= kept) return;
  const auto first_kept = versions.end() - static_cast<std::ptrdiff_t>(kept);
  for (auto version = versions.begin(); version != first_kept; ++version) {
    if (version->state != State::destroyed) decision->dropped_payloads.push_back(version->number);
  }
  versions.erase(versions.begin(), first_kept);
}

bool is_destroyed(const Entry& entry) {
  return std::all_of(entry.versions.begin(), entry.versions.end(),
                     [](const Version& version) { return version.state == State::destroyed; });
}

// What stays of it counts for no quota. Its owner does: a request that ended it may come again.
void forget_description(Entry& entry) {
  entry.description.clear();
  entry.tags.clear();
  entry.attributes.clear();
  entry.permissions.clear();
}

// What a decision ends with: the stamp, and the rows that go in one order.
Decision finished(Decision decision, TimeMs now) {
  if (decision.writes) {
    decision.entry.updated_at = now;
    if (is_destroyed(decision.entry)) forget_description(decision.entry);
  }
  std::sort(decision.dropped_payloads.begin(), decision.dropped_payloads.end());
  return decision;
}

Version* find_version(Entry& entry, std::uint64_t number) { return const_cast<Version*>(entry.find(number)); }

Decision decision_on(const Entry& current, ChangeType change) {
  Decision decision;
  decision.entry.versions.reserve(current.versions.size() + 1);  // a put adds one
  decision.entry = current;
  decision.change = change;
  decision.version = current.last_version;
  return decision;
}

// The versions that an operation names (none named: all), or version_not_found.
template <class Operation>
Result<std::vector<Version*>> named_versions(Entry& entry, const Operation& operation) {
  std::vector<Version*> found;
  if (operation.versions.empty()) {
    for (Version& version : entry.versions) found.push_back(&version);
    return found;
  }
  for (const std::uint64_t number : operation.versions) {
    Version* version = find_version(entry, number);
    if (version == nullptr) return no_version(operation, entry, number);
    found.push_back(version);
  }
  return found;
}

// The version that an operation on several of them answers.
std::uint64_t newest_of(const std::vector<Version*>& versions, std::uint64_t otherwise) {
  std::uint64_t newest = 0;
  for (const Version* version : versions) newest = std::max(newest, version->number);
  return newest == 0 ? otherwise : newest;
}

bool any_active(const Entry& entry) {
  return std::any_of(entry.versions.begin(), entry.versions.end(),
                     [](const Version& version) { return version.state == State::active; });
}

// ---- put

Entry fresh_entry(const Put& put, const RuleContext& context) {
  Entry entry;
  entry.space = put.space;
  entry.name = put.name;
  entry.created_at = context.now;
  entry.created_by = context.principal;
  entry.max_versions = context.limits.default_versions;
  if (put.caller_owns) entry.owner = context.principal;
  return entry;
}

// A put on what cannot be read begins a new life of the entry without the old one's expiry.
void begin_anew(TimeMs now, Entry& entry) {
  delete_expired(now, entry);
  entry.expires_at = 0;
}

// What might not be read is not kept for a life in which it might: an older version, or an undelete, would show it.
void drop_unreadable(const Put& put, TimeMs now, Decision* decision) {
  if (!decision->entry.write_only || put.write_only) return;
  for (Version& version : decision->entry.versions) destroy_version(version, now, decision);
}

// Who had rights on the old life has none on the new one, unless it is his own; and a new owner, whom ownership lets
// undelete, must not come to another one's values. A secret of one's own has nothing of an old one but its numbers and
// the versions that its maker may restore.
void change_owner(const Put& put, const RuleContext& context, TimeMs now, Decision* decision) {
  Entry& entry = decision->entry;
  const bool keeps_owner = !entry.owner.empty() && entry.owner == context.principal;
  if (!keeps_owner && (put.caller_owns || !entry.owner.empty())) {
    for (Version& version : entry.versions) destroy_version(version, now, decision);
  }
  if (put.caller_owns) {
    Entry fresh = fresh_entry(put, context);
    fresh.created_at = now;
    fresh.updated_at = now;
    fresh.last_version = entry.last_version;
    fresh.versions = std::move(entry.versions);
    entry = std::move(fresh);
  } else if (!keeps_owner) {
    entry.owner.clear();
    entry.permissions.clear();
  }
}

Status merge_put(const Put& put, const Limits& limits, Entry& entry) {
  if (put.tags) entry.tags = *put.tags;
  if (put.description) entry.description = *put.description;
  if (put.expires_at) entry.expires_at = *put.expires_at;
  if (put.attributes.empty()) return {};
  for (const auto& [key, value] : put.attributes) entry.attributes[key] = value;
  return check_attributes(entry.attributes, limits);
}

void add_version(const Put& put, const RuleContext& context, TimeMs now, Decision* decision) {
  Version version;
  version.number = ++decision->entry.last_version;
  version.created_at = now;
  version.created_by = context.principal;
  version.payload_bytes = put.payload.size();
  decision->version = version.number;
  decision->adds_payload = true;
  decision->entry.versions.push_back(std::move(version));
}

// ---- undelete

template <class Operation>
Error not_restorable(const Operation& operation, const Version& version, const Limits& limits) {
  const std::string what = "version " + std::to_string(version.number) + " of " + secret_of(operation);
  switch (version.state) {
    case State::active: return {Code::not_active, what + " is not deleted"};
    case State::destroyed: return {Code::not_active, what + " is destroyed"};
    case State::deleted: break;
  }
  return {Code::not_active, what + " was deleted at " + rfc3339(version.deleted_at) +
                                "; its recovery window ended at " +
                                rfc3339(version.deleted_at + limits.recovery_window_ms)};
}

}  // namespace

Result<Decision> decide_put(const Entry* current, const Put& put, const RuleContext& context) {
  const TimeMs now = time_of(current, context);
  const bool readable = current && current->readable_at(now);
  if (put.create_only && readable) return Error(Code::entry_exists, secret_of(put) + " exists");
  if (put.must_exist && !current) return missing(put);
  if (put.must_exist && !readable) return unreadable(put, *current, now);
  if (readable && current->read_only) return unchangeable(put);
  if (put.cas) {
    if (Status status = check_cas(*put.cas, current, now); !status) return status.error();
  }
  if (Status status = check_expiry(put.expires_at.value_or(0), now); !status) return status.error();

  Decision decision = current ? decision_on(*current, ChangeType::put) : Decision{};
  if (!current) decision.entry = fresh_entry(put, context);
  if (!readable) begin_anew(now, decision.entry);
  if (!readable) drop_unreadable(put, now, &decision);
  if (current && !readable) change_owner(put, context, now, &decision);
  if (!readable) decision.entry.write_only = put.write_only, decision.entry.read_only = put.read_only;
  if (Status status = merge_put(put, context.limits, decision.entry); !status) return status.error();
  destroy_outdated(now, context.limits, &decision);
  add_version(put, context, now, &decision);
  trim_versions(&decision);
  return finished(std::move(decision), now);
}

Result<Decision> decide_update(const Entry* current, const UpdateMetadata& update, const RuleContext& context) {
  if (current == nullptr) return missing(update);
  const TimeMs now = time_of(current, context);
  if (!current->readable_at(now)) return unreadable(update, *current, now);
  if (update.cas) {
    if (Status status = check_cas(*update.cas, current, now); !status) return status.error();
  }
  if (Status status = check_expiry(update.expires_at.value_or(0), now); !status) return status.error();

  Decision decision = decision_on(*current, ChangeType::metadata);
  Entry& entry = decision.entry;
  for (const std::string& key : update.remove_tags) entry.tags.erase(key);
  for (const auto& [key, value] : update.set_tags) entry.tags[key] = value;
  if (Status status = check_tags(entry.tags, context.limits); !status) return status.error();
  if (update.description) entry.description = *update.description;
  if (update.expires_at) entry.expires_at = *update.expires_at;
  if (update.max_versions) entry.max_versions = *update.max_versions;
  const bool cleared = destroy_outdated(now, context.limits, &decision);
  trim_versions(&decision);
  decision.writes = cleared || !update.set_tags.empty() || !update.remove_tags.empty() || update.description ||
                    update.expires_at || update.max_versions;
  return finished(std::move(decision), now);
}

Decision decide_sweep(const Entry& current, const RuleContext& context) {
  const TimeMs now = time_of(&current, context);
  Decision decision = decision_on(current, ChangeType::destroy);
  const bool has_expired = delete_expired(now, decision.entry);
  const bool has_ended = destroy_outdated(now, context.limits, &decision);
  if (!has_ended) decision.change = ChangeType::del;
  decision.writes = has_expired || has_ended;
  return decision.writes ? finished(std::move(decision), now) : decision;
}

TimeMs next_sweep(const Entry& entry, const Limits& limits) {
  TimeMs first = any_active(entry) ? entry.expires_at : 0;
  for (const Version& version : entry.versions) {
    if (version.state != State::deleted) continue;
    const TimeMs ends = version.deleted_at + limits.recovery_window_ms;
    first = first == 0 ? ends : std::min(first, ends);
  }
  return first;
}

Result<Decision> decide_permission(const Entry* current, const SetPermission& set, const RuleContext& context) {
  if (current == nullptr) return missing(set);
  const TimeMs now = time_of(current, context);
  if (!current->readable_at(now)) return unreadable(set, *current, now);

  // An entry that may not be changed may still be shared: what is fixed is its value.
  Decision decision = decision_on(*current, ChangeType::metadata);
  auto& permissions = decision.entry.permissions;
  const auto at = std::lower_bound(permissions.begin(), permissions.end(), set.subject,
                                   [](const Permission& p, const std::string& subject) { return p.subject < subject; });
  const bool there = at != permissions.end() && at->subject == set.subject;
  if (there && set.level) {
    at->level = *set.level;
  } else if (there) {
    permissions.erase(at);
  } else if (set.level) {
    if (permissions.size() >= context.limits.permissions) {
      return too_many("permissions", permissions.size() + 1, context.limits.permissions).error();
    }
    permissions.insert(at, {set.subject, *set.level});
  }
  decision.writes = permissions != current->permissions;
  return finished(std::move(decision), now);
}

Result<Decision> decide_delete(const Entry* current, const Delete& del, const RuleContext& context) {
  const auto absent = [&](const Error& error) -> Result<Decision> {
    if (!del.missing_is_ok) return error;
    Decision nothing;
    nothing.entry.space = del.space;
    nothing.entry.name = del.name;
    nothing.change = ChangeType::del;
    nothing.writes = false;
    return nothing;
  };
  if (current == nullptr) return absent(missing(del));
  if (del.only_if_attribute && !has_attribute(*current, *del.only_if_attribute)) return absent(missing(del));
  const TimeMs now = time_of(current, context);
  if (!any_active(*current) || expired(*current, now)) return absent(unreadable(del, *current, now));
  if (del.cas) {
    if (Status status = check_cas(*del.cas, current, now); !status) return status.error();
  }

  Decision decision = decision_on(*current, ChangeType::del);
  const auto versions = named_versions(decision.entry, del);
  if (!versions) return versions.error();
  for (Version* version : *versions) {
    if (version->state != State::active) continue;
    version->state = State::deleted;
    version->deleted_at = now;
    decision.count = 1;
  }
  decision.version = newest_of(*versions, current->last_version);
  decision.writes = destroy_outdated(now, context.limits, &decision) || decision.count != 0;
  return finished(std::move(decision), now);
}

Result<Decision> decide_undelete(const Entry* current, const Undelete& undelete, const RuleContext& context) {
  if (current == nullptr) return missing(undelete);
  const TimeMs now = time_of(current, context);
  Decision decision = decision_on(*current, ChangeType::undelete);
  delete_expired(now, decision.entry);
  const auto versions = named_versions(decision.entry, undelete);
  if (!versions) return versions.error();

  std::vector<Version*> restored;
  const Version* refused = nullptr;
  for (Version* version : *versions) {
    if (version->state == State::deleted && !window_ended(*version, now, context.limits)) restored.push_back(version);
    // Of all versions those that can be restored are; of named ones each must be restorable or active.
    else if (version->state != State::active)
      refused = version;
  }
  if (refused && (restored.empty() || !undelete.versions.empty())) {
    return not_restorable(undelete, *refused, context.limits);
  }
  if (restored.empty()) return Error(Code::not_active, "nothing of " + secret_of(undelete) + " is deleted");
  for (Version* version : restored) {
    version->state = State::active;
    version->deleted_at = 0;
  }
  if (expired(*current, now)) decision.entry.expires_at = 0;
  decision.version = newest_of(restored, current->last_version);
  destroy_outdated(now, context.limits, &decision);
  return finished(std::move(decision), now);
}

Result<Decision> decide_destroy(const Entry* current, const Destroy& destroy, const RuleContext& context) {
  if (current == nullptr) return missing(destroy);
  const TimeMs now = time_of(current, context);
  if (destroy.must_exist && !current->readable_at(now)) return unreadable(destroy, *current, now);
  Decision decision = decision_on(*current, ChangeType::destroy);
  if (destroy.only_if_attribute && !has_attribute(*current, *destroy.only_if_attribute)) {
    decision.version = current->last_version;
    decision.writes = false;
    return decision;
  }
  const auto versions = named_versions(decision.entry, destroy);
  if (!versions) return versions.error();
  bool changed = false;
  for (Version* version : *versions) changed |= destroy_version(*version, now, &decision);
  decision.version = newest_of(*versions, current->last_version);
  decision.writes = destroy_outdated(now, context.limits, &decision) || changed;
  return finished(std::move(decision), now);
}

Status decide_check(const Entry* current, const Check& check, const RuleContext& context) {
  return check_cas(check.version, current, time_of(current, context));
}

Result<std::uint64_t> readable_version(const Entry* current, const Get& get, TimeMs now) {
  if (current == nullptr) return missing(get);
  const Version* const version = get.version == 0 ? current->newest() : current->find(get.version);
  if (!get.with_payload) {
    if (get.version != 0 && version == nullptr) return no_version(get, *current, get.version);
    return version ? version->number : current->last_version;
  }
  const bool newest_is_gone = get.version == 0 && current->state() != State::active;
  if (newest_is_gone || expired(*current, now) || !any_active(*current)) return unreadable(get, *current, now);
  if (version == nullptr) return no_version(get, *current, get.version);
  if (version->state != State::active) {
    return Error(Code::not_active, "version " + std::to_string(version->number) + " of " + secret_of(get) + " is " +
                                       std::string(to_string(version->state)));
  }
  if (current->write_only && !get.inject)
    return Error(Code::write_only, "the value of " + secret_of(get) + " may not be read");
  return version->number;
}

bool listed(const Entry& entry, const List& list, TimeMs now) {
  if (entry.space != list.space || !entry.readable_at(now) || !entry.name.starts_with(list.prefix)) return false;
  return !list.attribute || has_attribute(entry, *list.attribute);
}

}  // namespace coffer::model

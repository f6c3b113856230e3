// What can be said of an operation without any stored state: names, sizes, counts, patterns (DESIGN section 8). Every
// detail opens with the path to what is wrong ("operations[3]: name: ..."). The doors and the shard call it; any thread.

#include <algorithm>
#include <set>
#include <utility>

#include "model/address.hpp"
#include "model/checks.hpp"
#include "model/document_rules.hpp"
#include "model/json_text.hpp"
#include "model/rules.hpp"
#include "model/text.hpp"
#include "model/utf8.hpp"

namespace coffer::model {
namespace {

constexpr std::size_t kRequestIdBytes = 128;
constexpr std::size_t kTokenIdBytes = 128;
constexpr TimeMs kLastTime = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z, the end of RFC 3339
constexpr TimeMs kLongestTtl = 100LL * 366 * 24 * 3600 * 1000;

std::string number(std::uint64_t n) { return std::to_string(n); }

Status invalid(std::string detail) { return Error(Code::invalid_argument, std::move(detail)); }

bool is_printable_ascii(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
  }
  return true;
}

// ---- payloads

Status check_map_payload(const Payload& payload, const Limits& limits) {
  if (!payload.content.empty()) return invalid("payload: a map has no content beside its keys");
  if (payload.map.empty()) return invalid("payload: a map needs at least one key");
  if (payload.map.size() > limits.map_keys) return too_many("payload keys", payload.map.size(), limits.map_keys);
  const std::string* previous = nullptr;
  for (const auto& [key, value] : payload.map) {
    if (key.empty())
      return invalid("payload: a key is empty; 1 to " + number(limits.map_key_bytes) + " bytes are needed");
    if (key.size() > limits.map_key_bytes || !is_valid_utf8(key)) {
      return check_text("payload key " + in_quotes(key), key, limits.map_key_bytes);
    }
    if (previous && !(*previous < key))
      return invalid("payload: key " + in_quotes(key) + " is repeated or out of order");
    if (!is_valid_utf8(value.expose())) return invalid("payload: the text of key " + in_quotes(key) + " is not UTF-8");
    previous = &key;
  }
  return {};
}

Status check_payload(const Payload& payload, const Limits& limits) {
  if (payload.size() > limits.payload_bytes) {
    return Error(Code::too_large, "payload: " + number(payload.size()) + " bytes; at most " +
                                      number(limits.payload_bytes) + " are allowed");
  }
  if (payload.kind == PayloadKind::map) return check_map_payload(payload, limits);
  if (!payload.map.empty()) return invalid("payload: only a map has keys");
  switch (payload.kind) {
    case PayloadKind::text:
      if (is_valid_utf8(payload.content.expose())) return {};
      return invalid("payload: the text is not UTF-8; send it as bytes");
    case PayloadKind::json: return within("payload: it is not JSON", check_json(payload.content.expose()));
    case PayloadKind::bytes:
    case PayloadKind::map: return {};
  }
  return invalid("payload: its kind does not exist");
}

// ---- parts that several operations share

template <class Operation>
Status check_key(const Operation& operation, const Limits& limits) {
  if (Status status = check_space(operation.space); !status) return status;
  return check_name(operation.name, limits);
}

Status check_ttl(std::string_view where, TimeMs ttl) {
  if (ttl >= 0 && ttl <= kLongestTtl) return {};
  return invalid(std::string(where) + ": it must be between 0 and 100 years");
}

Status check_versions(const std::vector<std::uint64_t>& versions, const Limits& limits) {
  if (versions.size() > limits.named_versions) return too_many("versions", versions.size(), limits.named_versions);
  for (std::size_t i = 0; i < versions.size(); ++i) {
    if (versions[i] == 0) return invalid(indexed("versions", i) + ": 0 is not a version; they begin at 1");
  }
  return {};
}

// A pattern of spaces must be able to match one: the mistake of a '*' in the middle is found here, not by a denial.
Status check_space_pattern(std::string_view pattern) {
  if (pattern == "*") return {};
  if (pattern.ends_with('*')) pattern.remove_suffix(1);
  return check_space(pattern);
}

// ---- one check for each operation

/// Of a moving tenant's rows.
Status check_place(const std::string& trace, const std::string& after) {
  constexpr std::size_t kMost = 256;
  if (trace.size() <= kMost && after.size() <= kMost) return {};
  return invalid("trace, after: each has at most " + number(kMost) + " bytes");
}

struct Checker {
  const Limits& limits;

  Status operator()(const Put& put) const {
    if (Status status = check_key(put, limits); !status) return status;
    if (Status status = check_payload(put.payload, limits); !status) return status;
    if (put.tags) {
      if (Status status = check_tags(*put.tags, limits); !status) return status;
    }
    if (Status status = check_attributes(put.attributes, limits); !status) return status;
    return check_description_and_expiry(put);
  }

  Status operator()(const Get& get) const { return check_key(get, limits); }

  Status operator()(const UpdateMetadata& update) const {
    if (Status status = check_key(update, limits); !status) return status;
    // A door's empty update asks whether its caller may change the entry; who writes one by hand has forgotten something.
    if (update.set_tags.empty() && update.remove_tags.empty() && !update.description && !update.expires_at &&
        !update.max_versions && !is_door_space(update.space)) {
      return invalid("nothing is to be changed; give tags, a description, an expiry or a number of versions");
    }
    if (Status status = check_tags(update.set_tags, limits); !status) return status;
    if (Status status = check_removed_tags(update); !status) return status;
    if (update.max_versions && (*update.max_versions == 0 || *update.max_versions > limits.max_versions)) {
      return invalid("max_versions: " + number(*update.max_versions) + " is not between 1 and " +
                     number(limits.max_versions));
    }
    return check_description_and_expiry(update);
  }

  Status operator()(const Delete& del) const { return key_and_versions(del); }
  Status operator()(const Undelete& undelete) const { return key_and_versions(undelete); }
  Status operator()(const Destroy& destroy) const { return key_and_versions(destroy); }
  Status operator()(const History& history) const { return check_key(history, limits); }
  Status operator()(const Check& check) const { return check_key(check, limits); }

  Status operator()(const List& list) const {
    if (Status status = check_space(list.space); !status) return status;
    if (Status status = check_text("prefix", list.prefix, limits.name_bytes); !status) return status;
    if (Status status = check_text("after", list.after, limits.name_bytes); !status) return status;
    if (list.tags.size() > limits.tags) return too_many("tags", list.tags.size(), limits.tags);
    for (const auto& [key, value] : list.tags) {
      if (Status status = check_tags({{key, value}}, limits); !status) return status;
    }
    return {};
  }

  Status operator()(const BatchGet& batch) const {
    if (batch.items.empty() && batch.notes.empty()) return invalid("items: at least one is needed");
    if (batch.items.size() <= limits.batch_items) return {};  // each item has its own status, of a bad name, too
    return too_many("items", batch.items.size(), limits.batch_items);
  }

  Status operator()(const Transact& transact) const {
    const auto& operations = transact.operations;
    if (operations.empty()) return invalid("operations: at least one is needed");
    // Destroying many at once is a door's own: it needs no payloads, and a door's spaces are the door's to clear.
    const bool clears = std::all_of(operations.begin(), operations.end(),
                                    [](const auto& operation) { return std::holds_alternative<Destroy>(operation); });
    const std::size_t most = clears ? limits.batch_items : limits.operations;
    if (operations.size() > most) return too_many("operations", operations.size(), most);
    std::set<std::pair<std::string_view, std::string_view>> seen;
    std::size_t payload_bytes = 0;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const auto check_one = [&](const auto& operation) -> Status {
        if (Status status = (*this)(operation); !status) return status;
        if (!clears && is_door_space(operation.space)) {
          return invalid("space: " + in_quotes(operation.space) + " belongs to a door; only native spaces take part");
        }
        if (seen.emplace(operation.space, operation.name).second) return {};
        return invalid("an earlier operation names " + in_quotes(operation.name) + " in space " +
                       in_quotes(operation.space) + ", too; name each secret once");
      };
      if (Status status = std::visit(check_one, operations[i]); !status)
        return within(indexed("operations", i), status);
      if (const auto* put = std::get_if<Put>(&operations[i])) payload_bytes += put->payload.size();
    }
    if (payload_bytes <= limits.transact_payload_bytes) return {};
    return Error(Code::too_large, "operations: payloads of " + number(payload_bytes) + " bytes in all; at most " +
                                      number(limits.transact_payload_bytes) + " are allowed");
  }

  Status operator()(const CreateToken& create) const {
    if (Status status = check_text("description", create.description, limits.token_description_bytes); !status) {
      return status;
    }
    if (create.scopes.size() > limits.scopes) return too_many("scopes", create.scopes.size(), limits.scopes);
    for (std::size_t i = 0; i < create.scopes.size(); ++i) {
      if (Status status = check_scope(create.scopes[i], limits); !status) return within(indexed("scopes", i), status);
    }
    if (create.addresses.size() > limits.token_addresses) {
      return too_many("addresses", create.addresses.size(), limits.token_addresses);
    }
    for (std::size_t i = 0; i < create.addresses.size(); ++i) {
      if (const auto range = parse_address_range(create.addresses[i]); !range) {
        return within(indexed("addresses", i), range.error());
      }
    }
    if (Status status = check_time("expires_at", create.expires_at); !status) return status;
    if (Status status = check_ttl("max_ttl", create.max_ttl); !status) return status;
    if (create.renewable && (create.expires_at == 0 || create.max_ttl == 0)) {
      return invalid("renewable: a renewable token needs expires_at and max_ttl, the end of all its renewals");
    }
    if (!create.renewable && create.max_ttl != 0) return invalid("max_ttl: it is for renewable tokens only");
    return {};
  }

  Status operator()(const SetPermission& set) const {
    if (Status status = check_key(set, limits); !status) return status;
    if (set.level && (*set.level < Level::read || *set.level > Level::admin)) {
      return invalid("level: it is none of READ, USER and ADMIN");
    }
    return check_subject("subject", set.subject, limits);
  }

  Status operator()(const ListTokens&) const { return {}; }
  Status operator()(const PutIssuer& put) const { return check_issuer(put.issuer); }
  Status operator()(const DeleteIssuer& del) const { return check_tenant_name(del.name); }
  Status operator()(const ListIssuers&) const { return {}; }
  Status operator()(const PutCertificateRule& put) const { return check_certificate_rule(put.rule); }
  Status operator()(const DeleteCertificateRule& del) const { return check_tenant_name(del.name); }
  Status operator()(const ListCertificateRules&) const { return {}; }
  Status operator()(const GetQuota&) const { return {}; }
  Status operator()(const Watch& watch) const {
    if (!watch.space.empty()) {
      if (Status status = check_space(watch.space); !status) return status;
    }
    if (!watch.prefix.empty()) {
      if (Status status = check_text("prefix", watch.prefix, limits.name_bytes); !status) return status;
    }
    if (watch.wait_ms < 0 || watch.wait_ms > kLongestWatchMs) {
      return invalid("wait: 0 to " + number(kLongestWatchMs) + " milliseconds are allowed");
    }
    if (watch.limit == 0 || watch.limit > kMostWatched) {
      return invalid("limit: 1 to " + number(kMostWatched) + " changes are allowed");
    }
    return {};
  }
  Status operator()(const TendTenant& tend) const {
    if (tend.rows >= 1 && tend.rows <= 4096) return {};
    return invalid("rows: a slice has 1 to 4096 of them");
  }
  Status operator()(const FenceTenant& fence) const {
    if (fence.number == 0 || fence.to == kMetaGroup) {
      return invalid("number, to: a move has a number, and its group is none of the directory's");
    }
    return check_place(fence.trace, fence.after);
  }
  Status operator()(const ReadMoving& read) const {
    if (read.bytes < 1 || read.bytes > 1 << 20) return invalid("bytes: a piece has one to a mebibyte of them");
    if (read.changed && !read.live) return invalid("changed: only of a tenant that is not fenced");
    return check_place(read.trace, read.after);
  }
  Status operator()(const SetQuota& set) const {
    if (set.changes.empty()) return invalid("changes: at least one limit is needed");
    std::set<Limit> seen;
    for (const auto& [limit, value] : set.changes) {
      const std::string name(limit_name(limit));
      if (!seen.insert(limit).second) return invalid(name + ": it is named twice");
      if (value && *value > limit_maximum(limit)) {
        return invalid(name + ": at most " + number(limit_maximum(limit)) + "; 0 is no limit");
      }
    }
    return {};
  }
  Status operator()(const GetAudit& get) const {
    return get.space.empty() && get.name.empty() ? Status() : check_key(get, limits);
  }
  Status operator()(const SetAudit& set) const {
    if (set.strict || set.clear_names) return {};
    return invalid("settings: at least one of strict and clear_names is needed");
  }
  Status operator()(const LookupSelf&) const { return {}; }
  Status operator()(const RenewSelf& renew) const { return check_ttl("ttl", renew.ttl); }
  Status operator()(const RevokeSelf&) const { return {}; }
  Status operator()(const GetPolicy&) const { return {}; }
  Status operator()(const ApplyPolicy& apply) const { return check_policy(apply.policy, limits); }

  Status operator()(const ChangeDocument& change) const {
    if (Status status = check_key(change, limits); !status) return status;
    if (change.payload) {
      if (Status status = check_payload(*change.payload, limits); !status) return status;
    }
    return check_document_change(change, limits);
  }
  Status operator()(const ReadDocument& read) const { return check_key(read, limits); }
  Status operator()(const Query& query) const { return check_query(query); }

  Status operator()(const RevokeToken& revoke) const {
    if (revoke.id.empty() || revoke.id.size() > kTokenIdBytes || !is_printable_ascii(revoke.id)) {
      return invalid("id: " + in_quotes(revoke.id) + " is not the id of a token");
    }
    return {};
  }

 private:
  template <class Operation>
  Status key_and_versions(const Operation& operation) const {
    if (Status status = check_key(operation, limits); !status) return status;
    return check_versions(operation.versions, limits);
  }

  template <class Operation>
  Status check_description_and_expiry(const Operation& operation) const {
    if (operation.description) {
      if (Status status = check_text("description", *operation.description, limits.description_bytes); !status) {
        return status;
      }
    }
    return check_time("expires_at", operation.expires_at.value_or(0));
  }

  Status check_removed_tags(const UpdateMetadata& update) const {
    if (update.remove_tags.size() > limits.tags) return too_many("remove_tags", update.remove_tags.size(), limits.tags);
    for (const std::string& key : update.remove_tags) {
      if (Status status = check_label("remove_tags", key, limits.tag_key_bytes); !status) return status;
      if (update.set_tags.contains(key)) return invalid("tags: " + in_quotes(key) + " is both set and removed");
    }
    return {};
  }
};

struct Namer {
  std::string_view operator()(const SetPermission&) const { return "set_permission"; }
  std::string_view operator()(const LookupSelf&) const { return "lookup_self"; }
  std::string_view operator()(const RenewSelf&) const { return "renew_self"; }
  std::string_view operator()(const RevokeSelf&) const { return "revoke_self"; }
  std::string_view operator()(const GetPolicy&) const { return "get_policy"; }
  std::string_view operator()(const ApplyPolicy&) const { return "apply_policy"; }
  std::string_view operator()(const GetQuota&) const { return "get_quota"; }
  std::string_view operator()(const Watch&) const { return "watch"; }
  std::string_view operator()(const TendTenant& tend) const {
    switch (tend.what) {
      case Tending::rotate: return "rotate_data_key";
      case Tending::reseal: return "reseal";
      case Tending::sweep: return "sweep";
      case Tending::status: break;
    }
    return "get_data_keys";
  }
  std::string_view operator()(const SetQuota&) const { return "set_quota"; }
  std::string_view operator()(const ChangeDocument&) const { return "change_document"; }
  std::string_view operator()(const ReadDocument&) const { return "read_document"; }
  std::string_view operator()(const Query&) const { return "query"; }
  std::string_view operator()(const GetAudit&) const { return "get_audit"; }
  std::string_view operator()(const SetAudit&) const { return "set_audit"; }
  std::string_view operator()(const FenceTenant&) const { return "fence_tenant"; }
  std::string_view operator()(const ReadMoving&) const { return "read_moving"; }
  std::string_view operator()(const Put&) const { return "put"; }
  std::string_view operator()(const Get& get) const {
    return get.inject ? "inject" : get.with_payload ? "get" : "describe";
  }
  std::string_view operator()(const UpdateMetadata&) const { return "update_metadata"; }
  std::string_view operator()(const Delete&) const { return "delete"; }
  std::string_view operator()(const Undelete&) const { return "undelete"; }
  std::string_view operator()(const Destroy&) const { return "destroy"; }
  std::string_view operator()(const History&) const { return "history"; }
  std::string_view operator()(const List&) const { return "list"; }
  std::string_view operator()(const BatchGet& batch) const { return batch.acting_for ? "render" : "batch_get"; }
  std::string_view operator()(const Transact&) const { return "transact"; }
  std::string_view operator()(const CreateToken&) const { return "create_token"; }
  std::string_view operator()(const ListTokens&) const { return "list_tokens"; }
  std::string_view operator()(const RevokeToken&) const { return "revoke_token"; }
  std::string_view operator()(const PutIssuer&) const { return "put_issuer"; }
  std::string_view operator()(const DeleteIssuer&) const { return "delete_issuer"; }
  std::string_view operator()(const ListIssuers&) const { return "list_issuers"; }
  std::string_view operator()(const PutCertificateRule&) const { return "put_certificate_rule"; }
  std::string_view operator()(const DeleteCertificateRule&) const { return "delete_certificate_rule"; }
  std::string_view operator()(const ListCertificateRules&) const { return "list_certificate_rules"; }
};

template <class T, class... Types>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Types> || ...);

}  // namespace

Status too_many(std::string_view where, std::size_t count, std::size_t limit) {
  return Error(Code::too_large,
               std::string(where) + ": " + number(count) + " are too many; at most " + number(limit) + " are allowed");
}

std::string indexed(std::string_view list, std::size_t i) { return std::string(list) + "[" + number(i) + "]"; }

Status within(const std::string& where, const Status& status) {
  if (status) return status;
  return Error(status.error().code, where + ": " + std::string(status.error().message()));
}

Status check_time(std::string_view where, TimeMs time) {
  if (time < 0) return invalid(std::string(where) + ": it lies before 1970; leave it away for never");
  if (time > kLastTime) return invalid(std::string(where) + ": it lies after the year 9999; leave it away for never");
  return {};
}

Status check_scope(const Scope& scope, const Limits& limits) {
  if (scope.capabilities == 0) return invalid("capabilities: at least one is needed");
  if ((scope.capabilities & ~kAllCapabilities) != 0) return invalid("capabilities: there are none beyond bit 7");
  if (scope.spaces.empty()) return invalid("spaces: at least one pattern is needed; \"*\" matches every space");
  if (scope.names.empty()) return invalid("names: at least one pattern is needed; \"*\" matches every name");
  if (scope.spaces.size() > limits.scope_patterns)
    return too_many("spaces", scope.spaces.size(), limits.scope_patterns);
  if (scope.names.size() > limits.scope_patterns) return too_many("names", scope.names.size(), limits.scope_patterns);
  for (std::size_t i = 0; i < scope.spaces.size(); ++i) {
    if (Status status = check_space_pattern(scope.spaces[i]); !status) return within(indexed("spaces", i), status);
  }
  for (std::size_t i = 0; i < scope.names.size(); ++i) {
    // The '*' at the end is not a byte of the name.
    std::string_view pattern = scope.names[i];
    if (pattern.size() > 1 && pattern.ends_with('*')) pattern.remove_suffix(1);
    if (Status status = check_label(indexed("names", i), pattern, limits.name_bytes); !status) return status;
  }
  return {};
}

Status check_operation(const TenantOperation& operation, const Limits& limits) {
  return std::visit(Checker{limits}, operation);
}

Status check_request_id(std::string_view id) {
  if (id.size() > kRequestIdBytes) {
    return Error(Code::too_large,
                 "request_id: " + number(id.size()) + " bytes; at most " + number(kRequestIdBytes) + " are allowed");
  }
  if (!is_printable_ascii(id)) return invalid("request_id: " + in_quotes(id) + " holds what is not printable ASCII");
  return {};
}

bool is_mutation(const TenantOperation& operation) {
  if (const auto* apply = std::get_if<ApplyPolicy>(&operation)) return !apply->dry_run;
  if (const auto* tend = std::get_if<TendTenant>(&operation)) return tend->what != Tending::status;
  return std::visit(
      []<class T>(const T&) {
        return kIsOneOf<T, Put, UpdateMetadata, Delete, Undelete, Destroy, Transact, CreateToken, RevokeToken,
                        SetPermission, RenewSelf, RevokeSelf, ApplyPolicy, PutIssuer, DeleteIssuer, PutCertificateRule,
                        DeleteCertificateRule, SetQuota, ChangeDocument, SetAudit, FenceTenant>;
      },
      operation);
}

RequestClass request_class(const TenantOperation& operation) {
  return std::visit(
      []<class T>(const T&) {
        if (kIsOneOf<T, Get, History, BatchGet, ReadDocument>) return RequestClass::read;
        if (kIsOneOf<T, Put, UpdateMetadata, Delete, Undelete, Destroy, Transact, SetPermission, ChangeDocument>) {
          return RequestClass::write;
        }
        return kIsOneOf<T, List, Watch, Query> ? RequestClass::list : RequestClass::other;
      },
      operation);
}

std::uint64_t request_cost(const TenantOperation& operation) {
  if (const auto* batch = std::get_if<BatchGet>(&operation)) return std::max<std::uint64_t>(1, batch->items.size());
  if (const auto* several = std::get_if<Transact>(&operation)) return several->operations.size();
  return 1;
}

std::string_view operation_name(const TenantOperation& operation) { return std::visit(Namer{}, operation); }
std::string_view operation_name(const Get& get) { return Namer{}(get); }

}  // namespace coffer::model

#pragma once
// The tenant's rules as pure functions: what a mutation makes of an entry, and which version a read answers. No clock,
// no keys, no storage: the shard loads, decides here, seals and submits. What is refused changes nothing.

#include <cstdint>
#include <string>
#include <vector>

#include "model/entry.hpp"
#include "model/requests.hpp"
#include "model/result.hpp"
#include "model/watch.hpp"

namespace coffer::model {

struct RuleContext {
  TimeMs now = 0;         // the larger of wall clock and newest committed leader time
  std::string principal;  // becomes created_by
  Limits limits;
};

/// What a mutation does to one entry.
struct Decision {
  Entry entry;  // as it will be stored
  ChangeType change = ChangeType::put;
  std::uint64_t version = 0;                    // the version that is answered (and watched)
  bool adds_payload = false;                    // Put: payload of `version`
  std::vector<std::uint64_t> dropped_payloads;  // versions whose payload rows are deleted
  bool writes = true;                           // false: nothing to store (a delete of what is missing, missing_is_ok)
  std::uint64_t count = 0;                      // Delete: 1 when something was deleted
};

/// Numbers continue after deletes and destroys. Keeps at most entry.max_versions versions, oldest dropped first with
/// their payloads. A new life of the entry destroys values that might not be read, unless they still may not. cas compares with last_version of a readable entry, 0 when it is not readable.
/// Errors: invalid_argument, too_large, cas_mismatch (detail: "expected version 3, current version is 5"), entry_exists, read_only.
Result<Decision> decide_put(const Entry* current, const Put& put, const RuleContext& context);
/// Errors: entry_not_found, cas_mismatch, invalid_argument, too_large. Lowering max_versions drops versions.
Result<Decision> decide_update(const Entry* current, const UpdateMetadata& update, const RuleContext& context);
/// Soft. Versions already deleted stay as they are; naming one that does not exist is version_not_found; an entry
/// that has no active version or has expired is entry_not_found (unless missing_is_ok). Versions whose recovery window has ended are destroyed on the way.
Result<Decision> decide_delete(const Entry* current, const Delete& del, const RuleContext& context);
/// Restores deleted versions within limits.recovery_window_ms; expired ones are deleted ones, and what is restored of
/// them has no expiry any more. Errors: entry_not_found, version_not_found,
/// not_active (destroyed, or the window has ended: the detail says which and when), entry without deleted versions: not_active.
Result<Decision> decide_undelete(const Entry* current, const Undelete& undelete, const RuleContext& context);
/// Irrevocable. None named: all versions; the entry stays as a tombstone, without what described it, so that version
/// numbers are never reused.
Result<Decision> decide_destroy(const Entry* current, const Destroy& destroy, const RuleContext& context);
/// The entry needs an active version. Errors: entry_not_found, too_large (more than limits.permissions).
Result<Decision> decide_permission(const Entry* current, const SetPermission& set, const RuleContext& context);
/// Deletes what has expired, as of then, and destroys the deleted versions whose recovery window has ended; `writes` is
/// false when there is neither. No other decision differs by whether a sweep came by.
Decision decide_sweep(const Entry& current, const RuleContext& context);
/// When a sweep has something to do: the entry expires, or the first recovery window of a deleted version ends; 0: never.
TimeMs next_sweep(const Entry& entry, const Limits& limits);
/// Transact's check. Errors: cas_mismatch.
Status decide_check(const Entry* current, const Check& check, const RuleContext& context);

/// The version that a Get answers. Errors: entry_not_found (missing, deleted, destroyed, expired; for with_payload
/// false only missing), version_not_found, not_active (that version is deleted or destroyed), write_only.
Result<std::uint64_t> readable_version(const Entry* current, const Get& get, TimeMs now);

/// Does the entry belong in a list (readable at `now`, prefix, attribute)? Its tags are a query's conditions (model/query_filter.hpp).
bool listed(const Entry& entry, const List& list, TimeMs now);

/// Checks everything about an operation that needs no stored state: names, spaces, sizes, tags, counts, patterns.
/// Doors rely on it: the shard calls it before anything else.
Status check_operation(const TenantOperation& operation, const Limits& limits);
/// A client's request id: empty (none) or at most 128 bytes of printable ASCII. Errors: invalid_argument, too_large.
Status check_request_id(std::string_view id);
/// True for operations that change something.
bool is_mutation(const TenantOperation& operation);
/// Which rate an operation counts against, and as how many requests: a batch is no way around a rate.
RequestClass request_class(const TenantOperation& operation);
std::uint64_t request_cost(const TenantOperation& operation);
/// "put", "get", ... for audit records and metrics.
std::string_view operation_name(const TenantOperation& operation);
std::string_view operation_name(const Get& get);

}  // namespace coffer::model

#pragma once
// The one error catalogue. A code exists only where a caller would act differently; numbers are never reused.
// Every door maps a code to its own words from here. Values, any thread.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace coffer::model {

/// Canonical categories, valid across every RPC border; the numbers are gRPC's.
enum class Category : std::uint8_t {
  ok = 0,
  unknown = 2,  // only on the wire of doors whose upstream answers it (Direktiv); no Code has it
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

enum class Code : std::uint16_t {
  ok = 0,
  invalid_argument = 1,  // the request can never succeed as it is
  too_large = 2,         // a limit of the API; the detail names it
  entry_not_found = 3,
  version_not_found = 4,
  tenant_not_found = 5,
  tenant_exists = 6,
  entry_exists = 7,       // create-only doors
  cas_mismatch = 8,       // the detail names the current version
  request_id_reused = 9,  // same request id, other body
  unauthenticated = 10,
  permission_denied = 11,
  token_not_found = 12,
  door_taken = 13,         // the external id leads to another tenant
  not_active = 14,         // the entry or version is deleted or destroyed
  unavailable = 15,        // not applied; retry
  outcome_unknown = 16,    // may have been applied; retry with the same request id
  deadline_exceeded = 17,  // not applied
  sealed = 18,
  overloaded = 19,  // a queue is full; retry later
  disk_error = 20,  // fatal to the node
  data_loss = 21,   // what is stored does not open or does not match
  unimplemented = 22,
  internal = 23,
  quota_exceeded = 24,      // the detail names the limit; with retry_after_s when waiting helps
  key_mismatch = 25,        // the seal's key does not open what is stored
  write_only = 26,          // the value of this entry may not be read
  read_only = 27,           // the entry's value may not be changed
  revision_compacted = 28,  // changes since that revision are not kept; the detail names where to begin anew
  not_owned = 29,           // the caller may do this with secrets of one owner only, and this one has another
};

/// A row of the catalogue. The name is the category's canonical one; a code has its own name only where a client must
/// act otherwise than its category says (OUTCOME_UNKNOWN is not simply UNAVAILABLE).
struct CodeInfo {
  Code code;
  Category category;
  std::string_view name;      // native REST: "NOT_FOUND"
  std::string_view sentence;  // what a person reads when there is no detail
};

/// Every code, ordered by number.
std::span<const CodeInfo> catalogue();
/// The catalogue's row of a code; of a number that is not in it (from a newer node) the row of `internal`.
const CodeInfo& info(Code code);
/// The HTTP status that matches a category, as google.rpc.Code maps them.
int http_status(Category category);
/// gRPC's name of the category: "NOT_FOUND".
std::string_view category_name(Category category);

/// An expected failure. The detail never carries a value, a key or a token.
struct Error {
  Code code = Code::internal;
  std::uint32_t retry_after_s = 0;  // the same request may succeed after so many seconds; 0: nobody can say
  std::string detail;

  Error() = default;
  Error(Code c) : code(c) {}  // NOLINT: implicit on purpose
  Error(Code c, std::string d, std::uint32_t retry_after = 0)
      : code(c), retry_after_s(retry_after), detail(std::move(d)) {}
  Category category() const { return info(code).category; }
  /// The detail, or the catalogue's sentence.
  std::string_view message() const { return detail.empty() ? info(code).sentence : std::string_view(detail); }
  friend bool operator==(const Error&, const Error&) = default;
};

}  // namespace coffer::model

#pragma once
// An entry: one secret's metadata and the state of its versions, without payloads. Pure values, any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.hpp"

namespace coffer::model {

using TimeMs = std::int64_t;  // milliseconds since 1970 UTC; 0 = not set

enum class State : std::uint8_t { active = 1, deleted = 2, destroyed = 3 };
std::string_view to_string(State state);

struct Version {
  std::uint64_t number = 0;
  State state = State::active;
  TimeMs created_at = 0;
  std::string created_by;
  TimeMs deleted_at = 0;
  std::uint64_t payload_bytes = 0;
  friend bool operator==(const Version&, const Version&) = default;
};

/// What somebody may do with one entry, each level with all of the lower ones (capabilities_of in model/access.hpp).
enum class Level : std::uint8_t { read = 1, user = 2, admin = 3 };
std::string_view to_string(Level level);  // "READ", "USER", "ADMIN", as the Tapis API writes them

struct Permission {
  std::string subject;  // as a policy's (model/policy.hpp)
  Level level = Level::read;
  friend bool operator==(const Permission&, const Permission&) = default;
};

struct Entry {
  std::string space;
  std::string name;
  std::string description;
  std::string owner;
  std::map<std::string, std::string> tags;
  std::map<std::string, std::string> attributes;  // a door's own fields (Direktiv: "stype")
  TimeMs created_at = 0;
  TimeMs updated_at = 0;
  std::string created_by;
  TimeMs expires_at = 0;
  std::uint32_t max_versions = 10;
  std::uint64_t last_version = 0;
  std::vector<Version> versions;        // ascending
  bool write_only = false;              // its values may not be read, only injected
  bool read_only = false;               // its value may not be changed; what describes it may, and it may be deleted
  std::vector<Permission> permissions;  // by subject, each once; they only ever add rights

  /// The version of that number, null when it was never made or is no longer kept.
  const Version* find(std::uint64_t number) const;
  const Version* newest() const { return versions.empty() ? nullptr : &versions.back(); }
  /// The state of the newest version.
  State state() const { return versions.empty() ? State::destroyed : versions.back().state; }
  /// Active and not expired at `now`: what Get answers and `cas` 0 refuses.
  bool readable_at(TimeMs now) const { return state() == State::active && (expires_at == 0 || now < expires_at); }
  friend bool operator==(const Entry&, const Entry&) = default;
};

/// Limits of the native API (DESIGN section 8).
struct Limits {
  std::size_t name_bytes = 512;
  std::size_t payload_bytes = 1 << 20;
  std::size_t tags = 64;
  std::size_t tag_key_bytes = 128;
  std::size_t tag_value_bytes = 512;
  std::size_t description_bytes = 4096;
  std::size_t attributes = 64;  // what doors may keep with an entry
  std::size_t attribute_key_bytes = 128;
  std::size_t attribute_value_bytes = 4096;
  std::size_t map_keys = 1000;  // of a map payload
  std::size_t map_key_bytes = 256;
  std::size_t named_versions = 100;  // in one Delete, Undelete or Destroy
  std::size_t batch_items = 1000;
  std::size_t operations = 100;  // of one Transact
  std::size_t transact_payload_bytes = 4 << 20;
  std::size_t scopes = 32;          // of a token
  std::size_t scope_patterns = 64;  // of one scope, spaces and names each
  std::size_t token_description_bytes = 512;
  std::size_t token_addresses = 32;  // of a token
  std::size_t permissions = 64;      // of an entry
  std::size_t roles = 256;           // of a policy
  std::size_t grants = 64;           // of one role
  std::size_t bindings = 1024;       // of a policy
  std::size_t subjects = 256;        // of one binding
  std::size_t subject_bytes = 512;
  std::size_t policy_bytes = 256 << 10;  // of all names and patterns together
  std::uint32_t max_versions = 100;
  std::uint32_t default_versions = 10;
  TimeMs recovery_window_ms = 7LL * 24 * 3600 * 1000;
};

// Errors of the checks: invalid_argument, or too_large when only a limit is exceeded. The detail begins with what was
// checked ("name: ..."), quotes names in short, and says what would be right.

Status check_tenant_name(std::string_view name);                 // [a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?
Status check_space(std::string_view space);                      // [a-z0-9]([a-z0-9._-]{0,62})
Status check_name(std::string_view name, const Limits& limits);  // 1-512 bytes UTF-8 without control characters
/// Keys as names are; values are any UTF-8.
Status check_tags(const std::map<std::string, std::string>& tags, const Limits& limits);
Status check_attributes(const std::map<std::string, std::string>& attributes, const Limits& limits);
/// UTF-8 text of at most `limit` bytes; `where` opens the detail.
Status check_text(std::string_view where, std::string_view text, std::size_t limit);
/// UTF-8 without control characters (C0, DEL, C1), 1 to `limit` bytes.
Status check_label(std::string_view where, std::string_view text, std::size_t limit);
/// Where the Tapis door keeps its secrets.
inline constexpr std::string_view kTapisSpace = "tapis";
/// A space that belongs to a door (direktiv, tapis, cloudforet.*): Transact refuses it.
bool is_door_space(std::string_view space);

}  // namespace coffer::model

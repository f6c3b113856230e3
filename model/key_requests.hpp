#pragma once
// Requests and replies of what keeps keys and copies: seals, rotation, the tending of a tenant's rows, deletion with a
// recovery window, backups. Included by requests.hpp only, which puts them into its variants. Pure values, any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/entry.hpp"
#include "model/ids.hpp"
#include "model/secret.hpp"

namespace coffer::model {

// ---- to a tenant -----------------------------------------------------------------------------------------------

/// What the node does for a tenant besides its requests, in slices; operators only.
enum class Tending : std::uint8_t {
  status = 1,  // only says how its keys stand
  rotate = 2,  // a new data key from now on
  reseal = 3,  // a slice of rows that older data keys sealed; at the end of them the old keys are dropped
  sweep = 4,   // a slice of entries that may have expired, or whose deleted versions' recovery window may be over
};
struct TendTenant {
  Tending what = Tending::status;
  std::uint32_t rows = 256;  // examined at most, of a slice
};
struct KeyVersionInfo {
  std::uint32_t version = 0;
  TimeMs created_at = 0;
  bool current = false;
  TimeMs retired_at = 0;  // of a retired cluster key
};
struct TenantKeysReply {
  std::vector<KeyVersionInfo> data_keys;
  std::uint32_t cluster_key = 0;  // the version that wraps them
  std::uint64_t seals = 0, seal_limit = 0;
  std::uint64_t rows = 0;  // written by this slice
  bool more = false;       // another slice is needed
};

// ---- to the directory ------------------------------------------------------------------------------------------

struct UndeleteTenant {
  TenantId id;
  std::string name;  // empty: the name that it had
};
/// An operator's order ends the recovery window. From the node: first (done = false) nothing can bring the tenant back any
/// more; then, when its rows are gone, done.
struct PurgeTenant {
  TenantId id;
  bool done = false;
  TimeMs deleted_at = 0;  // of the deletion that the node saw: a tenant may come back and be deleted again; zero: any
};
/// From the node only: seals' records and the key ring, as they are stored. Errors: cas_mismatch (`expected` is not the
/// stored key ring: somebody else changed it).
struct ChangeKeys {
  std::string action;    // for the audit record
  std::string expected;  // the stored key ring's bytes
  std::vector<std::pair<std::string, std::optional<std::string>>> rows;
};
/// From the node only.
struct AddOperator {
  std::string name, token_hash;
  bool revoke_others = false;
};
/// From the node only: a tenant whose rows were imported.
struct AdoptTenant {
  std::string record;  // the directory's record, serialized
};

/// What a look at the tenants of a group has found. `looked` is false in between: then only `left` is news.
struct KeyUse {
  GroupId group;
  std::uint32_t oldest = 0;  // version of the oldest cluster key that wraps a tenant's keys
  std::uint64_t left = 0;    // tenants that hold what an older key sealed
  bool looked = false;
};
/// From the node only: what its keeper has found and done, what an operator wants, and a slice of the directory's own rows to
/// seal anew. Answers a KeysReply with the whole cluster's numbers.
struct TendKeys {
  NodeId node;
  std::uint32_t newest_key = 0;                   // cluster key that the node uses
  std::vector<KeyUse> groups;                     // that it leads
  std::uint64_t tenants_done = 0, rows_done = 0;  // since the last time; they are added
  std::optional<bool> paused;
  std::optional<std::uint64_t> rows_per_second;
  std::uint32_t reseal_rows = 0;  // examined at most
  TimeMs retire_after = 0;        // a cluster key that nothing has used for so long may be retired
};

// ---- to the node's keeper of keys -------------------------------------------------------------------------------

struct GetSeals {};
struct Unseal {  // one of both
  Secret share, passphrase;
};
struct SealNode {};
struct AddSeal {
  std::string name, kind;
  Secret passphrase;
  std::uint32_t threshold = 0, shares = 0;
  std::string key_file;
  bool replace = false;
};
struct VerifyShare {
  Secret share;
};
struct RemoveSeal {
  std::string name;
};
struct RegenerateToken {  // one of both
  Secret share, passphrase;
  bool revoke_others = false;
};
struct GetKeys {
  std::string tenant;
};
enum class KeyLevel : std::uint8_t { root = 1, cluster = 2, data = 3 };
struct RotateKeys {
  KeyLevel level = KeyLevel::data;
  std::string tenant;
};
struct SetReseal {
  std::optional<bool> paused;
  std::optional<std::uint64_t> rows_per_second;
};
struct StartBackup {
  std::vector<std::string> tenants;
};
struct ExportTenant {
  std::string tenant;
  Secret passphrase;
  std::string receiving_key;
  bool to_owner = false;
};
struct ReadBackup {
  std::string id;
  std::uint64_t sequence = 0;
};
struct ImportTenant {
  std::string name;
  Secret passphrase, private_key;
};
struct WriteImport {
  std::string id;
  std::uint64_t sequence = 0;
  std::string data;
};
struct FinishImport {
  std::string id;
};

struct SealInfo {
  std::string name, kind;
  TimeMs created_at = 0;
  std::uint32_t threshold = 0, shares = 0;
  std::string set_id;  // hexadecimal
  std::string detail;
};
struct SealReply {
  bool sealed = false;
  std::string cluster_id, reason;
  std::vector<SealInfo> seals;
  std::uint32_t given = 0, needed = 0;
  std::optional<SealInfo> seal;  // that was added
  std::vector<Secret> share_texts;
  Secret token;
};
struct KeysReply {
  std::uint32_t root_version = 0;
  TimeMs root_created_at = 0;
  std::vector<KeyVersionInfo> cluster_keys;
  bool paused = false;
  std::uint64_t rows_per_second = 0, tenants_left = 0, tenants_done = 0, rows_done = 0;
  std::string working_on;
  std::string tenant;  // when one was asked for:
  TenantKeysReply tenant_keys;
  std::uint32_t retirable = 0;  // TendKeys: cluster keys up to this version may be retired; 0: none
  std::string waits_for;        // why no older one may be
  bool more = false;            // TendKeys: another slice is needed
};
struct StreamReply {  // backups and imports
  std::string id;
  std::uint64_t sequence = 0;
  std::uint64_t tenants = 0;
  std::string data;
  bool last = false;
  std::string name;  // of the imported tenant
  std::uint64_t entries = 0;
};

}  // namespace coffer::model

#pragma once
// Requests and replies of the tenant's shard and of the directory: what doors decode into and encode from.
// Plaintext only in Payload. Pure values, any thread.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/access.hpp"
#include "model/audit.hpp"
#include "model/cluster_requests.hpp"
#include "model/document_requests.hpp"
#include "model/entry.hpp"
#include "model/identity.hpp"
#include "model/ids.hpp"
#include "model/key_requests.hpp"
#include "model/move_requests.hpp"
#include "model/operator_requests.hpp"
#include "model/payload.hpp"
#include "model/quota.hpp"
#include "model/watch.hpp"

namespace coffer::model {

// ---- requests to a tenant -------------------------------------------------------------------------------------

struct Put {
  std::string space, name;
  Payload payload;
  std::optional<std::uint64_t> cas;                        // 0: no active entry
  bool create_only = false;                                // entry_exists instead of a new version (Direktiv)
  std::optional<std::map<std::string, std::string>> tags;  // given: replaces them
  std::optional<std::string> description;
  std::optional<TimeMs> expires_at;               // 0: never
  std::map<std::string, std::string> attributes;  // merged into the entry's
  bool caller_owns = false;                       // the caller becomes the owner of a new entry
  bool must_exist = false;                        // entry_not_found instead of a new entry (Tapis)
  bool write_only = false, read_only = false;     // what a new entry will be
};
struct Get {
  std::string space, name;
  std::uint64_t version = 0;  // 0: the newest
  bool with_payload = true;   // false: Describe; answers deleted entries, too
  bool inject = false;        // for a program's environment: needs inject instead of read-value, shows write-only ones
};
struct UpdateMetadata {
  std::string space, name;
  std::map<std::string, std::string> set_tags;
  std::vector<std::string> remove_tags;
  std::optional<std::string> description;
  std::optional<TimeMs> expires_at;  // 0: never
  std::optional<std::uint32_t> max_versions;
  std::optional<std::uint64_t> cas;
};
struct Delete {
  std::string space, name;
  std::vector<std::uint64_t> versions;  // none: all
  std::optional<std::uint64_t> cas;
  /// Only if the entry's attribute has this value (an absent attribute counts as ""); else as if it were missing.
  std::optional<std::pair<std::string, std::string>> only_if_attribute;
  bool missing_is_ok = false;  // answers DeleteReply{count 0} instead of entry_not_found
};
struct Undelete {
  std::string space, name;
  std::vector<std::uint64_t> versions;
};
struct Destroy {
  std::string space, name;
  std::vector<std::uint64_t> versions;
  bool must_exist = false;  // entry_not_found when there is no active version
  /// Only if the entry's attribute has this value (an absent attribute counts as ""); else nothing is destroyed.
  std::optional<std::pair<std::string, std::string>> only_if_attribute;
};
struct History {
  std::string space, name;
};
struct List {
  std::string space;
  std::string prefix;
  std::vector<std::pair<std::string, std::string>> tags;         // all must hold
  std::optional<std::pair<std::string, std::string>> attribute;  // absent counts as ""
  std::string after;                                             // names greater than this
  std::uint32_t limit = 100;  // 0: everything (Direktiv, Dapr bulk), bounded by `byte_limit`
  bool with_payload = false;  // needs read-value for each; entries that may not be read are left out
  std::uint64_t byte_limit = 64ULL << 20;
};
/// What the Tapis door knows of one token of a render before it asks for the secrets: the audit trail says it in the
/// record of the request, with what became of it.
struct RenderNote {
  std::uint64_t item = 0;  // counted from 1: the token stands for the secret of that item; 0: it stands for none
  bool invalid = false;    // without an item: the map itself is wrong; else the token cannot be resolved
  std::string owner;       // whose secret the token says it is, as a bare name; empty: the acting user's
  std::string details;     // "env_var=DB"
};
struct BatchGet {
  std::vector<Get> items;  // may be empty when there are notes
  /// Set: a render. Only secrets of the caller are answered and, when a service calls, those of this user; of an item
  /// with notes only if one of them names no other owner (not_owned).
  std::optional<std::string> acting_for;
  std::vector<RenderNote> notes;
};
struct Check {
  std::string space, name;
  std::uint64_t version = 0;
};
struct Transact {
  std::vector<std::variant<Put, Delete, Check, Destroy>> operations;
};
/// Gives, changes or takes away somebody's level on one entry; needs the capability grant.
struct SetPermission {
  std::string space, name, subject;
  std::optional<Level> level;  // none: takes it away
};
struct CreateToken {
  std::string description;
  std::vector<Scope> scopes;  // none: what the tenant's policy gives to the token
  TimeMs expires_at = 0;
  std::vector<std::string> addresses;  // works only from these ranges ("10.0.0.0/8"); none: from everywhere
  bool renewable = false;              // may renew itself; needs expires_at and max_ttl
  TimeMs max_ttl = 0;                  // milliseconds after its creation at which renewing ends
};
struct ListTokens {};
struct RevokeToken {
  std::string id;
};
// A token on itself: no capability is needed.
struct LookupSelf {};
struct RenewSelf {
  TimeMs ttl = 0;  // milliseconds from now on; 0: as long as it was first made for
};
struct RevokeSelf {};
struct GetPolicy {};
struct ApplyPolicy {
  PolicySet policy;                       // its version, changed_at and changed_by are not looked at
  std::optional<std::uint64_t> expected;  // the version that it replaces, else cas_mismatch
  bool dry_run = false;                   // only says what would change
};

struct PutIssuer {  // a new one, or the next version of the one of that name
  Issuer issuer;
};
struct DeleteIssuer {
  std::string name;
};
struct ListIssuers {};
struct PutCertificateRule {
  CertificateRule rule;
};
struct DeleteCertificateRule {
  std::string name;
};
struct ListCertificateRules {};

struct GetQuota {};
struct SetQuota {
  struct Change {
    Limit limit = Limit::entries;
    std::optional<std::uint64_t> value;  // 0: no limit; none: the node's default again
  };
  std::vector<Change> changes;  // what is not named stays
};

struct GetAudit {
  std::string space, name;  // when given, the answer has the hash by which records name this secret
};
struct SetAudit {  // what is absent stays
  std::optional<bool> strict, clear_names;
};

using TenantOperation =
    std::variant<Put, Get, UpdateMetadata, Delete, Undelete, Destroy, History, List, BatchGet, Transact, CreateToken,
                 ListTokens, RevokeToken, SetPermission, LookupSelf, RenewSelf, RevokeSelf, GetPolicy, ApplyPolicy,
                 PutIssuer, DeleteIssuer, ListIssuers, PutCertificateRule, DeleteCertificateRule, ListCertificateRules,
                 GetQuota, SetQuota, Watch, TendTenant, ChangeDocument, ReadDocument, Query, GetAudit, SetAudit,
                 FenceTenant, ReadMoving>;

// ---- requests to the directory --------------------------------------------------------------------------------

struct DoorName {
  Door door = Door::native;
  std::string external_id;
  friend bool operator==(const DoorName&, const DoorName&) = default;
};
struct CreateTenant {
  std::string name;  // empty: made from the external id (doors that create, --dev)
  std::vector<DoorName> doors;
  bool with_owner_key = false;  // Direktiv's CreateBucket: answers the private key once
  bool existing_is_ok = false;
};
struct GetTenant {
  std::string name;
};
struct ListTenants {
  std::string prefix, after;
  std::uint32_t limit = 100;
  bool show_deleted = false;
  bool only_deleted = false;  // all that are not purged yet; no pages
};
struct DeleteTenant {
  std::string name;  // or, when empty:
  std::optional<DoorName> door;
  bool purge = false;      // without a recovery window
  TimeMs recovery_ms = 0;  // of the window; 0: kTenantRecoveryMs
};
inline constexpr TimeMs kTenantRecoveryMs = 7LL * 24 * 3600 * 1000;
struct OpenDoor {
  std::string name;
  DoorName door;
};
/// The order is that of the forwarding codec (model/forward_codec.hpp): what is new comes last, in the other variants, too.
using DirectoryOperation =
    std::variant<CreateTenant, GetTenant, ListTenants, DeleteTenant, OpenDoor, GetClusterStatus, CreateJoinToken,
                 JoinNode, RenewNodeCertificate, AnnounceNode, DrainNode, RemoveNode, BalanceCluster,
                 TransferLeadership, UndeleteTenant, PurgeTenant, ChangeKeys, AddOperator, AdoptTenant, CreateOperator,
                 ListOperators, RevokeOperator, MoveTenant, AdvanceMove, PauseMoves, AddGroups, TendKeys>;

/// To the node itself, also while it is sealed; see key_requests.hpp.
using KeeperOperation =
    std::variant<GetSeals, Unseal, SealNode, AddSeal, VerifyShare, RemoveSeal, RegenerateToken, GetKeys, RotateKeys,
                 SetReseal, StartBackup, ExportTenant, ReadBackup, ImportTenant, WriteImport, FinishImport>;

// ---- replies --------------------------------------------------------------------------------------------------

struct EntryReply {  // Put, UpdateMetadata, SetPermission, Undelete, Destroy, Get
  Entry entry;
  std::uint64_t version = 0;       // the version answered
  std::optional<Payload> payload;  // Get with_payload
};
struct DeleteReply {
  std::uint64_t count = 0;  // entries touched
  Entry entry;
};
struct HistoryReply {
  std::vector<Version> versions;  // newest first
};
struct ListReply {
  std::vector<EntryReply> entries;  // ordered by name
  bool more = false;                // `after` = the last name continues
};
struct BatchGetReply {
  std::vector<Result<EntryReply>> results;
};
struct TransactReply {
  std::vector<std::uint64_t> versions;
};
struct TokenInfo {
  std::string id, description, created_by;
  std::vector<Scope> scopes;
  TimeMs created_at = 0, expires_at = 0, revoked_at = 0;
  std::vector<std::string> addresses;
  bool renewable = false;
  TimeMs ttl = 0;             // what it was first made for; of a renewable one
  TimeMs max_expires_at = 0;  // no renewal goes beyond
  friend bool operator==(const TokenInfo&, const TokenInfo&) = default;
};
struct TokenReply {  // CreateToken (with the secret), RevokeToken, LookupSelf, RenewSelf, RevokeSelf
  TokenInfo token;
  Secret secret;
};
struct TokensReply {
  std::vector<TokenInfo> tokens;
};

struct IssuerReply {  // PutIssuer, DeleteIssuer: as it was
  Issuer issuer;
};
struct IssuersReply {
  std::vector<Issuer> issuers;  // ordered by name
};
struct CertificateRuleReply {  // PutCertificateRule, DeleteCertificateRule: as it was
  CertificateRule rule;
};
struct CertificateRulesReply {
  std::vector<CertificateRule> rules;  // ordered by name
};
struct PolicyReply {
  PolicySet policy;                     // GetPolicy; of ApplyPolicy without roles and bindings
  std::vector<std::string> difference;  // ApplyPolicy: what changed or would change (policy_difference)
};

struct QuotaReply {                      // GetQuota, SetQuota
  Quota own;                             // what was set for the tenant
  QuotaLimits limits;                    // in force, with the node's defaults
  std::uint64_t entries = 0, bytes = 0;  // held
};

struct AuditReply {  // GetAudit, SetAudit
  AuditSettings settings;
  std::string entry_hash;  // GetAudit with a name: 32 bytes
};

struct QueryReply {                 // ReadDocument answers a BatchGetReply: the document, and the one it links to
  std::vector<EntryReply> entries;  // the page, in order
  std::uint64_t total = 0;          // of what fits, before the page was cut
  std::string rows;                 // stages and distinct: a JSON array
};

enum class TenantState : std::uint8_t { active = 1, deleted = 2, purged = 3 };
struct TenantInfo {
  TenantId id;
  std::string name;
  GroupId group;
  TenantState state = TenantState::active;
  std::vector<DoorName> doors;
  TimeMs created_at = 0, deleted_at = 0;
  TimeMs purge_at = 0;      // of a deleted one: the end of its recovery window
  TimeMs purged_at = 0;     // 0 while the rows of a purged one are being removed
  std::uint32_t moves = 0;  // number of the newest one from group to group; each is greater than those before
  GroupId moving_to;        // zero: it is not on its way
  GroupId moved_from;       // not zero: it has moved, and its rows there are being removed
  std::vector<GroupId> former_groups;  // where its rows have been
};
struct TenantReply {
  TenantInfo tenant;
  Secret owner_private_key;  // CreateTenant with_owner_key only
  bool created = false;
};
struct TenantsReply {
  std::vector<TenantInfo> tenants;  // ordered by name
  bool more = false;
};

using ReplyBody =
    std::variant<EntryReply, DeleteReply, HistoryReply, ListReply, BatchGetReply, TransactReply, TokenReply,
                 TokensReply, TenantReply, TenantsReply, PolicyReply, IssuerReply, IssuersReply, CertificateRuleReply,
                 CertificateRulesReply, QuotaReply, WatchReply, ClusterStatusReply, JoinTokenReply, JoinReply,
                 NodeReply, DoneReply, TenantKeysReply, SealReply, KeysReply, StreamReply, QueryReply, AuditReply,
                 OperatorReply, OperatorsReply, MovingReply>;
struct Reply {
  Revision revision;  // of the tenant when the request was decided
  ReplyBody body;
};

// ---- one call -------------------------------------------------------------------------------------------------

/// How a request names its tenant: by Coffer's name, or by a door's external id.
struct TenantRef {
  std::string name;                  // when not empty
  DoorName door;                     // otherwise
  bool create_at_first_use = false;  // honoured in --dev only
};

struct CallInfo {
  Door door = Door::native;
  std::string request_id;  // the client's id of a mutation; empty: none. At most 128 bytes.
  std::string address;     // of the client, for the audit record
  TimeMs deadline = 0;     // wall clock; at most 60 s ahead
  bool as_admin = false;   // the caller wants his role pods_admin to count (Tapis)
  std::string trace;       // the traceparent (W3C Trace Context) that came or was made; empty: none
};

struct Request {
  TenantRef tenant;  // not used by directory operations
  Credential credential;
  CallInfo info;
  std::variant<TenantOperation, DirectoryOperation, KeeperOperation> operation;
};

}  // namespace coffer::model

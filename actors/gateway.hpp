#pragma once
// The only header of actors/ that net/ sees. A transport makes a Call, fills its request and submits it; the call is
// completed exactly once, from any thread, also synchronously inside submit(), also when an actor dies (unavailable).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/audit.hpp"
#include "model/requests.hpp"
#include "model/result.hpp"

namespace coffer::actors {

/// What the audit trail will say of a call. Filled by whoever decides it on this node; a node that only forwards a call
/// leaves `port` null and records nothing.
struct AuditNote {
  model::AuditPort* port = nullptr;
  std::shared_ptr<const model::Principal> principal;
  model::TenantId tenant;
  model::NameHash entry{};
  bool has_entry = false;
  bool elsewhere = false;     // another node records it, to which the call was forwarded
  bool in_write_set = false;  // the committed write set brings the record; the answer needs none of its own
  bool strict = false, clear_names = false;
  std::uint64_t version = 0;
  std::string details;                  // "key=value" words
  std::vector<model::AuditItem> items;  // of a request for several secrets
};

/// One request on its way. Owned by the transport; must live until complete() was called.
class Call {
 public:
  virtual ~Call() = default;
  model::Request request;
  model::Result<model::Reply> reply{model::Code::unavailable};
  /// Called once, after `reply` is set. Must not throw, must not block; may delete the call.
  virtual void complete() noexcept = 0;
  // The gateway's:
  std::uint8_t reroutes = 0;
  model::GroupId group;    // of its tenant
  model::Term life;        // of the shard or directory that has read for it; 0: none has
  bool forwarded = false;  // came from another node: goes no further than this one
  bool confirmed = false;  // a majority confirmed after its arrival that this node leads
  bool looked_up = false;  // its tenant was not found, and the directory here was brought up to date since
  bool survives = false;   // asks again by itself when its answer is lost
  bool first_try = false;  // under a request id that this node has just made: nothing can be stored or waiting for it
  bool decided = false;    // the answer is about this caller and stays the same on every node: it is not asked again
  AuditNote audit;
};

struct GroupStatus {
  model::GroupId id;
  std::string role;
  std::uint64_t term = 0, commit_index = 0, applied_index = 0, durable_index = 0;
  std::uint64_t leader = 0;  // node id; 0: none is known
};
struct NodeStatus {
  bool ready = false;  // unsealed, directory loaded, meta group led
  bool sealed = false;
  bool read_only = false;        // too little room on the disk: what changes something is refused
  std::uint64_t free_bytes = 0;  // on the disk; 0: not known
  std::uint64_t node_id = 0;
  std::string cluster_id;
  std::uint64_t tenants = 0, active_shards = 0;
  std::vector<GroupStatus> groups;
};

/// What a tenant's rows say about whom it trusts; for net, which verifies by it. The shard compares the versions.
struct TenantTrust {
  model::TenantId tenant;
  std::vector<model::Issuer> issuers;
  std::vector<model::CertificateRule> certificate_rules;
};

/// A counter or gauge that the node shows under /metrics.
struct Sample {
  std::string name, help;
  bool is_counter = false;
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

/// What readings of a tenant's trust are compared with: one that was made under an equal basis still holds.
struct TrustBasis {
  std::optional<model::TenantId> tenant;  // none: the directory here has no such tenant
  std::uint64_t changes = 0;              // of its trust, as far as this node hears of them
  /// This node leads the tenant's group and so hears of every change at once. Else a reading may lag: who refuses by one
  /// that is older than the request reads again first.
  bool led_here = false;
  friend bool operator==(const TrustBasis&, const TrustBasis&) = default;
};
using TrustDone = std::function<void(model::Result<TenantTrust>)>;

class Gateway {
 public:
  virtual ~Gateway() = default;
  /// Routes the call. Any thread.
  virtual void submit(Call* call) noexcept = 0;
  /// Checks a Coffer or operator token's MAC; starts nothing and asks nobody. Errors: unauthenticated; sealed.
  virtual model::Result<model::Credential> authenticate(std::string_view token, model::Door door) const = 0;
  /// Is there such a tenant or door? A lookup in the routing table. Any thread.
  virtual bool tenant_exists(const model::TenantRef& tenant) const = 0;
  /// The id that a name or a door's external id leads to. A lookup in the routing table. Any thread.
  virtual std::optional<model::TenantId> find_tenant(const model::TenantRef& tenant) const = 0;
  /// Reads whom the tenant trusts, as of whatever was acknowledged before the call, on whatever node, by point lookups
  /// that start nothing: here, or where the tenant's group is led when this node has no replica of it. `done` is called
  /// once, also at once, from any thread, which must not be kept: it may be an actor's. Errors: tenant_not_found;
  /// unavailable (nobody could say by `deadline`); overloaded (too many ask); data_loss; disk_error.
  virtual void ask_trust(const model::TenantRef& tenant, model::TimeMs deadline, TrustDone done) const = 0;
  /// A lookup in tables. Any thread.
  virtual TrustBasis trust_basis(const model::TenantRef& tenant) const = 0;
  virtual NodeStatus status() const = 0;
  virtual std::vector<Sample> samples() const = 0;
  /// Where listeners note what never reached the actors, and operators read; null: this gateway has no audit trail.
  virtual model::AuditPort* audit() const { return nullptr; }
};

}  // namespace coffer::actors

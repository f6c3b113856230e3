#pragma once
// What the actors of one node share: set up by the node before the first actor starts, outlives the last one. The
// boards are the only state that several threads write, and they are atomics. Included inside actors/ only.

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "actors/actors.hpp"
#include "actors/directory_core.hpp"
#include "actors/routing.hpp"
#include "actors/shard_cell.hpp"
#include "actors/tenant_core.hpp"
#include "actors/trust_lookup.hpp"

namespace coffer::actors {

/// What one group shows to everybody; written by its actor and by the state writer.
struct GroupBoard {
  std::atomic<cluster::Role> role{cluster::Role::stopped};
  std::atomic<std::uint64_t> term{0}, commit{0}, applied{0}, durable{0};
  std::atomic<std::uint64_t> generation{1};        // of the group's rows in the state database
  std::atomic<std::uint64_t> trust_changed_at{0};  // index of the newest change of a tenant's issuers or rules
};

/// Numbers for /metrics.
struct NodeCounters {
  std::atomic<std::uint64_t> log_batches{0}, log_writes{0}, log_bytes{0}, applied_entries{0}, checkpoints{0},
      shards_started{0}, shards_stopped{0}, rerouted{0}, overloaded{0};
  QuotaRefusals quota_refusals;
};

/// The shards that run, for the gateway: looked up by every call, changed by the front. Striped.
class ShardTable {
 public:
  struct Shard {
    CallActor actor;                  // invalid when the tenant's shard does not run
    std::shared_ptr<ShardCell> cell;  // null: everything goes to the actor (the directory)
  };
  Shard find(const model::TenantId& tenant) const;
  void put(const model::TenantId& tenant, Shard shard);
  void remove(const model::TenantId& tenant);
  std::uint64_t size() const { return size_; }

 private:
  struct Stripe {
    mutable std::shared_mutex mutex;
    std::unordered_map<model::TenantId, Shard> shards;
  };
  const Stripe& stripe(const model::TenantId& id) const { return stripes_[id.bytes[15] % stripes_.size()]; }
  Stripe& stripe(const model::TenantId& id) { return stripes_[id.bytes[15] % stripes_.size()]; }
  std::array<Stripe, 64> stripes_;
  std::atomic<std::uint64_t> size_{0};
};

struct Context {
  // Constant while actors run.
  TenantDeps* tenant_deps = nullptr;
  DirectoryDeps* directory_deps = nullptr;
  storage::LogStore* log_store = nullptr;
  storage::Engine* state_engine = nullptr;
  std::function<void(std::string_view)> log;       // one line, no secrets
  std::function<void(const model::Error&)> fatal;  // stops the process; may return (tests)
  std::chrono::milliseconds shard_idle{60'000};
  std::size_t max_shards = 10'000;
  std::size_t max_waiting_calls = 4096;  // of a shard that is starting
  std::size_t checkpoint_bytes = 32 << 20;
  std::chrono::milliseconds checkpoint_interval{60'000};
  std::vector<Operator> new_operators;  // to be added when the directory opens
  bool create_at_first_use = false;
  model::AuditPort* audit = nullptr;  // null: nothing is noted

  std::vector<GroupActor> groups;  // by id; filled before the front starts
  LogWriterActor log_writer;
  StateWriterActor state_writer;
  FrontActor front;

  // Shared, thread-safe.
  std::vector<GroupBoard> boards;  // by id
  ShardTable shards;               // the directory under the zero tenant
  NodeCounters counters;
  TrustChanges trust_changes;
  std::atomic<bool> accepting{false};
  std::atomic<bool> directory_ready{false};
  std::mutex ready_mutex;
  std::condition_variable ready_changed;
  std::atomic<std::uint64_t> next_life{1};

  Undelivered undelivered = nullptr;  // what parcels do with calls that nobody took
  void* router = nullptr;

  Parcel parcel(CallHandle call) { return Parcel(std::move(call), undelivered, router); }
};

/// CLOCK_BOOTTIME in milliseconds: goes on while the machine is suspended, as election timers and leases need.
cluster::MonotonicMs boot_clock_ms();

ShardActor spawn_shard(caf::actor_system& system, Context& context, const TenantRoute& route,
                       std::shared_ptr<ShardCell> cell);
DirectoryActor spawn_directory(caf::actor_system& system, Context& context);
GroupActor spawn_group(caf::actor_system& system, Context& context, const cluster::GroupConfig& config,
                       storage::Recovered recovered);
LogWriterActor spawn_log_writer(caf::actor_system& system, Context& context);
StateWriterActor spawn_state_writer(caf::actor_system& system, Context& context);
FrontActor spawn_front(caf::actor_system& system, Context& context, const RoutingTable& routing);

}  // namespace coffer::actors

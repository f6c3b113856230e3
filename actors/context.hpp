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
#include "actors/bootstrap.hpp"
#include "actors/burst.hpp"
#include "actors/cluster_view.hpp"
#include "actors/directory_core.hpp"
#include "actors/group_bell.hpp"
#include "actors/group_host.hpp"
#include "actors/growing_table.hpp"
#include "actors/node_table.hpp"
#include "actors/routing.hpp"
#include "actors/shard_cell.hpp"
#include "actors/tenant_core.hpp"
#include "actors/trust_lookup.hpp"
#include "cluster/founders.hpp"

namespace coffer::actors {

/// What one group shows to everybody; written by its actor and by the state writer.
struct GroupBoard {
  std::atomic<cluster::Role> role{cluster::Role::stopped};
  std::atomic<std::uint64_t> term{0}, commit{0}, applied{0}, durable{0};
  std::atomic<std::uint64_t> generation{1};        // of the group's rows in the state database
  std::atomic<std::uint64_t> trust_changed_at{0};  // index of the newest change of a tenant's issuers or rules
  std::atomic<std::uint64_t> leader{0};            // node that leads; 0: none is known
  std::atomic<std::uint64_t> lease_until{0};       // boot_clock_ms() below which this node certainly leads
  std::atomic<std::uint32_t> voters{0};
  std::atomic<std::uint32_t> inbox{0};  // messages of peers on their way to the group's actor
  /// Requests that this node has answered as the group's leader. In a line of its own, for every Get from memory counts
  /// here while it looks at what stands above.
  alignas(64) std::atomic<std::uint64_t> requests{0};
  void count_request() { requests.fetch_add(1, std::memory_order_relaxed); }

  /// May what is read now be answered without asking anybody? Asked AFTER the reading: then no pause of the thread in
  /// between can make it untrue of the moment that counts.
  bool holds_lease() const;
  /// The same for what a life of that term has read. One that has ended may not know yet that somebody else led and wrote
  /// while this node, which leads again by now, did not.
  bool holds_lease(model::Term life) const { return holds_lease() && term == life.value; }
  /// And for an answer.
  bool holds_lease_of(const Call& call) const { return call.life.value == 0 ? holds_lease() : holds_lease(call.life); }
};

/// Numbers for /metrics.
struct NodeCounters {
  std::atomic<std::uint64_t> log_batches{0}, log_writes{0}, log_bytes{0}, applied_entries{0}, checkpoints{0},
      shards_started{0}, shards_stopped{0}, rerouted{0}, overloaded{0}, forwarded_out{0}, forwarded_in{0}, retried{0},
      confirmations{0}, snapshots_sent{0}, snapshots_installed{0}, peer_messages_dropped{0}, frames_refused{0},
      trust_asked{0};
  QuotaRefusals quota_refusals;
  QuotaBoard quota_board;
};

/// The shards that run, for the gateway: looked up by every call, changed by the front. Striped.
class ShardTable {
 public:
  struct Shard {
    CallActor actor;                  // invalid when the tenant's shard does not run
    std::shared_ptr<ShardCell> cell;  // null: everything goes to the actor (the directory)
    model::GroupId group;             // whose leases count for what is read there
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

/// What the leaders of groups said last; written by group actors and by the steward, read by the steward.
class GroupReports {
 public:
  void put(model::GroupInfo info);
  void forget(model::GroupId group);
  /// In the reports of this term from now on; by the steward, who measures it.
  void put_load(model::GroupId group, model::Term term, const model::GroupLoad& load);
  std::vector<model::GroupInfo> all() const;

 private:
  mutable std::mutex mutex_;
  std::map<model::GroupId, model::GroupInfo> reports_;
};

struct Context {
  // Constant while actors run, but for what the keys bring: it is set before any group may be led.
  TenantDeps* tenant_deps = nullptr;
  DirectoryDeps* directory_deps = nullptr;
  storage::LogStore* log_store = nullptr;
  storage::Engine* state_engine = nullptr;
  std::function<void(std::string_view)> log;  // one line, no secrets
  std::function<model::TimeMs()> wall_clock;
  std::function<void(const model::Error&)> fatal;  // stops the process; may return (tests)
  std::chrono::milliseconds shard_idle{60'000};
  std::size_t max_shards = 10'000;
  std::size_t max_waiting_calls = 4096;  // of a shard that is starting
  std::size_t checkpoint_bytes = 32 << 20;
  std::chrono::milliseconds checkpoint_interval{60'000};
  std::chrono::milliseconds placement_interval{1000};
  std::chrono::milliseconds leave_after{0};  // a replica whose group left this node goes, when no leader speaks to it
  std::chrono::milliseconds load_window{60'000};  // over which the groups' loads are smoothed
  std::chrono::milliseconds replace_after{0};     // a silent node's replicas are made elsewhere; 0: never by itself
  std::uint64_t snapshot_bytes_per_second = 0;    // that this node takes from others; 0: as fast as it goes
  std::uint32_t replicas = 3;                     // of a data group, as far as there are nodes
  std::vector<Operator> new_operators;            // to be added when the directory opens
  model::NodeId self;
  std::string cluster_id;                                // 16 bytes
  std::uint32_t newest_format = cluster::kNewestFormat;  // that this node announces
  std::string peer_address;                              // where others reach this node; empty: it has no peers
  RoutingTable* routing = nullptr;
  OperatorTable* operators = nullptr;
  bool create_at_first_use = false;
  const std::atomic<bool>* low_on_disk = nullptr;  // this node takes no changes; null: it always does
  bool is_low_on_disk() const { return low_on_disk != nullptr && *low_on_disk; }
  std::atomic<model::AuditPort*> audit{nullptr};  // null: nothing is noted, as before the node is unsealed

  GrowingTable<GroupActor> groups{cluster::kMostDataGroups + 1};  // by id; filled before the front starts
  /// What those actors and others take turns at, as many; there until every actor has ended.
  GrowingTable<std::unique_ptr<GroupHost>> hosts{cluster::kMostDataGroups + 1};
  LogWriterActor log_writer;
  StateWriterActor state_writer;
  FrontActor front;
  ForwarderActor forwarder;
  MirrorActor mirror;
  StewardActor steward;
  SnapshotsActor snapshots;
  TrustDeskActor trust_desk;
  GroupBellActor group_bell;

  // Shared, thread-safe.
  /// By id. A group that is being added has its board before it has its actor, and leads nowhere meanwhile.
  GrowingTable<GroupBoard> boards{cluster::kMostDataGroups + 1};
  GroupBell bell;
  Burst burst;
  ShardTable shards;  // the directory under the zero tenant
  NodeCounters counters;
  TrustChanges trust_changes;
  std::atomic<bool> accepting{false};
  std::atomic<bool> directory_ready{false};
  std::mutex ready_mutex;
  std::condition_variable ready_changed;
  std::atomic<std::uint64_t> next_life{1};
  std::atomic<cluster::PeerLink*> link{nullptr};
  NodeTable nodes;
  GroupReports reports;
  ClusterView cluster_view;
  std::mutex publishing;  // of the directory's tables: by its actor while this node leads it, else by the mirror
  std::uint64_t published_by_leader =
      0;  // entries of the meta group up to here are the directory actor's; under the mutex
  std::uint64_t directory_publisher = 0;   // life of the directory actor that publishes; 0: none; under the mutex
  std::atomic<std::uint64_t> mirrored{0};  // the tables hold everything up to this entry
  std::atomic<bool> mirror_loaded{false};
  std::function<void(const KeyChanges&)> keys_changed;           // by a committed write set; by the mirror
  std::function<void(KeyRows)> keys_read;                        // all there are in a state that came; by the mirror
  std::function<void(std::vector<GroupFounding>)> groups_added;  // rows name them, perhaps again; by both publishers
  std::function<void(model::GroupId, model::TimeMs)>
      tenant_purged;                                           // its rows are gone from the group; by both publishers
  std::function<void(const model::TenantInfo&)> tenant_moves;  // its row says so, or that it is over; by the mirror
  std::function<void(model::GroupId)> replica_gone;            // that the node has left: its bytes are to go, too
  std::uint64_t first_call_id = 1;  // of what this life of the node asks others: no late answer to an earlier one fits
  std::function<void()> tenant_to_purge;  // its window is over, its rows are there; by the mirror
  std::atomic<bool> unsealed{false};      // the keys are open
  std::string request_ids_start;          // of ids that this life of the node gives
  std::atomic<std::uint64_t> next_request_id{1};

  Undelivered undelivered = nullptr;  // what parcels do with calls that nobody took
  void* router = nullptr;
  void (*resubmit)(void* router, Call* call) = nullptr;  // routes a call that was routed before

  /// To another node; false when there is no link to it or no room.
  bool send(model::NodeId to, cluster::PeerChannel channel, model::GroupId group, model::Secret body);
  /// Within a burst: may wait for its end.
  void send_in_burst(model::NodeId to, cluster::PeerChannel channel, model::GroupId group, model::Secret body);
  void end_burst();
  /// Whom the link speaks to: all nodes in the table that were not removed.
  void publish_peers();
  /// Somebody's issuers or certificate rules have changed by the entry at this index.
  void tenant_trust_applied(const model::TenantId& tenant, model::GroupId group, model::Index index);
  /// Has this node others beside it?
  bool is_clustered() const { return link.load(std::memory_order_relaxed) != nullptr; }
  Parcel parcel(CallHandle call) { return Parcel(std::move(call), undelivered, router); }
};

/// Rows that are written beside a tenant's shard (purge, import).
struct RowsOrder {
  model::GroupId group;
  model::TenantId tenant;
  std::shared_ptr<const std::vector<storage::RowChange>> rows;
  std::string action;                 // for the audit record; empty: none
  std::optional<MarkCondition> mark;  // written only while the tenant's mark of a move is this
  /// Whoever waits gives the order up unless it is begun; from then on it is certain to be answered.
  enum class Fate : std::uint8_t { waiting, begun, given_up };
  std::shared_ptr<std::atomic<Fate>> fate;
  std::shared_ptr<std::promise<model::Result<model::Index>>> done;
};
void spawn_rows(caf::actor_system& system, Context& context, const RowsOrder& order);

/// CLOCK_BOOTTIME in milliseconds: goes on while the machine is suspended, as election timers and leases need.
cluster::MonotonicMs boot_clock_ms();

ShardActor spawn_shard(caf::actor_system& system, Context& context, const TenantRoute& route,
                       std::shared_ptr<ShardCell> cell);
DirectoryActor spawn_directory(caf::actor_system& system, Context& context);
GroupActor spawn_group(caf::actor_system& system, Context& context, const cluster::GroupConfig& config,
                       storage::Recovered recovered);
LogWriterActor spawn_log_writer(caf::actor_system& system, Context& context);
StateWriterActor spawn_state_writer(caf::actor_system& system, Context& context);
ForwarderActor spawn_forwarder(caf::actor_system& system, Context& context);
MirrorActor spawn_mirror(caf::actor_system& system, Context& context);
StewardActor spawn_steward(caf::actor_system& system, Context& context);
SnapshotsActor spawn_snapshots(caf::actor_system& system, Context& context);
TrustDeskActor spawn_trust_desk(caf::actor_system& system, Context& context);
GroupBellActor spawn_group_bell(caf::actor_system& system, Context& context);
FrontActor spawn_front(caf::actor_system& system, Context& context, const RoutingTable& routing);

}  // namespace coffer::actors

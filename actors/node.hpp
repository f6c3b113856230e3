#pragma once
// One node's inside: databases, keys, actors and the gateway. Made, started and stopped by the composition root (or a
// test) on one thread; the gateway it is may be called from any.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/audit_log.hpp"
#include "actors/bootstrap.hpp"
#include "actors/disk_watch.hpp"
#include "actors/gateway.hpp"
#include "actors/keeper_settings.hpp"
#include "cluster/formats.hpp"
#include "cluster/peer_link.hpp"
#include "crypto/key_ring.hpp"
#include "model/quota_use.hpp"
#include "storage/engine.hpp"

namespace coffer::actors {

struct NodeOptions {
  std::unique_ptr<storage::Engine> log_engine, state_engine;
  std::unique_ptr<crypto::Seal> seal;          // opens by itself; null: a person will, through the keeper
  bool start_sealed = false;                   // the seal is not asked
  decltype(Sealing::first_seals) first_seals;  // of a new cluster; default: the seal's
  std::function<model::Result<std::unique_ptr<crypto::Seal>>(const std::string& name)>
      device_seal;  // PKCS#11, if there is
  /// Asks for this node to be ended and started again with start_sealed. Any thread.
  std::function<void()> request_seal;
  KeeperSettings keeper;
  Bootstrap bootstrap = Bootstrap::refuse;
  bool dev = false;                 // tenants at first use, the operator's token is a root token
  std::string operator_token_file;  // made (0600) when missing and not empty; its token is let in
  std::uint32_t data_groups = 16;   // of a new cluster; more can be added to it
  std::uint64_t election_timeout_ms = 300, heartbeat_ms = 60;
  unsigned scheduler_threads = 1;
  std::chrono::milliseconds shard_idle{60'000};
  std::size_t max_shards = 10'000;
  std::size_t checkpoint_bytes = 32 << 20;
  std::chrono::milliseconds checkpoint_interval{60'000};
  std::int64_t cache_bytes = 128LL << 20;
  AuditOptions audit;  // its cluster, node and key are filled in
  DiskLimits disk;
  DiskWatch::FreeBytes free_bytes;            // on the data's disk; null: not watched
  model::QuotaLimits quotas;                  // of tenants that have none of their own
  std::function<model::TimeMs()> wall_clock;  // default: the system's
  crypto::Random* random = nullptr;           // default: the system's
  std::function<void(std::string_view)> log;  // one line; default: nowhere

  // The cluster. Without a link the node is alone.
  cluster::PeerLink* link = nullptr;  // not owned, outlives the node, which starts it, names its peers and stops it
  std::string peer_address;           // where others reach this node
  std::optional<JoinedNode> joined;   // Bootstrap::join: what it was told when it was let in
  std::vector<cluster::Peer> peers;   // known from before, beside those of the replicated rows
  bool lease = true;                  // false: every linearizable read asks a majority
  std::uint32_t replicas = 3;         // of a data group, as far as there are nodes
  std::uint32_t newest_format = cluster::kNewestFormat;  // that it announces; a lower one keeps newer ones switched off
  std::chrono::milliseconds placement_interval{1000};
  /// A replica whose group goes on without this node is let go of when no leader has spoken to it for so long.
  std::chrono::milliseconds leave_after{30'000};
  std::chrono::milliseconds load_window{60'000};  // over which the groups' loads are smoothed (cluster/group_load.hpp)
  std::chrono::milliseconds replace_after{0};     // a silent node's replicas are made elsewhere; 0: only by an operator
  std::uint64_t snapshot_bytes_per_second = 0;    // of groups' states that others send; 0: as fast as it goes
  std::size_t catch_up_memory = 512 << 20;  // of the groups' logs, for nodes that are behind (cluster/log_room.hpp)
  /// What ends the process when a disk fails or what is stored is damaged. Default: says why and aborts at once,
  /// without running destructors, so that nothing more is acknowledged.
  std::function<void(const model::Error&)> fatal;
};

class Node : public Gateway {
 public:
  /// Opens the keys, replays, and returns when the directory is loaded and calls are taken; or, when no seal opens by
  /// itself and a person can, when it is ready to be unsealed.
  /// Errors: those of open_identity, and unavailable when the node does not get ready within `timeout`.
  static model::Result<std::unique_ptr<Node>> start(NodeOptions options,
                                                    std::chrono::milliseconds timeout = std::chrono::minutes(5));
  /// The link of a node that had none: a cluster's first node has no certificate before it is ready. REQUIRES: not
  /// connected yet; the link outlives the node.
  virtual void connect(cluster::PeerLink& link) = 0;
  /// Limits of tenants that have none of their own, from each one's next request on. Any thread.
  virtual void set_default_quotas(const model::QuotaLimits& quotas) = 0;
  /// Hands its leaderships over, takes no more calls, ends shards, flushes the state, ends the actors. Called by the destructor, too.
  virtual void stop() = 0;
  /// What a tenant holds and may hold; none: its shard does not run on this node. Any thread.
  virtual std::optional<model::QuotaUse> quota_use(const model::TenantId& tenant) const = 0;
};

}  // namespace coffer::actors

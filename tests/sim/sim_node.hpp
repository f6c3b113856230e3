#pragma once
// A whole node without CAF: consensus, log writer, state writer, shards and their tenants, over two disks that fail and
// lose power. It does what the actors do (actors/group_actor.cpp, shard_actor.cpp, state_writer_actor.cpp), in one thread
// and at times that the world chooses. Its disks outlive its lives.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "actors/tenant_core.hpp"
#include "cluster/group_core.hpp"
#include "cluster/peer_link.hpp"
#include "cluster/snapshot_transfer.hpp"
#include "storage/faulty_engine.hpp"
#include "tests/sim/sim.hpp"

namespace coffer::sim {

/// Mistakes that the checks must find.
enum class ClusterMutant : std::uint8_t {
  none,
  answers_before_commit,  // a shard answers when it has proposed
  skips_read_index,       // a leader answers without a lease and without asking
  retries_apply_twice,    // request ids are not looked at
  forgets_fsync,          // a batch counts as durable when it is handed to the disk
  votes_twice,            // term and vote are not written
  truncates_too_early,    // D advances without a flush of the state
  keeps_old_rows,         // a snapshot is written over what an interrupted one left
  ends_no_shard,          // a shard outlives the leadership in which it was opened
  moves_unfenced,         // a tenant is copied while its old group goes on with it
  moves_without_tail,     // a moving tenant's rows are read from whatever replica is at hand
  forgets_moved_ids,      // the memory of request ids stays behind
  leaves_changes_behind,  // so do the rows of changes, which watchers are told from
};

struct ClusterTenant {
  model::TenantId id;
  model::GroupId group;
};

/// What a node needs of the world around it.
class NodeWorld {
 public:
  virtual ~NodeWorld() = default;
  virtual Rng& rng() = 0;
  virtual ClusterMutant mutant() const = 0;
  virtual bool is_healed() const = 0;
  /// The node's own clocks.
  virtual cluster::MonotonicMs boot_clock(model::NodeId node) = 0;
  virtual model::TimeMs wall_clock(model::NodeId node) = 0;
  /// After so many milliseconds of the node's clock, if this life lasts.
  virtual void in_life(model::NodeId node, cluster::MonotonicMs ms, Timeline::Event event) = 0;
  virtual void send(model::NodeId from, model::NodeId to, cluster::PeerChannel channel, model::GroupId group,
                    model::Secret body) = 0;
  /// A disk failed: the node must stop, as soon as it returns.
  virtual void failed(model::NodeId node) = 0;
  virtual const crypto::KeyRing& ring() const = 0;
  // For the checks.
  virtual void leads(model::NodeId node, model::GroupId group, model::Term term) = 0;
  virtual void committed(model::GroupId group, const storage::LogEntry& entry) = 0;
  virtual std::uint64_t newest_row_of(model::NodeId node, model::GroupId group) const = 0;
  // Of the directory, which is a group of its own: what this node has heard of it, and what is asked by way of the network.
  virtual model::TenantInfo tenant(model::NodeId node, std::size_t tenant) const = 0;
  virtual void ask(model::NodeId from, std::size_t tenant, model::TenantOperation operation,
                   std::function<void(model::Result<model::Reply>)> done) = 0;
  virtual void advance(model::NodeId from, const model::AdvanceMove& move, std::function<void(model::Status)> done) = 0;
};

struct NodeCounts {
  std::uint64_t installs = 0, shards = 0, leased = 0, asked = 0, disk_failures = 0, checkpoints = 0, moves = 0;
};

class SimNode {
 public:
  SimNode(NodeWorld& world, model::NodeId id, std::vector<ClusterTenant> tenants, std::set<model::GroupId> groups,
          std::uint64_t seed);
  ~SimNode();

  /// Writes a group's first entry. REQUIRES: never started.
  void bootstrap(model::GroupId group, const std::vector<cluster::Voter>& voters);
  void start(bool sealed);
  /// The process ends; with `loses_power` the disks keep what they had synced, each file some of the rest.
  void stop(bool loses_power);
  bool is_up() const { return up_; }
  std::uint64_t life() const { return life_; }
  void seal(bool sealed);
  bool is_sealed() const { return sealed_; }

  void receive(model::NodeId from, cluster::PeerChannel channel, model::GroupId group, std::string_view body);
  /// Takes over a call, which is answered unless the node ends before.
  void call(const ClusterTenant& tenant, actors::CallHandle call);
  void checkpoint();
  void fail_disk();
  /// Goes on with the moves of tenants into and out of the groups that it leads.
  void attend_moves();
  /// For the message of a violation.
  std::string standing(std::size_t tenant) const;
  /// Do the tenant's rows in the group make it live there?
  bool owns(std::size_t tenant, model::GroupId group) const;

  cluster::GroupCore* group(model::GroupId id);
  /// After something was asked of a group's core from outside.
  void settle(model::GroupId id);
  bool leads(model::GroupId id);
  std::uint64_t applied(model::GroupId id) const {
    const auto found = groups_.find(id);
    return found == groups_.end() ? 0 : found->second.applied;
  }
  /// No row of the group is of a later entry.
  std::uint64_t newest_row(model::GroupId id) const {
    const auto found = newest_row_.find(id);
    return found == newest_row_.end() ? 0 : found->second;
  }
  /// The rows of a group as one number, when they are those of `applied` exactly: not while what a crash or a snapshot
  /// brought from beyond it is being repeated.
  std::optional<std::uint64_t> fingerprint(model::GroupId id) const;
  const NodeCounts& counts() const { return counts_; }

 private:
  struct Origin {
    std::size_t tenant = 0;
    std::uint64_t life = 0, sequence = 0;
    std::function<void(model::Result<model::Index>)> rows;  // written beside the shard
  };
  struct WaitingRead {
    std::size_t tenant = 0;
    actors::CallHandle call;
  };
  struct Group {
    std::unique_ptr<cluster::GroupCore> core;
    cluster::Leadership leadership;
    std::uint64_t handed = 0, applied = 0;
    std::uint64_t lease_until = 0;
    std::uint64_t timer = 0;  // only the newest one counts
    std::map<std::uint64_t, Origin> origins;
    std::map<std::uint64_t, WaitingRead> reads;
    std::unique_ptr<cluster::SnapshotSink> sink;
    std::optional<storage::Snapshot> switching;  // written and flushed; its generation is not the active one yet
    std::map<model::NodeId, std::unique_ptr<cluster::SnapshotSource>> sources;
    std::uint64_t written_chunks = 0;
    bool sink_timer = false;
  };
  struct Shard {
    model::GroupId group;
    std::uint64_t life = 0;
    model::Term term;
    std::unique_ptr<actors::TenantCore> core;
  };
  struct Unapplied {
    model::GroupId group;
    model::Generation generation;
    storage::LogEntry entry;
  };

  // sim_node.cpp: lives, disks, consensus
  void carry_out(model::GroupId id, Group& group);
  void hand_out(model::GroupId id, Group& group, std::vector<cluster::Committed> committed);
  void pump_log();
  void finish_log(const storage::LogBatch& batch, bool written);
  bool write_log(const storage::LogBatch& batch);
  void report_durable();
  void pump_state();
  void disk_failed();

  // sim_node_calls.cpp: shards, calls, snapshots
  std::size_t index_of(const ClusterTenant& tenant) const;
  void deliver(std::size_t tenant, model::GroupId group, actors::CallHandle call);
  Shard* open_shard(std::size_t tenant, model::GroupId group);
  void end_shards(model::GroupId id, const model::Error& error);
  void end_if_left(std::size_t tenant);
  void refuse(Group& group, const cluster::Refused& refused);
  void answer_reads(model::GroupId id, Group& group, const cluster::Actions& actions);
  void begin_install(model::GroupId id, const storage::Snapshot& snapshot);
  void pump_sink(model::GroupId id);
  void on_snapshot(model::NodeId from, model::GroupId id, const cluster::SnapshotMessage& message);
  void pump_source(model::NodeId to, model::GroupId id);

  // sim_node_moves.cpp: what actors/move_keeper.cpp does
  struct Move {
    model::TenantInfo tenant;
    std::optional<actors::TenantMover> mover;
    std::optional<actors::TenantSweeper> sweeper;
    model::GroupId group;  // whose rows are written
  };
  void step_move(std::size_t tenant);
  void answer_look(std::size_t tenant);
  void answer_list(std::size_t tenant);
  void answer_write(std::size_t tenant);
  void ask_tenant(std::size_t tenant);
  void wait_until_applied(model::GroupId id, std::uint64_t index, std::function<void(model::Status)> done);
  std::optional<std::string> mark_of(std::size_t tenant, model::GroupId group) const;
  model::MovingReply rows_at_hand(const Move& move, std::size_t tenant, const std::string& after) const;
  const actors::MoveOrder& order_of(const Move& move) const {
    return move.mover ? move.mover->order() : move.sweeper->order();
  }
  template <class Answer>
  void answer_move(std::size_t tenant, const Answer& answer);

  NodeWorld& world_;
  const model::NodeId id_;
  const std::vector<ClusterTenant> tenants_;
  const std::set<model::GroupId> group_ids_;
  storage::FaultyEngine log_disk_, state_disk_;
  crypto::SeededRandom random_;
  model::PolicyAuthorizer authorizer_;
  actors::CacheBudget budget_{8 << 20};
  actors::TenantDeps deps_;
  NodeCounts counts_;
  std::map<model::GroupId, std::uint64_t> newest_row_;

  // One life.
  std::uint64_t life_ = 0, next_life_of_shards_ = 1, next_cookie_ = 1;
  bool up_ = false, sealed_ = false;
  std::map<model::GroupId, Group> groups_;
  std::map<std::size_t, Shard> shards_;
  std::map<std::size_t, Move> moves_;
  cluster::LogWriterCore writer_;
  std::unique_ptr<storage::StateWriter> state_;
  std::deque<Unapplied> unapplied_;
  bool applying_ = false;
};

}  // namespace coffer::sim

#pragma once
// A whole node without CAF: consensus, log writer, state writer, shards and their tenants, the directory where it is led
// and its mirror elsewhere, groups that come while it runs; over two disks that fail and lose power. It does what the
// actors do (actors/group_host.cpp, shard_actor.cpp, state_writer_actor.cpp, directory_actor.cpp, mirror_actor.cpp,
// node_growth.cpp), in one thread and at times that the world chooses. Its disks outlive its lives.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/directory_core.hpp"
#include "actors/node_table.hpp"
#include "actors/placer.hpp"
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
  moves_without_changes,  // what changes while a moving tenant is copied stays behind
  moves_without_tail,     // a moving tenant's rows are read from whatever replica is at hand
  forgets_moved_ids,      // the memory of request ids stays behind
  leaves_changes_behind,  // so do the rows of changes, which watchers are told from
  begins_decided_groups,  // a group begins where its creation is decided, before that is committed
  keeps_directory,        // the directory's core outlives the leadership in which it was opened
  founds_from_nothing,    // the founders of a group begin it as everybody else does
  heeds_no_placement,     // leaders of groups do not do what placement says
};

/// Tenants are numbered here, and the directory knows them by name; this one is the directory itself.
inline constexpr std::size_t kDirectory = SIZE_MAX;
std::string name_of_tenant(std::size_t tenant);
std::size_t tenant_of_name(const std::string& name);

inline constexpr std::string_view kClusterId = "the-only-cluster";  // 16 bytes
using Operation = std::variant<model::TenantOperation, model::DirectoryOperation>;

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
  /// The groups' actors of the node get no turn for so long, by its clock, while everything else of it goes on; 0: they do.
  virtual cluster::MonotonicMs groups_stand_still(model::NodeId node) const = 0;
  virtual void send(model::NodeId from, model::NodeId to, cluster::PeerChannel channel, model::GroupId group,
                    model::Secret body) = 0;
  /// A disk failed: the node must stop, as soon as it returns.
  virtual void failed(model::NodeId node) = 0;
  virtual const crypto::KeyRing& ring() const = 0;
  // For the checks.
  virtual void leads(model::NodeId node, model::GroupId group, model::Term term) = 0;
  virtual void committed(model::GroupId group, const storage::LogEntry& entry) = 0;
  virtual std::uint64_t newest_row_of(model::NodeId node, model::GroupId group) const = 0;
  virtual void begins(model::NodeId node, const actors::GroupFounding& group) = 0;
  /// Does the node hear the other one at this moment?
  virtual bool hears(model::NodeId node, model::NodeId other) const = 0;
  virtual actors::Placer::Settings placing() const = 0;
  /// Asks a tenant, or the directory, by way of the network.
  virtual void ask(model::NodeId from, std::size_t tenant, Operation operation,
                   std::function<void(model::Result<model::Reply>)> done) = 0;
};

struct NodeCounts {
  std::uint64_t installs = 0, shards = 0, leased = 0, asked = 0, disk_failures = 0, checkpoints = 0, moves = 0,
                changes = 0, transfers = 0, placed = 0;
};

class SimNode {
 public:
  SimNode(NodeWorld& world, model::NodeId id, std::uint64_t seed);
  ~SimNode();

  /// Writes what a node starts from: so many data groups, and, if it is one of their first voters, their first entries,
  /// of the meta group also the directory's first rows. REQUIRES: never started.
  void bootstrap(std::uint32_t data_groups, const std::vector<cluster::Voter>& voters,
                 const std::shared_ptr<const std::string>& directory);
  void start(bool sealed);
  /// The process ends; with `loses_power` the disks keep what they had synced, each file some of the rest.
  void stop(bool loses_power);
  bool is_up() const { return up_; }
  std::uint64_t life() const { return life_; }
  void seal(bool sealed);
  bool is_sealed() const { return sealed_; }

  void receive(model::NodeId from, cluster::PeerChannel channel, model::GroupId group, std::string_view body);
  /// Takes over a call of a tenant or of the directory, which is answered unless the node ends before.
  void call(std::size_t tenant, actors::CallHandle call);
  void checkpoint();
  void fail_disk();
  /// Opens the directory where it is led, and goes on with the moves of tenants into and out of the groups that it leads.
  void attend();
  /// What its steward tells the others: of the groups led here.
  std::vector<model::GroupInfo> report() const;
  void hear(model::NodeId from, std::vector<model::GroupInfo> groups);
  /// What placement says, where the directory is led; none elsewhere.
  std::optional<actors::Placer::Plan> place();
  /// A word of placement, for a group that is led here.
  void heed(const actors::Placer::Word& word);
  /// One step towards these servers, if the group is led here. False: none is due, or it has to wait.
  bool approach(model::GroupId group, const std::vector<cluster::Voter>& servers);
  /// As far as it has heard.
  std::vector<model::NodeInfo> nodes() const { return nodes_->all(); }
  /// For the message of a violation.
  std::string standing(std::size_t tenant) const;
  /// Do the tenant's rows in the group make it live there? REQUIRES: leads(group).
  bool owns(const model::TenantId& tenant, model::GroupId group) const;
  /// Where its routes say that the tenant, or the directory, lives.
  std::optional<model::GroupId> home_of(std::size_t tenant) const;
  /// Groups that it has, the ones included that are about to begin.
  std::uint32_t data_groups() const { return data_groups_; }

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
  struct Target {
    std::size_t tenant = kDirectory;
    model::TenantId id;
    model::GroupId group;
  };
  struct WaitingRead {
    Target target;
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
  struct Directory {
    std::uint64_t life = 0;
    model::Term term;
    std::unique_ptr<actors::DirectoryCore> core;
    std::vector<actors::Submission> due;  // to be proposed before whatever follows
  };

  // sim_node.cpp: lives, disks, consensus
  void open_group(model::GroupId id, storage::Recovered recovered);
  void begin_group(model::GroupId id);
  void carry_out(model::GroupId id, Group& group);
  void wake(model::GroupId id, std::uint64_t timer);
  void hand_out(model::GroupId id, Group& group, std::vector<cluster::Committed> committed);
  void pump_log();
  void finish_log(const storage::LogBatch& batch, bool written);
  bool write_log(const storage::LogBatch& batch);
  void report_durable();
  void pump_state();
  void disk_failed();

  // sim_node_calls.cpp: shards, calls, snapshots
  std::optional<Target> target_of(std::size_t tenant) const;
  void deliver(const Target& target, actors::CallHandle call);
  Shard* open_shard(const Target& target);
  void end_shards(model::GroupId id, const model::Error& error);
  void end_if_left(std::size_t tenant);
  void refuse(Group& group, const cluster::Refused& refused);
  void answer_reads(Group& group, const cluster::Actions& actions);
  void begin_install(model::GroupId id, const storage::Snapshot& snapshot);
  void pump_sink(model::GroupId id);
  void on_snapshot(model::NodeId from, model::GroupId id, const cluster::SnapshotMessage& message);
  void pump_source(model::NodeId to, model::GroupId id);

  // sim_node_directory.cpp: the directory and its mirror, and groups that are added
  void prepare_directory();
  bool open_directory();
  void deliver_directory(actors::CallHandle call);
  void propose_directory();
  void directory_committed(const Origin& of, model::Index index);
  void end_directory(std::uint64_t sequence, const model::Error& error);
  void mirror(const storage::LogEntry& entry);
  void pump_mirror();
  void publish(std::string_view row, std::string_view value);
  void reload_directory();
  void know_groups(std::vector<actors::GroupFounding> added);

  // sim_node_steward.cpp
  void prepare_steward();
  void begin_view();

  // sim_node_moves.cpp: what actors/move_keeper.cpp does
  void noticed(const model::TenantInfo& tenant);
  void attend_moves();
  struct Move {
    model::TenantInfo tenant;
    std::optional<actors::TenantMover> mover;
    std::optional<actors::TenantSweeper> sweeper;
    model::GroupId group;  // whose rows are written
  };
  void step_move(std::size_t tenant);
  void answer_look(std::size_t tenant);
  void answer_list(std::size_t tenant);
  void answer_show(std::size_t tenant);
  void answer_write(std::size_t tenant);
  void ask_tenant(std::size_t tenant);
  void wait_until_applied(model::GroupId id, std::uint64_t index, std::function<void(model::Status)> done);
  void ask_again(std::size_t tenant, Operation operation, std::function<void(model::Result<model::Reply>)> answer);
  std::optional<std::string> mark_of(const model::TenantId& tenant, model::GroupId group) const;
  bool skips_changes(const model::MovingReply& reply) const;
  model::MovingReply rows_at_hand(const Move& move, const std::string& after) const;
  const actors::MoveOrder& order_of(const Move& move) const {
    return move.mover ? move.mover->order() : move.sweeper->order();
  }
  template <class Answer>
  void answer_move(std::size_t tenant, const Answer& answer);

  NodeWorld& world_;
  const model::NodeId id_;
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
  std::shared_ptr<cluster::LogRoom> room_;
  std::map<model::GroupId, Group> groups_;
  std::map<std::size_t, Shard> shards_;
  std::map<std::size_t, Move> moves_;
  std::map<std::size_t, model::TenantInfo> moving_;  // as the directory's rows were heard to say
  cluster::LogWriterCore writer_;
  std::unique_ptr<storage::StateWriter> state_;
  std::deque<Unapplied> unapplied_;
  bool applying_ = false, log_failed_ = false;
  std::uint32_t data_groups_ = 0;
  std::unique_ptr<actors::RoutingTable> routing_;
  std::unique_ptr<actors::OperatorTable> operators_;
  std::unique_ptr<actors::DirectoryDeps> directory_deps_;
  std::optional<Directory> directory_;  // while it publishes what it commits, the mirror keeps still
  std::deque<storage::LogEntry> mirrored_;
  std::uint64_t newest_mirrored_ = 0, published_ = 0;  // that came to the mirror; by this node as leader
  bool mirroring_ = false;
  std::unique_ptr<actors::NodeTable> nodes_;
  std::unique_ptr<actors::ClusterView> view_;
  std::optional<actors::Placer> placer_;
  std::deque<std::function<void()>> founding_;  // of groups: batches that are not written yet
};

}  // namespace coffer::sim

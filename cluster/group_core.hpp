#pragma once
// A Raft group as a value: libraft's raft_step with every guard of ARCHITECTURE.md's list (G1-G14), the cache of
// entries that are not yet applied, proposals, and the order of effects. Events in, actions out; no threads, clock,
// disk or sockets. The group actor or the simulator calls one method, then carries out take_actions(), in the order
// of the fields of Actions. One owner at a time.
//
// Duties of the host:
//   1. deliver Persisted tickets, each of which stands for all before it; 2. carry out every action; 3. tick() when `wake_at` is reached, not before;
//   4. apply `committed` in order, exactly once per life; 5. stop the node on `fatal`;
//   6. on `install` write that state under its generation, flush it, then call installed();
//   7. publish `lease_until` before any message of the same Actions leaves, and compare it with the clock that it gives
//      to the core: CLOCK_BOOTTIME, which goes on while the machine is suspended.
// While a hard state is not durable yet, the core holds back everything that depends on it and queues further events.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/log_room.hpp"
#include "cluster/log_writer_core.hpp"
#include "cluster/message.hpp"
#include "cluster/types.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"
#include "storage/log_store.hpp"

namespace coffer::cluster {

struct GroupConfig {
  model::GroupId group;
  model::NodeId self;
  std::uint64_t seed = 0;  // of election timers
  MonotonicMs election_timeout = 300;
  MonotonicMs heartbeat = 60;
  std::uint32_t max_inflight_entries = 4096;
  // Committed entries; who lacks more is paced (catch_up_pace.hpp), but for the directory's group.
  std::uint32_t catch_up_lag = 1024;
  std::uint32_t catch_up_window = 256;       // entries on their way to each peer meanwhile
  std::size_t max_pending_bytes = 64 << 20;  // proposals beyond it are refused as overloaded
  bool may_campaign = true;                  // false while sealed: asks for no vote; a sole voter stays unstarted
  std::uint32_t trailing_entries = 1024;     // kept in memory behind D, for peers; a group without peers keeps none
  std::size_t trailing_bytes = 4 << 20;   // also for a living peer that needs more than those; more while there is room
  std::shared_ptr<LogRoom> room;          // of all groups of the node; null: there is none beyond trailing_bytes
  bool lease = true;                      // false: every read of a group of several voters asks a majority
  std::size_t max_waiting_reads = 16384;  // reads beyond it are refused as overloaded
};

/// What a new group's every initial voter stores, synced, before its first start: term 1 and entry 1, the
/// configuration. The same bytes on every voter: same order, same addresses. REQUIRES: ids and addresses set and
/// unique.
DurableWrite bootstrap(model::GroupId group, const std::vector<Voter>& voters);

struct Proposal {
  std::uint64_t cookie = 0;  // comes back in Committed or Refused
  model::Term term;          // of the shard; another term is refused
  std::shared_ptr<const std::string> data;
};
struct Committed {
  storage::LogEntry entry;   // command, barrier or configuration, in index order
  std::uint64_t cookie = 0;  // 0: not proposed by this life of the core
};
struct Refused {
  std::uint64_t cookie = 0;
  model::Error error;  // unavailable (not in the log) or outcome_unknown
};

enum class Role : std::uint8_t { stopped, follower, candidate, leader };

struct Leadership {
  Role role = Role::stopped;
  model::Term term;
  model::NodeId leader;  // whom this node follows, or itself; 0: unknown
  bool ready = false;    // leader whose own-term entry is committed (G1): shards may start once it is applied
  model::Index ready_index;
  friend bool operator==(const Leadership&, const Leadership&) = default;
};

/// A read that may be answered, from a state that holds everything up to `index`.
struct ReadReady {
  std::uint64_t cookie = 0;
  model::Index index;
};

/// What a leader knows of another server.
struct PeerProgress {
  model::NodeId id;
  ServerRole role = ServerRole::voter;
  model::Index match;        // it holds the log up to here, durably
  MonotonicMs heard_at = 0;  // when its newest message came; 0: never in this life
  friend bool operator==(const PeerProgress&, const PeerProgress&) = default;
};

struct Actions {
  std::optional<MonotonicMs> lease_until;  // when it moves: reads need not ask while the clock is below; 0: they must
  std::vector<DurableWrite> writes;        // to the log writer, in order
  std::vector<Message> messages;           // to peers
  std::vector<Committed> committed;        // to the state writer and the shards, in order
  std::vector<Refused> refused;
  std::vector<ReadReady> reads_ready;
  std::vector<Refused> reads_refused;        // unavailable (does not lead, or not any more) or overloaded
  std::optional<storage::Snapshot> install;  // a peer's snapshot replaces log and state: write it, then installed()
  bool drop_state = false;                   // of a replica that was let go of: remove its rows, flush, then left()
  std::optional<Leadership> leadership;      // when it changed
  std::optional<MonotonicMs> wake_at;        // re-arm the one timer
  std::optional<model::Error> fatal;         // the group cannot go on: stop the node
};

class GroupCore {
 public:
  GroupCore(const GroupConfig& config, storage::Recovered recovered);
  GroupCore(GroupCore&&) noexcept;
  ~GroupCore();

  void start(MonotonicMs now);
  void tick(MonotonicMs now);
  void receive(Message message, MonotonicMs now);
  /// Several at once become one submit, in order. Refused ones come back as actions; when one is refused as overloaded,
  /// so are those after it in the same call, for they may build on it.
  void propose(std::vector<Proposal> proposals, MonotonicMs now);
  /// Tickets up to this one are durable.
  void persisted(std::uint64_t ticket, MonotonicMs now);
  /// The state database holds, flushed, everything up to `index`: advances D and truncates the log behind it. An index
  /// beyond what was handed out as committed is fatal; one at or below D is ignored.
  void checkpoint(model::Index index, MonotonicMs now);
  /// The state of the last `install` action is on disk, flushed, under its generation: D moves there, the log goes.
  void installed(MonotonicMs now);
  /// Unsealed: elections are allowed from here on; a sole voter that was held back starts and elects itself.
  void allow_campaign(MonotonicMs now);
  /// Replaces the configuration by one that differs in one server, the others in their old order. Errors: unavailable
  /// (not leader, not ready, another change under way: retry later), invalid_argument (also: without this node as
  /// voter).
  model::Status change_voters(const std::vector<Voter>& voters, MonotonicMs now);
  /// May what is committed be answered? At once under the lease, else when a majority has confirmed this leader. Each
  /// cookie comes back in reads_ready or reads_refused, at the latest when the leadership is lost, which a leader that
  /// reaches no majority notices within two election timeouts.
  void read(const std::vector<std::uint64_t>& cookies, MonotonicMs now);
  /// Hands the leadership to this voter (zero: to the one that is furthest), as soon as it holds the whole log.
  /// Proposals wait meanwhile and go on here when it does not work within an election timeout; reads must ask. Errors:
  /// unavailable (not leader, not ready, a transfer is under way, the named voter is far behind), invalid_argument (no other voter, or not this one).
  model::Status transfer(model::NodeId to, MonotonicMs now);
  /// Sealed: asks for no votes from here on, and a leader hands over until somebody takes the leadership. A sole voter
  /// keeps it.
  void forbid_campaign(MonotonicMs now);

  /// This server is in the group no more: everything up to `settled` is committed without it (departure.hpp, which also
  /// says why that is enough). When its log ends at or before that, and no leader has spoken to it for `quiet`, it lets
  /// go of log and state and keeps term, vote and where its log ended; false: not now. Then `drop_state` follows, once
  /// the log is gone from the disk, and until left() the core takes part in nothing.
  bool leave(model::Index settled, MonotonicMs quiet, MonotonicMs now);
  /// The rows are gone: the server begins anew, with an empty log.
  void left(MonotonicMs now);

  Actions take_actions();

  Leadership leadership() const;
  model::Index commit_index() const;
  model::Index last_index() const;
  /// Of the entries that are in memory; behind last_index() when none is.
  model::Index first_index() const;
  model::Index durable_index() const;  // D
  model::Generation generation() const;
  /// The servers of the newest configuration, committed or not.
  const std::vector<Voter>& servers() const;
  /// The other servers; empty when this node does not lead.
  std::vector<PeerProgress> progress() const;
  bool is_transferring() const;
  /// Between leave() and left().
  bool is_leaving() const;

 private:
  struct Impl;
  void let_go(const storage::HardState& hard_state);
  std::unique_ptr<Impl> impl_;
};

}  // namespace coffer::cluster

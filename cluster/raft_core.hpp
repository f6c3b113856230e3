#pragma once
// One `struct raft` and raft_step() behind C++ types: events in, outcome out, memory ownership of libraft 0.22.1
// handled inside. Messages pass the guards (guards.hpp) here on their way in and out. Used by GroupCore, which keeps
// the order of effects; one owner at a time, any thread.
//
// Errors of every step: unavailable or invalid_argument (refused, nothing changed; submit() only), internal (the core
// is in an unknown state: the caller stops the group and never steps it again).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/message.hpp"
#include "cluster/types.hpp"
#include "model/result.hpp"

namespace coffer::cluster {

struct RaftOptions {
  model::GroupId group;
  model::NodeId self;
  std::uint64_t seed = 0;
  MonotonicMs election_timeout = 300;
  MonotonicMs heartbeat = 60;
  std::uint32_t max_inflight_entries = 4096;
  std::uint32_t catch_up_lag = 1024;    // committed entries; who lacks more is paced (catch_up_pace.hpp)
  std::uint32_t catch_up_window = 256;  // entries on their way to each peer meanwhile
};

/// A message as libraft emits it: entries of an AppendEntries and the snapshot of an InstallSnapshot are missing.
struct Outgoing {
  Message message;
  std::uint32_t entry_count = 0;  // of an AppendEntries: [prev + 1, prev + entry_count] of the log
};

/// What one step wants done, in this order.
struct StepOutcome {
  std::optional<storage::HardState> hard_state;  // durable before anything else below takes effect
  std::vector<storage::LogEntry> entries;        // they replace what the log holds from the first one's index on
  std::optional<storage::Snapshot> install;      // replaces log and state; its generation is the caller's to choose
  std::vector<Outgoing> messages;
  bool became_leader = false;
};

class RaftCore {
 public:
  explicit RaftCore(const RaftOptions& options);
  ~RaftCore();
  RaftCore(const RaftCore&) = delete;
  RaftCore& operator=(const RaftCore&) = delete;

  /// REQUIRES: the first step; entries contiguous from snapshot.index + 1 (1 without snapshot).
  model::Result<StepOutcome> start(MonotonicMs now, const storage::Recovered& recovered);
  model::Result<StepOutcome> timeout(MonotonicMs now);
  /// REQUIRES: each configuration entry of an AppendEntries stands first (guards::split_at_configurations).
  model::Result<StepOutcome> receive(MonotonicMs now, Message message);
  /// Kind and data of each entry; index and term are given by the core. A configuration is submitted alone (G8: after a
  /// refused one libraft would keep the entries before it as phantoms). REQUIRES: not empty.
  model::Result<StepOutcome> submit(MonotonicMs now, std::vector<storage::LogEntry> entries);
  /// REQUIRES: index greater than the last reported one that was not truncated since; not installing().
  model::Result<StepOutcome> persisted_entries(MonotonicMs now, model::Index index);
  /// REQUIRES: installing(), the snapshot that the outcome named.
  model::Result<StepOutcome> persisted_snapshot(MonotonicMs now, const storage::Snapshot& snapshot);
  /// The configuration entry at `index` is committed.
  model::Result<StepOutcome> configuration_committed(MonotonicMs now, model::Index index, const std::string& bytes);
  /// REQUIRES: newer than the current snapshot, in the log, not installing().
  model::Result<StepOutcome> snapshot_taken(MonotonicMs now, const storage::Snapshot& snapshot, unsigned trailing);
  /// Tells a voter to be elected at once, when it holds the whole log. Refused: not leader, no such voter, or a transfer
  /// is under way.
  model::Result<StepOutcome> transfer(MonotonicMs now, model::NodeId to);

  ServerState state() const;
  /// Whom this server follows, or itself; 0: unknown.
  model::NodeId leader() const;
  /// To whom a transfer is under way; 0: none.
  model::NodeId transferee() const;
  /// What a server is known to hold; nullopt when this one does not lead or does not know it.
  std::optional<model::Index> match_index(model::NodeId id) const;
  model::Term term() const;
  storage::HardState hard_state() const;
  model::Index commit_index() const;  // may go backwards; the caller keeps the maximum
  model::Index last_index() const;
  model::Index first_index() const;  // of the log, 1 when it was never compacted
  model::Index snapshot_index() const;
  bool installing() const;
  /// When timeout() is due, never earlier than libraft's own deadline. A leader's deadline may stay in the past (a
  /// former voter that is a spare now), and each early timeout resets its contact tracking: at most one per heartbeat
  /// / 2 (G6).
  MonotonicMs wake_at() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace coffer::cluster

#pragma once
// The inside of GroupCore. Private to group_core.cpp (what the host calls), group_events.cpp (events into the core, one
// at a time), group_effects.cpp (what a step's outcome becomes) and group_leader.cpp (reads and transfers). Same owner and
// rules as GroupCore.

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cluster/group_core.hpp"
#include "cluster/log_cache.hpp"
#include "cluster/raft_core.hpp"
#include "cluster/read_gate.hpp"

namespace coffer::cluster {

struct GroupCore::Impl {
  using ProposalBatch = std::vector<Proposal>;
  using Event = std::variant<Message, ProposalBatch>;
  struct Configuration {
    model::Index index;
    std::string bytes;
  };
  struct OutstandingWrite {
    std::uint64_t ticket;
    std::uint64_t last;  // what it lets the core acknowledge; a truncation clips it
  };
  struct Transfer {
    model::NodeId to;
    MonotonicMs until;
    bool is_sent = false;  // TimeoutNow is out
  };
  struct PendingSnapshot {
    std::uint64_t ticket = 0;  // 0: not written yet
    storage::Snapshot snapshot;
  };
  /// What waits until a hard state is durable.
  struct Held {
    std::vector<Message> messages;
    std::optional<storage::Snapshot> install;
  };

  // ---- group_core.cpp: life, proposals, tickets
  void start();
  model::Status load();
  void enqueue_proposals(ProposalBatch proposals);
  void on_persisted(std::uint64_t ticket);
  void on_checkpoint(model::Index index);
  void on_installed();
  model::Status change(const std::vector<Voter>& voters);

  // ---- group_events.cpp: one event after the other
  void pump();
  bool next_event();
  void handle(Message message);
  void handle(ProposalBatch proposals);
  void submit_barrier();
  void report_entries();
  void report_snapshot_taken();
  void report_snapshot_installed();
  void report_configuration();
  void step(model::Result<StepOutcome> outcome);
  void rearm();
  void publish();
  void send(Message message);  // not before a hard state that waits is durable

  // ---- group_leader.cpp: reads and transfers
  void on_read(const std::vector<std::uint64_t>& cookies);
  void answer_reads();
  void ping();
  void echo(const Message& message);
  void on_stamp(model::NodeId from, model::Term term, const Stamp& stamp);
  void publish_lease();
  model::Status begin_transfer(model::NodeId to);
  void drive_transfer();
  void end_transfer();
  std::vector<PeerProgress> peers() const;
  /// Was it heard of within so many election timeouts?
  bool is_alive(const PeerProgress& peer, unsigned timeouts) const {
    return peer.heard_at != 0 && now < peer.heard_at + config.election_timeout * timeouts;
  }
  model::NodeId furthest_voter() const;
  bool is_near(model::NodeId voter) const;

  // ---- group_effects.cpp: what a step asks for
  void absorb(StepOutcome outcome, const std::vector<Proposal>* proposals = nullptr);
  void append(const std::vector<storage::LogEntry>& entries, const std::vector<Proposal>* proposals);
  void truncate_from(std::uint64_t index);
  void begin_install(storage::Snapshot snapshot);
  void complete(Outgoing& outgoing);
  std::uint64_t withheld_from(model::NodeId to) const;
  void release();
  void settle();
  void hand_out();
  void lose_leadership();
  void refuse_pending(std::uint64_t from, std::uint64_t to);
  void refuse(const Proposal& proposal, model::Error error);
  void fail(model::Error error);

  DurableWrite& write();  // a new one, with the next ticket
  storage::LogEnd log_end() const;
  /// Its log is older than one that it has let go of: such a server is nobody's leader (departure.hpp).
  bool is_below_floor() const { return floor.index.value != 0 && log_end() < floor; }
  bool may_campaign() const { return config.may_campaign && !is_below_floor(); }
  bool running() const { return raft != nullptr && !failed; }
  bool blocked() const { return blocked_on != 0; }
  bool withheld() const;  // the timer, from a sealed node that would elect itself
  const Configuration& configuration_at(std::uint64_t index) const;
  unsigned trailing_behind(std::uint64_t index) const;
  /// May so many bytes of the log stay in memory for peers that need them?
  bool may_keep(std::size_t bytes) const {
    return bytes <= config.trailing_bytes || (config.room && !config.room->is_full());
  }
  bool awaits_installation();
  void learn_configurations();

  explicit Impl(const GroupConfig& of) : config(of), cache(of.room) {}

  GroupConfig config;
  storage::Recovered recovered;  // until start()
  std::unique_ptr<RaftCore> raft;
  Actions actions;
  MonotonicMs now = 0;
  bool started = false;
  bool failed = false;

  // The log: in memory, on disk, and what the disk lets the core acknowledge.
  LogCache cache;
  std::deque<Configuration> configurations;  // of the log, the newest at or below D first
  std::vector<Voter> servers;                // of the newest configuration
  std::uint64_t next_ticket = 1;
  std::deque<OutstandingWrite> outstanding;
  std::uint64_t durable_last = 0;   // entries up to here are on disk and not truncated since
  std::uint64_t reported_last = 0;  // told to raft
  std::uint64_t disk_first = 1, disk_last = 0;

  // D and snapshots.
  std::optional<storage::Snapshot> snapshot;
  model::Generation generation{1};
  std::deque<PendingSnapshot> checkpoints;
  std::optional<storage::Snapshot> taken;  // durable, raft does not know yet
  std::optional<PendingSnapshot> installing;
  bool install_durable = false;

  // A hard state that is not durable holds back everything after it.
  std::uint64_t blocked_on = 0;
  Held held;
  std::deque<Event> queue;
  std::size_t pending_bytes = 0;

  // Commitment.
  std::uint64_t commit = 0;
  std::uint64_t handed_out = 0;
  std::uint64_t configured = 0;  // raft knows the configurations up to here as committed
  std::deque<std::uint64_t> configurations_due;

  // Leadership.
  bool leading = false;
  model::Term leading_term;
  bool barrier_due = false;
  std::uint64_t ready_index = 0;  // 0: no own-term entry yet
  Leadership published;
  std::optional<MonotonicMs> armed;
  ReadGate gate{model::NodeId(), 0};
  MonotonicMs published_lease = 0;
  MonotonicMs votes_from = 0;  // vote requests before are dropped: this voter may have forgotten its leader
  std::optional<Transfer> transfer;
  ProposalBatch parked;  // while a transfer is under way
  std::map<model::NodeId, MonotonicMs> heard_at;
  MonotonicMs led_at = 0;  // when a leader's message came; before the first one, when this life began

  // Leaving.
  storage::LogEnd floor;                                  // of the newest log that was let go of
  std::uint64_t leaving = 0;                              // the ticket of that write; 0: none is under way
  bool dropping = false;                                  // it is durable, and the host removes the rows
  std::map<model::NodeId, std::uint64_t> snapshots_sent;  // by this leader: the index behind which the peer will go on
};

}  // namespace coffer::cluster

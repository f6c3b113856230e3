#pragma once
// A group's core on this node with what belongs to it: proposals under way, reads and shards that wait, its timer. Its
// events become the core's, the core's actions messages, those to other nodes included. Whoever brings an event takes a
// turn: the group's actor for each message, and, when nobody else has it, the link's thread for heartbeats and answers
// to entries, the bell for ticks and the log writer for what is durable. Hundreds of idle groups have thousands of the
// first a second, and as messages each cost more than what the core does about it; a lone write is acknowledged a sixth
// earlier.
// One per group, made with its actor (group_actor.cpp) and kept by the context until that ends. Never blocks.
//
// Everything that leaves does so within the turn, so whoever gets it gets it in the order of the turns.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "actors/actors.hpp"
#include "actors/group_timer.hpp"
#include "actors/turns.hpp"
#include "cluster/group_core.hpp"

namespace coffer::actors {

struct Context;
struct GroupBoard;

class GroupHost {
 public:
  GroupHost(Context& context, const cluster::GroupConfig& config, storage::Recovered recovered);

  // ---- by the group's actor, one call for each message
  void start();
  void open(const OpenRequest& request);
  void flush();
  void persisted(const Persisted& done);
  void applied();
  void checkpoint(const Checkpointed& done);
  void tick(const Tick& word);
  void receive(const FromPeer& from);
  void confirm(const ConfirmLeadership& request);
  /// Towards the servers that placement wants, one step now and others while its word is fresh.
  void approach(const Target& target);
  void approach_further(const NextStep& next);
  void transfer(model::NodeId to);
  void installed();
  void campaign(bool allowed);
  void report();
  void leave(const Leave& word);
  /// Of a replica that this node has left, now or before it started. Their bytes go from the files, too: a tenant may be
  /// purged of which this node hears nothing any more.
  void dropped();
  /// Whoever waits is told that it is over; from here on nobody gets a turn but for nothing.
  void close();

  // ---- by any thread
  /// Never waits for a turn. What one thread proposes stays in its order.
  void propose(Propose proposal);
  /// A heartbeat, or what answers one or entries. False, and the message is as it was: it goes to the actor, because it is somebody
  /// else's turn or because earlier messages of peers are on their way there. Within a burst (burst.hpp) of the caller's.
  bool try_receive(cluster::Message& message);
  /// The log is durable up to that ticket. False: it goes to the actor, which may hear of a later one before.
  bool try_persisted(std::uint64_t ticket);
  /// The timer of that number fired. False: it goes to the actor. Within a burst of the caller's.
  bool try_tick(std::uint64_t number);

 private:
  struct Origin {
    SubmitterActor submitter;
    std::uint64_t life = 0;
    std::uint64_t sequence = 0;
  };
  struct Opening {
    model::Index applied_at_least;
    SubmitterActor submitter;
  };

  GroupBoard& board();
  const GroupActor& actor() const;
  void start_core();
  void flush_queue();
  void tell_report();
  void refuse(const Origin& origin, const model::Error& error);
  void hand_out(std::vector<cluster::Committed> committed);
  void announce();
  void answer_reads(const cluster::Actions& actions);
  void publish(const cluster::Actions& actions);
  void learn_leadership(const cluster::Leadership& now);
  void send(std::vector<cluster::Message>& messages);
  void set_timer(cluster::MonotonicMs due);
  void take_step();
  void carry_out();
  /// What the core wants now leaves with what other groups want (burst.hpp).
  void carry_out_in_burst();
  void tick_core(std::uint64_t number, bool in_burst);

  Turns turns_;
  Context& context_;
  const model::GroupId id_;
  cluster::GroupCore core_;
  std::uint64_t next_cookie_ = 1;
  std::map<std::uint64_t, Origin> origins_;  // of proposals in flight, by cookie
  std::set<std::uint64_t> ended_;            // lives that had a write set refused; the newest, for they end soon
  std::vector<Opening> openings_;
  std::map<std::uint64_t, ConfirmLeadership> reads_;  // that wait for a majority, by cookie
  cluster::Leadership leadership_;
  model::Term announced_;               // the front knows that the group is open, in that term; 0: it does not
  std::vector<cluster::Voter> wanted_;  // by placement's newest word
  std::uint64_t words_ = 0;             // of placement, so far
  unsigned steps_left_ = 0;             // that its newest word is good for
  bool started_ = false;
  bool closed_ = false;
  bool in_burst_ = false;  // what is carried out now comes of a burst
  GroupTimer timer_;

  std::mutex proposals_mutex_;
  std::vector<Propose> proposals_;  // until the next flush
  bool flushing_ = false;           // the actor was told
  bool takes_none_ = false;
};

}  // namespace coffer::actors

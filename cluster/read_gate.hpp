#pragma once
// When a leader may answer reads from its own state, as a value. Used by GroupCore only, which owns one.
//
// A leader stamps what it sends with its own clock and with the newest round of waiting reads; a follower returns the
// stamp at once, with the answer to a heartbeat or in a message of its own, if after handling the message it follows this
// leader in this term.
//
// ReadIndex (Raft's dissertation, section 6.4; no assumption about clocks). A read opens a round. When a majority has
// returned a stamp of this round or a later one, it was sent after the read began, and a majority had no higher term at
// that moment; so no later leader can have committed anything before the read began. What is committed here by then,
// with an entry of the own term among it (G1), is all that was acknowledged.
//
// Lease (section 6.4.1). Let s be the send time that a majority of voters returned for heartbeats (their own clock ran
// on from a moment that is not earlier). Each of them grants nobody a vote for an election timeout after that: it has a
// leader, and libraft refuses votes and pre-votes then without touching its term. Any other leader needs one of them. So
// until s + election timeout nobody else leads, as long as clocks run at the same rate; the margin covers rates (a tenth:
// each may be off by nearly five in a hundred) and the thread that reads the clock. What breaks that argument, and what
// is done: a restarted voter has forgotten its leader (it drops vote requests for as long, see GroupCore); a transfer
// overrides the refusal (no lease from its beginning on, and once TimeoutNow is out, in the whole term: it may arrive at
// any time); a candidate keeps libraft's override for later elections (RaftCore takes it off); the machine sleeps (the
// host's clock is CLOCK_BOOTTIME). The majority is that of the newest configuration, committed or not.

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "cluster/message.hpp"
#include "cluster/types.hpp"

namespace coffer::cluster {

class ReadGate {
 public:
  /// `lease` zero: no leases, every read asks a majority.
  ReadGate(model::NodeId self, MonotonicMs lease) : self_(self), lease_(lease) {}

  /// This node leads from now on; what an earlier term heard is forgotten.
  void begin();
  /// It does not any more. The reads that waited, oldest first.
  std::vector<std::uint64_t> end();
  void configure(const std::vector<Voter>& servers);

  /// What goes out now carries this.
  Stamp stamp(MonotonicMs now) const { return {now, round_}; }
  /// A read that must ask. REQUIRES: begin().
  void ask(std::uint64_t cookie, model::Index commit);
  void heard(model::NodeId from, const Stamp& stamp);

  struct Answer {
    std::uint64_t cookie = 0;
    model::Index index;  // the state must hold everything up to here
  };
  /// Reads that a majority has confirmed.
  std::vector<Answer> confirmed();
  /// A ping goes out once for all reads that came since the last one.
  bool take_ping_due() { return std::exchange(ping_due_, false); }

  /// Reads may be answered at once while the clock is below this; 0: no lease. A sole voter's never ends.
  MonotonicMs lease_until() const;
  bool is_sole_voter() const { return others_.empty() && votes_self_; }
  std::size_t waiting() const { return waiting_.size(); }

  void suspend_lease() { suspended_ = true; }
  void resume_lease() { suspended_ = false; }
  /// Until the next begin().
  void forbid_lease() { forbidden_ = true; }

 private:
  struct Heard {
    std::uint64_t sent_at = 0, round = 0;
  };
  struct Waiting {
    std::uint64_t cookie, round;
    model::Index index;
  };
  template <class Field>
  std::uint64_t majority_of(Field Heard::*field) const;

  model::NodeId self_;
  MonotonicMs lease_;
  std::map<model::NodeId, Heard> others_;  // voters but this node
  std::size_t majority_ = 1;
  bool votes_self_ = false;
  bool leading_ = false, suspended_ = false, forbidden_ = false;
  std::uint64_t round_ = 0;  // grows over all terms of this life
  bool ping_due_ = false;
  std::vector<Waiting> waiting_;
};

}  // namespace coffer::cluster

#pragma once
// How a node learns, from what a group's leader reports, that the group goes on without it for certain: then its replica
// may be let go of (GroupCore::leave). Pure; the steward keeps one for each group.
//
// What is proved. In one term a leader's log only grows. So when it says first "my log ends at L, and its newest
// configuration does not name you", and then, in the same term, "I have committed L", everything up to L is committed,
// that configuration too, by servers of which this node is none. Words may be late: what they say stays true.
//
// Why a replica whose own log ends at or before L may go, with its log and its rows, when term, vote and the end of its
// log (the floor) stay:
//   - Nobody counts on its copy. All that it ever acknowledged and that counted is at or before L, and is held by a
//     majority without it. It counts again when a configuration behind L names it, for what it acknowledges then.
//   - It votes as before. Somebody who was away may still know a configuration that names it, and ask it; several who
//     went may even be a majority of that one. A log that is older than the floor is refused as its own log would have
//     refused it, and term and vote are not forgotten, so it does not vote twice.
//   - It leads nobody with less than it had. While it catches up again its log may end before the floor and show a
//     configuration of old that names it: until its log has reached the floor it asks nobody for a vote.
// Acknowledgements that are still on their way when it goes would let a leader of the same term take it for further than
// it is, and wait for it; so it goes only when no leader has spoken to it for a while.

#include <optional>

#include "model/ids.hpp"

namespace coffer::cluster {

/// What the leader of a group says, all of one moment.
struct LeaderWord {
  model::Term term;
  model::Index commit;
  model::Index last;      // where its log ends
  bool names_us = false;  // its newest configuration has this node, in whatever role
};

class Departure {
 public:
  /// Up to where everything is committed without this node; nullopt: that is not proved, or it is a server again.
  std::optional<model::Index> heard(const LeaderWord& word);

 private:
  model::Term term_;
  std::optional<model::Index> end_;      // of the leader's log when it did not name us, in term_; not committed yet
  std::optional<model::Index> settled_;  // what is proved
};

}  // namespace coffer::cluster

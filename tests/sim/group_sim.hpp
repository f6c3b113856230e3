#pragma once
// One group of 3 or 5 voters by seed: a network that delays, reorders, loses and doubles messages and is partitioned,
// nodes that crash with what their log disk had not synced, slow disks, clocks that run fast and slow, checkpoints,
// snapshots to those who fell behind, members that become standby, go, let go of their replica and come again, or meet
// those who believe in them still, hand-overs, nodes that are sealed, leaders that stand still while others read on them.
//
// Checked: one leader per term; a committed entry never differs between nodes or lives; nothing acknowledged is lost;
// nothing refused as "not in the log" is committed; each node's state at an index is the same; a node never forgets
// the term that it has spoken in; no read, under a lease or not, misses what was acknowledged before it began; the
// group makes progress after everything is healed.

#include <cstdint>
#include <string>

namespace coffer::sim {

enum class GroupMutant {
  none,
  ack_before_fsync,   // tickets are reported when the batch is taken
  skip_read_index,    // a leader answers reads without a lease and without asking
  long_lease,         // a lease that reaches beyond the election timeout
  lease_in_transfer,  // what a leader publishes about its lease is not taken back
  forgets_votes,      // term and vote are not written
  forgets_floor,      // of a log that a node let go of it is not written where it ended
  leaves_unproved,    // a node lets go when a leader does not name it, committed or not
};

struct GroupOptions {
  std::uint64_t seed = 1;
  std::uint64_t steps = 20000;
  std::uint64_t nodes = 3;
  GroupMutant mutant = GroupMutant::none;
};

struct GroupReport {
  std::uint64_t trace = 0;
  std::uint64_t acknowledged = 0, crashes = 0, elections = 0, installs = 0, changes = 0, transfers = 0,
                leased_reads = 0, asked_reads = 0, departures = 0;
  std::string text() const;
};

/// Throws Violation.
GroupReport simulate_group(const GroupOptions& options);

}  // namespace coffer::sim

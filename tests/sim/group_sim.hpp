#pragma once
// One group of 3 or 5 voters by seed: a network that delays, reorders, loses and doubles messages and is partitioned,
// nodes that crash with what their log disk had not synced, slow disks, checkpoints, snapshots to those who fell
// behind, members that become standby and voters again.
//
// Checked: one leader per term; a committed entry never differs between nodes or lives; nothing acknowledged is lost;
// nothing refused as "not in the log" is committed; each node's state at an index is the same; a node never forgets
// the term that it has spoken in; the group makes progress after everything is healed.

#include <cstdint>
#include <string>

namespace coffer::sim {

enum class GroupMutant {
  none,
  ack_before_fsync,  // tickets are reported when the batch is taken
};

struct GroupOptions {
  std::uint64_t seed = 1;
  std::uint64_t steps = 20000;
  std::uint64_t nodes = 3;
  GroupMutant mutant = GroupMutant::none;
};

struct GroupReport {
  std::uint64_t trace = 0;
  std::uint64_t acknowledged = 0, crashes = 0, elections = 0, installs = 0, changes = 0;
  std::string text() const;
};

/// Throws Violation.
GroupReport simulate_group(const GroupOptions& options);

}  // namespace coffer::sim

#pragma once
// A cluster of whole nodes by seed: 3 to 5 nodes with the directory's Raft group, two data groups and more that are
// added, tenants that are created in it, clients that put, compare and set, delete, read and transact through retries with
// request ids, operators who create, add, move and look; and everything that goes wrong: messages late, lost,
// twice and out of order; partitions of all shapes; kills and power losses that tear and lose what was not synced, file by
// file; full and broken disks; processes that stop and go on; clocks of different rates and wall clocks that jump; members
// that change, by chance or (every third seed) by placement, which operators order to drain nodes; snapshots,
// hand-overs, tenants that move between the groups, nodes that are sealed and unsealed. One thread, no real clock: a seed repeats a run.
//
// Checked: one leader per term; one group at most in which a tenant lives; logs that match; no committed entry that changes; rows that are the same at the same
// index; no acknowledged write lost, none applied twice, none that was refused; histories that are linearizable, each
// answer exactly what the store held (history.hpp); watchers that are told of each change once and in order; a directory
// that goes forward only, whose answers are as new as what was committed when they were asked for, and whose groups begin
// from what is committed; routes that agree with it, and progress, when everything is healed.

#include <cstdint>
#include <string>

#include "tests/sim/sim_node.hpp"

namespace coffer::sim {

struct ClusterOptions {
  std::uint64_t seed = 1;
  std::uint64_t steps = 10000;
  std::uint64_t nodes = 0;  // 0: 3 to 5, by seed
  ClusterMutant mutant = ClusterMutant::none;
};

struct ClusterReport {
  std::uint64_t trace = 0;
  std::uint64_t operations = 0, acknowledged = 0, unknown = 0, reads = 0, failed_conditions = 0;
  std::uint64_t elections = 0, crashes = 0, disk_failures = 0, installs = 0, changes = 0, transfers = 0, moves = 0,
                placed = 0, seals = 0, groups = 0, looks = 0, leased = 0, asked = 0, watched = 0, compared = 0,
                messages = 0, simulated_ms = 0;
  std::string text() const;
  ClusterReport& operator+=(const ClusterReport& other);
};

/// Throws Violation.
ClusterReport simulate_cluster(const ClusterOptions& options);

}  // namespace coffer::sim

#pragma once
// One node by seed: several groups of one voter share a log writer and a log database, a state database is written
// without fsync, the durable index D follows its flushes (DESIGN of storage: the state first, then D, then the log
// goes). Power loss takes unsynced bytes of each file of each database on its own; disks fail; processes are killed.
//
// Checked: nothing acknowledged is lost; what an index of a log once committed never changes; after every start and
// at the end the rows are exactly what the log up to its end makes of them; only proposed values are stored; after a
// failed disk nothing is acknowledged.

#include <cstdint>
#include <string>

namespace coffer::sim {

/// Mistakes that the checks must find.
enum class NodeMutant {
  none,
  ack_before_fsync,        // tickets are reported when the batch is taken, not when it is durable
  d_before_flush,          // D advances without a flush of the state
  synced_write_for_flush,  // a synced write to the state database is taken for a flush of its older files
  ignore_disk_errors,      // a failed log write counts as done
};

struct NodeOptions {
  std::uint64_t seed = 1;
  std::uint64_t steps = 20000;
  NodeMutant mutant = NodeMutant::none;
};

struct NodeReport {
  std::uint64_t trace = 0;  // the same for the same options
  std::uint64_t acknowledged = 0, crashes = 0, disk_failures = 0, checkpoints = 0;
  std::string text() const;
};

/// Throws Violation.
NodeReport simulate_node(const NodeOptions& options);

}  // namespace coffer::sim

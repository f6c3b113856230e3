#pragma once
// A node's two databases under random write sets, checkpoints and truncations, driven by the discipline that
// ARCHITECTURE.md states for the disk: an entry is applied only once it is synced, the durable index D advances only
// after the state was flushed, and a restart replays from D. After a crash, check() compares what a restart finds with
// what was acknowledged. Runs over any pair of engines; single-threaded; everything follows from the seed.

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "storage/log_store.hpp"
#include "storage/state_store.hpp"

namespace coffer::test {

class CrashRig {
 public:
  /// `flush_before_d` false leaves the discipline out, to show that the rig notices.
  explicit CrashRig(std::uint64_t seed, bool flush_before_d = true) : random_(seed), flush_before_d_(flush_before_d) {}

  /// One random action; false when the disk refused it.
  bool step(storage::Engine& log, storage::Engine& state);
  /// Restarts over what is there: recovers, replays from D, and compares. Empty, or what is wrong. The engines must
  /// take writes. `refused` is set instead when the disk failed meanwhile.
  std::string check(storage::Engine& log, storage::Engine& state, bool* refused);
  std::size_t acknowledged() const;

 private:
  static constexpr std::uint64_t kGroups = 3;
  static constexpr int kTenants = 2, kRows = 6;

  using Rows = std::map<std::string, std::string>;
  struct Group {
    std::vector<std::string> entries;             // data of entry i+1; beyond `acknowledged` only proposed
    std::vector<std::set<std::string>> attempts;  // everything ever written at an index
    std::size_t acknowledged = 0;                 // committed, locally synced and applied
    std::size_t stored = 0;                       // highest index that may stand in the log
    std::size_t durable = 0;                      // D
  };

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::string random_change();
  void append(Group& group, std::uint64_t id, storage::LogBatch* batch);
  bool append_and_apply(storage::Engine& log, storage::Engine& state, bool acknowledge);
  bool checkpoint(storage::Engine& log, storage::Engine& state);
  void apply(storage::StateWriter& writer, std::uint64_t group, const std::string& data);
  std::string check_group(std::uint64_t id, const storage::Recovered& recovered);
  std::string compare_rows(std::uint64_t id, storage::Engine& state);

  std::mt19937_64 random_;
  const bool flush_before_d_;
  Group groups_[kGroups];
};

}  // namespace coffer::test

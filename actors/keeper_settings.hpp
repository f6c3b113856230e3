#pragma once
// What the keeper of keys is told when its node starts. Values.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace coffer::actors {

struct BackupSchedule {
  std::string directory;  // empty: none
  std::chrono::seconds every{24 * 3600};
  std::uint32_t keep = 7;                         // newest files that stay
  std::uint64_t bytes_per_second = 128ULL << 20;  // of each backup, at most; 0: as fast as it goes
  /// Bytes that files in the directory may still take. Empty, or none: nobody knows, and the disk itself says when it is full.
  std::function<std::optional<std::uint64_t>()> spare;
};

struct KeeperSettings {
  std::string reason;                                      // of a sealed start: why the node did not open by itself
  std::uint64_t reseal_rows_per_second = 20'000;           // unless an operator has said otherwise
  std::chrono::milliseconds retire_after{24 * 3'600'000};  // a cluster key that nothing uses any more
  std::chrono::milliseconds round{600'000};  // between two looks at all tenants; sooner after a rotation or deletion
  std::string key_directory;                 // of key files that operators name; empty: they may not
  std::uint64_t max_cluster_seals = std::uint64_t{1} << 30;  // see DirectoryDeps::max_seals
  BackupSchedule backups;
  std::string program;  // name and version, for manifests
};

}  // namespace coffer::actors

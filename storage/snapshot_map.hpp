#pragma once
// An ordered map of bytes in memory whose scans are snapshots: what the memory and the faulty engine keep their rows
// in. A scan shares the map; the first write while one lives copies it (copy on write), so a program without long
// scans never copies. get() and scan() from any thread, also during apply(); apply() and undo() from one at a time.

#include <map>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "storage/engine.hpp"

namespace coffer::storage {

class SnapshotMap {
 public:
  /// What a key held before an operation.
  struct Before {
    std::string key;
    std::optional<std::string> value;
  };

  std::optional<std::string> get(std::string_view key) const;
  /// The map must outlive the scan.
  std::unique_ptr<Scan> scan(std::string_view begin, std::string_view end) const;
  /// Applies all operations before any reader sees one. With `undo`, remembers what they replaced, in their order.
  void apply(const Batch& batch, std::vector<Before>* undo = nullptr);
  /// Takes back what one apply() did. REQUIRES: everything applied after it was taken back before.
  void undo(std::vector<Before> undo);

 private:
  using Map = std::map<std::string, std::string, std::less<>>;
  class MapScan;

  Map& writable();

  mutable std::shared_mutex mutex_;
  std::shared_ptr<Map> map_ = std::make_shared<Map>();
};

}  // namespace coffer::storage

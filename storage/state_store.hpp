#pragma once
// The state database: every tenant's sealed rows, by group and generation. Written by the state-writer actor, without
// fsync; read by shards directly. The tenant is part of the handle: TenantRows cannot name another tenant's row.
//
// Keys (integers big-endian):   'g' group:8 generation:8 tenant:16 row      row: see storage/keys.hpp
//                               'c' group:8 -> what this node has compacted away, see actors/compacted_marks.hpp

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.hpp"
#include "storage/engine.hpp"
#include "storage/keys.hpp"

namespace coffer::storage {

/// What applying one log entry does: rows of one tenant.
struct RowChange {
  std::string row;
  std::optional<std::string> value;  // nullopt: delete
};

/// One tenant's rows of one generation: the only way a shard reads. Any thread.
class TenantRows {
 public:
  TenantRows(const Engine& engine, model::GroupId group, model::Generation generation, model::TenantId tenant);
  model::Result<std::optional<std::string>> get(std::string_view row) const;
  /// Rows in [begin, end); end empty: to the tenant's last row. Scan::key() of the result is the whole key;
  /// row_of() cuts the prefix off.
  std::unique_ptr<Scan> scan(std::string_view begin, std::string_view end) const;
  std::string_view row_of(std::string_view key) const { return key.substr(prefix_.size()); }

 private:
  const Engine& engine_;
  std::string prefix_;
};

/// Collects the changes of committed entries of any groups and writes them as one batch. State-writer actor only.
class StateWriter {
 public:
  explicit StateWriter(Engine& engine) : engine_(engine) {}
  /// Changes are RowChange, or anything else with a row and an optional value.
  template <class Changes = std::vector<RowChange>>
  void apply(model::GroupId group, model::Generation generation, model::TenantId tenant, const Changes& changes) {
    const std::string prefix = state_key(group, generation, tenant, {});
    for (const auto& change : changes) {
      if (change.value) {
        batch_.put(prefix, change.row, *change.value);
      } else {
        batch_.del(prefix, change.row);
      }
    }
  }
  /// Unsynced. Errors are fatal to the node.
  model::Status write();
  /// Everything written before is durable after: from here on D may advance.
  model::Status flush();
  std::size_t pending_bytes() const { return batch_.bytes(); }

 private:
  Engine& engine_;
  Batch batch_;
};

}  // namespace coffer::storage

#pragma once
// What one write set changed, as the sealed row that watchers are told from. Written and read by TenantCore only.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.hpp"
#include "model/result.hpp"
#include "model/watch.hpp"

namespace coffer::actors {

/// One entry's change.
struct Change {
  model::ChangeType type = model::ChangeType::put;
  std::string space, name;
  std::uint64_t version = 0;
};
/// Everything that one revision changed.
struct ChangeSet {
  std::uint64_t revision = 0;
  model::TimeMs time = 0;
  std::vector<Change> changes;
};

/// A ChangeRecord (proto/coffer/store/v1/records.proto), not sealed yet.
std::string encode_changes(std::uint64_t revision, model::TimeMs time, const std::vector<Change>& changes);
/// Errors: data_loss.
model::Result<ChangeSet> decode_changes(std::string_view bytes);

}  // namespace coffer::actors

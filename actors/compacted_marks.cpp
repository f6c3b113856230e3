// See compacted_marks.hpp.

#include "actors/compacted_marks.hpp"

#include <algorithm>

#include "actors/records.hpp"
#include "storage/keys.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

namespace {

std::string key_of_mark(model::GroupId group) {
  std::string key = "c";
  storage::append_be64(key, group.value);
  return key;
}

}  // namespace

std::string encode_compacted(model::TimeMs purged_at, std::uint64_t generation) {
  store::v1::CompactedRecord record;
  record.set_format(kRecordFormat);
  record.set_purged_at_ms(purged_at);
  record.set_generation(generation);
  return record.SerializeAsString();
}

/// The generation of what the node has of the group; 0: nothing.
std::uint64_t CompactedMarks::replica_of(model::GroupId group, model::Generation generation) const {
  const auto logged = log_.first_entry(group);
  const auto stored = storage::generations(state_, group);
  const bool has_nothing = logged && !logged->has_value() && stored && stored->empty();
  return has_nothing ? 0 : generation.value;
}

bool CompactedMarks::is_to_compact(model::GroupId group, model::TimeMs purged_at, model::Generation generation) {
  const std::lock_guard lock(mutex_);
  model::TimeMs& newest = newest_[group];
  newest = std::max(newest, purged_at);
  const auto stored = state_.get(key_of_mark(group));
  store::v1::CompactedRecord record;
  const bool is_read = stored && stored->has_value() && record.ParseFromString(**stored);
  return !is_read || record.format() != kRecordFormat || record.purged_at_ms() < purged_at ||
         record.generation() != replica_of(group, generation);
}

CompactedMarks::Begun CompactedMarks::begin(model::GroupId group, model::Generation generation) const {
  const std::lock_guard lock(mutex_);
  const auto known = newest_.find(group);
  return {known == newest_.end() ? 0 : known->second, replica_of(group, generation)};
}

std::optional<storage::Batch> CompactedMarks::end(model::GroupId group, const Begun& begun,
                                                  model::Generation generation) const {
  if (begun.newest == 0 || begun.replica != replica_of(group, generation)) return std::nullopt;
  storage::Batch batch;
  batch.put(key_of_mark(group), encode_compacted(begun.newest, begun.replica));
  return batch;
}

}  // namespace coffer::actors

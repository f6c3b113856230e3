// See change_records.hpp.

#include "actors/change_records.hpp"

#include "actors/records.hpp"

namespace coffer::actors {

std::string encode_changes(std::uint64_t revision, model::TimeMs time, const std::vector<Change>& changes) {
  store::v1::ChangeRecord record;
  record.set_format(kRecordFormat);
  record.set_revision(revision);
  record.set_time_ms(time);
  for (const Change& change : changes) {
    auto* item = record.add_items();
    item->set_type(static_cast<std::uint32_t>(change.type));
    item->set_space(change.space);
    item->set_name(change.name);
    item->set_version(change.version);
  }
  return record.SerializeAsString();
}

model::Result<ChangeSet> decode_changes(std::string_view bytes) {
  store::v1::ChangeRecord record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || record.format() != kRecordFormat) {
    return model::Error(model::Code::data_loss, "a change record is damaged or of an unknown format");
  }
  ChangeSet set{record.revision(), record.time_ms(), {}};
  set.changes.reserve(static_cast<std::size_t>(record.items_size()));
  for (auto& item : *record.mutable_items()) {
    if (item.type() < static_cast<std::uint32_t>(model::ChangeType::put) ||
        item.type() > static_cast<std::uint32_t>(model::ChangeType::metadata)) {
      return model::Error(model::Code::data_loss, "a change record names a change of an unknown type");
    }
    set.changes.push_back({static_cast<model::ChangeType>(item.type()), std::move(*item.mutable_space()),
                           std::move(*item.mutable_name()), item.version()});
  }
  return set;
}

}  // namespace coffer::actors

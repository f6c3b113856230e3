// The state database over any Engine: see storage/state_store.hpp for its keys and its threads.

#include "storage/state_store.hpp"

namespace coffer::storage {

TenantRows::TenantRows(const Engine& engine, model::GroupId group, model::Generation generation, model::TenantId tenant)
    : engine_(engine), prefix_(state_key(group, generation, tenant, {})) {}

model::Result<std::optional<std::string>> TenantRows::get(std::string_view row) const {
  return engine_.get(std::string(prefix_).append(row));
}

std::unique_ptr<Scan> TenantRows::scan(std::string_view begin, std::string_view end) const {
  // The end is the tenant's own when none is given, so that a scan can never run into the next tenant.
  return engine_.scan(std::string(prefix_).append(begin),
                      end.empty() ? prefix_end(prefix_) : std::string(prefix_).append(end));
}

model::Status StateWriter::write() {
  if (batch_.empty()) return {};
  batch_.keep_last();  // write sets of one tenant all carry its header
  model::Status status = engine_.write(batch_, Durability::unsynced);
  batch_.clear();
  return status;
}

model::Status StateWriter::flush() {
  // What was applied but not written yet goes along: a caller that forgot write() must not advance D over it.
  if (model::Status status = write(); !status.ok()) return status;
  return engine_.flush();
}

}  // namespace coffer::storage

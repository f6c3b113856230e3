// See audit_refusals.hpp.

#include "actors/audit_refusals.hpp"

namespace coffer::actors {
namespace {

/// "10.0.0.1:4711" and "[::1]:4711" without the port.
std::string host_of(std::string_view address) {
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos || address.ends_with(']')) return std::string(address);
  return std::string(address.substr(0, colon));
}

}  // namespace

void RefusalCounts::add(const model::AuditEvent& event, model::TimeMs now) {
  Source source{host_of(event.address), std::string(event.principal), event.door, event.code};
  auto found = counts_.find(source);
  if (found == counts_.end()) {
    if (counts_.size() >= kMostSources) source = {};
    found = counts_.try_emplace(std::move(source), Count{0, now, now}).first;
  }
  ++found->second.count;
  found->second.last = now;
}

void RefusalCounts::drain(const std::function<void(const Source&, const Count&)>& f) {
  for (const auto& [source, count] : counts_) f(source, count);
  counts_.clear();
}

}  // namespace coffer::actors

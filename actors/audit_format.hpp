#pragma once
// A record's fields, behind its number and time, as docs/audit.md describes them. Pure but for the scratch string.

#include <cstddef>
#include <string>

#include "actors/audit_queue.hpp"
#include "actors/audit_refusals.hpp"

namespace coffer::actors {

/// Of a record's items so much is written in full. The next ones go without details and names, and what finds no room even
/// so is left out; the record says how many.
constexpr std::size_t kMostRecordBytes = 1 << 20, kMostItemsBytes = 512 << 10, kMostShortItemsBytes = 256 << 10;

/// A decided request: kind "request".
void format_request(const AuditQueue::Item& item, std::string& out);
/// A committed write set: kind "change". False when its record cannot be read.
bool format_change(const model::AuditedChange& change, std::string& out);
/// Requests whose credential did not hold: kind "refusals".
void format_refusals(const RefusalCounts::Source& source, const RefusalCounts::Count& count, std::string& out);

/// The event's name in the Tapis Pods contract (its section 2.6); empty: it has none.
std::string_view tapis_event(std::string_view action, model::Code code, std::string_view details);

}  // namespace coffer::actors

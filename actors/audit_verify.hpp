#pragma once
// Reads an audit trail from its first file to its last and names what is wrong with it, and where. Needs no running
// server: the folder, and the public keys by which the cluster signs. Pure but for the folder; any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "actors/audit_trail.hpp"
#include "model/audit.hpp"

namespace coffer::actors {

struct AuditExpectation {
  /// The public key of a version of the cluster's audit key; empty: not known, the one in the file's head is taken.
  std::function<std::string(std::uint32_t version)> public_key;
  /// How far the trail must go, from whoever writes it; nothing: as its head says. What is behind it is not looked at.
  std::optional<AuditTrail::Position> end;
};

/// Errors: disk_error.
model::Result<model::AuditVerdict> verify_audit(const storage::AuditDirectory& directory,
                                                const AuditExpectation& expected);

/// Records that match, in their order. Errors: disk_error, invalid_argument.
model::Result<model::AuditPage> search_audit(const storage::AuditDirectory& directory, const model::AuditQuery& query,
                                             std::uint64_t end);

}  // namespace coffer::actors

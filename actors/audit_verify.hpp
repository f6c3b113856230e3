#pragma once
// Reads an audit trail from its first file to its last and names what is wrong with it, and where. Needs no running
// server: the folder, and the public keys by which the cluster signs. Pure but for the folder; any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/audit_trail.hpp"
#include "model/audit.hpp"

namespace coffer::actors {

struct AuditExpectation {
  /// The public key of a version of the cluster's audit key; empty: not known, the one in the file's head is taken.
  std::function<std::string(std::uint32_t version)> public_key;
  /// How far the trail must go, from whoever writes it; nothing: as its head says. What is behind it is not looked at.
  std::optional<AuditTrail::Position> end;
  /// Instead of `public_key`: keys that are known to be the cluster's. What one of them signs counts, and so does what it
  /// introduces (a newer key after a rotation); what was written before its first signature is held by the chain.
  std::vector<std::string> trusted = {};
  /// Hears of each key that a trusted one introduces.
  std::function<void(std::uint32_t version, const std::string& key)> introduced = {};
};

/// Errors: disk_error.
model::Result<model::AuditVerdict> verify_audit(const storage::AuditDirectory& directory,
                                                const AuditExpectation& expected);

/// Records that match, in their order. Errors: disk_error, invalid_argument.
model::Result<model::AuditPage> search_audit(const storage::AuditDirectory& directory, const model::AuditQuery& query,
                                             std::uint64_t end);

}  // namespace coffer::actors

#pragma once
// Verifies rows one by one: each is opened under its tenant's keys and read as what its key says, and each kept version of
// an entry must have its value. Used where a backup is verified and after one was restored. One thread per object.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/key_ring.hpp"
#include "crypto/sealer.hpp"
#include "model/entry.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"

namespace coffer::actors {

class RowCheck {
 public:
  struct Counts {
    std::uint64_t tenants = 0;   // with rows
    std::uint64_t entries = 0;   // whose metadata opened
    std::uint64_t versions = 0;  // whose values opened
    std::uint64_t skipped = 0;   // rows of no tenant: left by an import, a purge or a move that is under way
  };
  /// `ring` wraps the tenants' keys and outlives this; `cluster_id` is 16 bytes.
  RowCheck(const crypto::KeyRing& ring, std::string_view cluster_id, crypto::Random& random);

  /// Of an exported tenant's file, which has no directory.
  void know(const model::TenantId& tenant, model::GroupId group) { known_[tenant] = group; }
  /// The rows that follow are this tenant's in this group (zero: the directory's, which comes first), in the order of their
  /// keys. Errors: those of open_tenant_keys.
  model::Status begin(const model::TenantId& tenant, model::GroupId group,
                      const std::optional<store::v1::TenantKeysRecord>& keys);
  /// Errors: data_loss, with the kind and number of the row.
  model::Status row(std::string_view key, std::string_view value);
  /// After a tenant's last row. Errors: data_loss (a value is missing).
  model::Status end();
  const Counts& counts() const { return counts_; }

 private:
  model::Status check(std::string_view key, std::string_view value);
  model::Status check_directory(std::string_view key, std::string_view value);
  model::Status expect_values(std::string_view hash, const model::Entry& entry);
  void see_value(std::uint64_t mark);

  const crypto::KeyRing& ring_;
  const std::string cluster_name_;
  crypto::Random& random_;
  Counts counts_;
  std::map<model::TenantId, model::GroupId> known_;  // where the directory has them
  model::TenantId tenant_;
  bool skips_ = false;
  std::uint64_t number_ = 0;
  std::optional<crypto::Sealer> sealer_;
  // Entries and their values come in the same order, so that one walk compares them.
  std::vector<std::uint64_t> expected_;
  std::size_t seen_ = 0;
};

}  // namespace coffer::actors

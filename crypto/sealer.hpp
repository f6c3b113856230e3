#pragma once
// Sealing: AES-256-GCM (NIST SP 800-38D) with a fresh random 96-bit nonce and associated data that says what the
// bytes are. What is sealed under one identity does not open under another.
//
// Sealed bytes:   format:1 (=1)  key_version:4 big-endian  nonce:12  ciphertext  tag:16
// The format and key version are part of the associated data, too.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "crypto/key.hpp"
#include "crypto/random.hpp"
#include "model/secret.hpp"

namespace coffer::crypto {

/// Seals under the current version of a key and opens under every version it was given. Keeps the key schedules; one
/// per shard or owner, not thread-safe.
class Sealer {
 public:
  explicit Sealer(Random& random);
  Sealer(Sealer&&) noexcept;
  Sealer& operator=(Sealer&&) noexcept;
  ~Sealer();

  /// The newest version added becomes the current one when `current`.
  void add_key(std::uint32_t version, const Key& key, bool current);
  std::uint32_t current_version() const;

  /// REQUIRES: a current key.
  std::string seal(std::string_view plaintext, std::string_view associated_data);
  /// Errors: data_loss (wrong associated data, altered bytes, unknown format), key_mismatch (no such key version).
  model::Result<model::Secret> open(std::string_view sealed, std::string_view associated_data);
  /// Seals made by this object.
  std::uint64_t seals() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The key version that sealed bytes name. Errors: data_loss.
model::Result<std::uint32_t> sealed_key_version(std::string_view sealed);

/// Associated data of a tenant's row: unambiguous in (tenant, row key). The row key holds kind, entry and version.
std::string row_identity(std::string_view tenant_id, std::string_view row);

}  // namespace coffer::crypto

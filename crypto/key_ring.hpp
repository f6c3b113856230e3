#pragma once
// The hierarchy of keys: a seal opens the root key, the root key wraps the cluster keys, the current cluster key wraps each
// tenant's keys. Records are proto/coffer/store/v1. Const methods on any thread, also while adopt() puts newer keys in
// place: readers see all of the old ones or all of the new ones.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "coffer/store/v1/records.pb.h"
#include "crypto/key.hpp"
#include "crypto/random.hpp"
#include "crypto/sealer.hpp"
#include "model/ids.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::crypto {

/// What keeps the root key while the node is down: a file, a passphrase or a device (seal.hpp); may block.
class Seal {
 public:
  virtual ~Seal() = default;
  virtual std::string_view kind() const = 0;
  virtual model::Result<store::v1::SealRecord> wrap(const Key& root, std::string_view cluster_id, Random& random) = 0;
  /// Errors: key_mismatch with a sentence that names the seal and what would be right; data_loss when the record was
  /// altered or belongs to another cluster.
  virtual model::Result<Key> unwrap(const store::v1::SealRecord& record, std::string_view cluster_id) = 0;
};

/// A file with 64 hexadecimal digits and a newline (which may be missing), mode 0600. Errors (invalid_argument, disk_error)
/// name the file: missing, readable by others, malformed.
model::Result<std::unique_ptr<Seal>> open_key_file_seal(const std::string& path);
/// Makes such a file; refuses to overwrite one. Synced, mode 0600. Errors: invalid_argument (it exists, or its directory does
/// not), disk_error; both name the file.
model::Status create_key_file(const std::string& path, Random& random);

/// A tenant's keys, opened.
struct TenantKeys {
  std::uint32_t current = 0;
  std::map<std::uint32_t, Key> data_keys;
  Key name_key;
};

class KeyRing {
 public:
  /// The ring keeps the root key: it holds everything that the root key opens anyway, and without it no seal could be
  /// added and no key rotated online.
  static KeyRing generate(Key root, Random& random, std::int64_t now_ms);
  /// Errors: key_mismatch, data_loss.
  static model::Result<KeyRing> open(Key root, const store::v1::KeyRingRecord& record);
  store::v1::KeyRingRecord record() const;
  Key root() const;

  /// The record with one more cluster key, which is not current yet: every node must know it before it is used.
  store::v1::KeyRingRecord with_cluster_key(Random& random, std::int64_t now_ms) const;
  /// The record with the newest cluster key as the current one.
  store::v1::KeyRingRecord with_newest_current() const;
  /// The record without a cluster key by which nothing is sealed any more. What checks its tokens and audit files stays.
  /// Errors: invalid_argument (no such key, it is the current one, or it is retired).
  model::Result<store::v1::KeyRingRecord> without_cluster_key(std::uint32_t version, Random& random,
                                                              std::int64_t now_ms) const;
  struct NewRoot {
    Key root;
    store::v1::KeyRingRecord record;
  };
  /// A new root key, and the cluster keys wrapped under it. Errors: data_loss.
  model::Result<NewRoot> with_new_root(Random& random, std::int64_t now_ms) const;
  /// Uses what a committed record says. Errors: key_mismatch (it is wrapped under another root key), data_loss; then
  /// nothing is changed. One thread at a time.
  model::Status adopt(const store::v1::KeyRingRecord& record) { return adopt(root(), record); }
  model::Status adopt(Key root, const store::v1::KeyRingRecord& record);

  /// New keys of a tenant. With an owner's X25519 public key each data key is also sealed to it. REQUIRES:
  /// owner_public_key is empty or generate_owner_key's.
  store::v1::TenantKeysRecord new_tenant_keys(const model::TenantId& tenant, std::string_view owner_public_key,
                                              Random& random, std::int64_t now_ms) const;
  /// Errors: key_mismatch, data_loss.
  model::Result<TenantKeys> open_tenant_keys(const model::TenantId& tenant,
                                             const store::v1::TenantKeysRecord& record) const;

  /// Adds a data key, which becomes the current one. Errors: those of open_tenant_keys.
  model::Status add_data_key(const model::TenantId& tenant, store::v1::TenantKeysRecord& record, Random& random,
                             std::int64_t now_ms) const;
  /// Wraps the same keys under the current cluster key. Errors: those of open_tenant_keys.
  model::Status rewrap(const model::TenantId& tenant, store::v1::TenantKeysRecord& record, Random& random) const;
  /// Wraps a tenant's keys under a key of somebody else's (an export's), and back. Errors: those of open_tenant_keys.
  model::Status rewrap_for(const Key& other, const model::TenantId& tenant, store::v1::TenantKeysRecord& record,
                           Random& random) const;
  model::Status rewrap_from(const Key& other, const model::TenantId& tenant, store::v1::TenantKeysRecord& record,
                            Random& random) const;

  /// A sealer with every cluster version's key for the directory's rows.
  Sealer directory_sealer(Random& random) const;
  /// MAC of a token's body under the cluster key of that version: 32 bytes; empty when there is no such version.
  std::string token_mac(std::uint32_t version, std::string_view body) const;
  /// The seed by which this cluster signs its audit files. Errors: key_mismatch when there is no such version.
  model::Result<Key> audit_key(std::uint32_t version) const;
  std::uint32_t current_version() const;
  /// Also of a retired one.
  bool has(std::uint32_t version) const;
  bool is_retired(std::uint32_t version) const;

  KeyRing(KeyRing&&) noexcept;
  KeyRing& operator=(KeyRing&&) noexcept;
  ~KeyRing();

 private:
  struct Keys;
  struct Shared;
  explicit KeyRing(std::unique_ptr<const Keys> keys, Key root);
  static model::Result<std::unique_ptr<const Keys>> open_keys(const Key& root, const store::v1::KeyRingRecord& record);
  const Keys& keys() const;
  std::unique_ptr<Shared> shared_;
};

/// The version of the cluster key that wraps a tenant's keys, without opening them. Errors: data_loss.
model::Result<std::uint32_t> wrapping_version(const store::v1::TenantKeysRecord& record);

/// An X25519 key pair (RFC 7748), raw bytes; and sealing to its public half: ephemeral X25519, HKDF-SHA-256 over both
/// public keys, AES-256-GCM. Box: ephemeral public:32 nonce:12 ciphertext tag:16.
struct OwnerKeyPair {
  std::string public_key;
  model::Secret private_key;
};
OwnerKeyPair generate_owner_key(Random& random);
/// Errors: invalid_argument (not a public key).
model::Result<std::string> seal_to_owner(std::string_view public_key, std::string_view plaintext,
                                         std::string_view associated_data, Random& random);
/// Errors: invalid_argument (not 32 bytes), data_loss (cut short), key_mismatch (another key or associated data, or altered).
model::Result<model::Secret> open_as_owner(const model::Secret& private_key, std::string_view box,
                                           std::string_view associated_data);

}  // namespace coffer::crypto

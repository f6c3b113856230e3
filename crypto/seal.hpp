#pragma once
// Seals: how the root key is kept while a node is down. Each seal has a key of its own, which its holder (a file, a
// passphrase, a device, a quorum of shares) gives; under it the record wraps the root key. Several records wrap the same
// root key, so any one opens. Values; the functions that stretch a passphrase or ask a device take up to a second and
// belong on a thread that may block.
//
// The record also keeps the seal's key wrapped under the root key ("escrow"), so that a new root key can be wrapped for
// every seal without its holder. Whoever has a root key and the records of its time therefore has the seals' keys: after
// a leak of the root key the seals are changed as well, not the root key alone.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/key_ring.hpp"
#include "crypto/shamir.hpp"

namespace coffer::crypto {

inline constexpr std::string_view kKeyFileSeal = "key-file", kPassphraseSeal = "passphrase", kShamirSeal = "shamir",
                                  kPkcs11Seal = "pkcs11";

/// Completes a record (kind, name and the holder's fields are set) with the wrapped root key and the escrow.
void fill_seal(store::v1::SealRecord& record, const Key& seal_key, const Key& root, std::string_view cluster_id,
               Random& random);
/// Errors: data_loss (it was altered, or belongs to another cluster, or the seal's key is another).
model::Result<Key> open_seal(const store::v1::SealRecord& record, const Key& seal_key, std::string_view cluster_id);
/// The seal's key, out of the escrow. Errors: data_loss; key_mismatch (a record without one, from before it was kept).
model::Result<Key> escrowed_key(const store::v1::SealRecord& record, const Key& root, std::string_view cluster_id);
/// The same seal around a new root key. Errors: those of escrowed_key, with the seal's name.
model::Result<store::v1::SealRecord> reseal_root(const store::v1::SealRecord& record, const Key& old_root,
                                                 const Key& new_root, std::string_view cluster_id, Random& random);

/// Seals' names, chosen by operators: 1 to 32 of a-z, 0-9 and '-'. Errors: invalid_argument.
model::Status check_seal_name(std::string_view name);

// ---- passphrase ------------------------------------------------------------------------------------------------

/// Argon2id (RFC 9106). The defaults take about half a second on one core; a record that asks for more than 4 GiB or 64 passes
/// is refused, for it may come from somebody who wants this node to end.
struct PassphraseCost {
  std::uint32_t memory_kib = 256 << 10;
  std::uint32_t passes = 3;
};
inline constexpr std::size_t kLeastPassphrase = 12;
/// Errors of unwrap(): unauthenticated (not the passphrase of this seal). Errors of this: invalid_argument (too short).
model::Result<std::unique_ptr<Seal>> make_passphrase_seal(std::string name, model::Secret passphrase,
                                                          PassphraseCost cost = {});
/// A key of a passphrase; fills `parameters` with a new salt. For exports, too. Errors: overloaded (no memory for it).
model::Result<Key> stretch_new(const model::Secret& passphrase, PassphraseCost cost, Random& random,
                               store::v1::SealRecord::Passphrase& parameters);
/// Errors: data_loss (parameters out of range), overloaded.
model::Result<Key> stretch(const model::Secret& passphrase, const store::v1::SealRecord::Passphrase& parameters);

// ---- shares ----------------------------------------------------------------------------------------------------

struct SharedSeal {
  store::v1::SealRecord record;
  std::vector<model::Secret> shares;  // texts, shown once
};
/// Errors: invalid_argument (2 <= threshold <= count <= 32).
model::Result<SharedSeal> make_shamir_seal(std::string name, std::uint32_t threshold, std::uint32_t count,
                                           const Key& root, std::string_view cluster_id, Random& random);

/// Shares of one set as they come in. One thread.
class ShareCollector {
 public:
  /// REQUIRES: a record of kind shamir.
  explicit ShareCollector(store::v1::SealRecord record) : record_(std::move(record)) {}
  /// Giving a share twice changes nothing. Errors: unauthenticated (not of this set, or forged): what was given stays,
  /// so nobody without a share can spoil an attempt.
  model::Status add(Share share);
  std::uint32_t given() const { return static_cast<std::uint32_t>(shares_.size()); }
  std::uint32_t needed() const { return record_.shamir().threshold(); }
  bool is_complete() const { return given() >= needed(); }
  const store::v1::SealRecord& record() const { return record_; }
  /// REQUIRES: is_complete().
  Key seal_key() const;
  void clear() { shares_.clear(); }

 private:
  store::v1::SealRecord record_;
  std::vector<Share> shares_;
};

// ---- PKCS#11 ---------------------------------------------------------------------------------------------------

/// A device (or SoftHSM) behind a PKCS#11 module (OASIS PKCS #11 v2.40). The seal's key is encrypted by an AES-256 key that
/// never leaves the device (CKM_AES_GCM). The module is loaded, asked and let go at each use.
struct Pkcs11Settings {
  std::string module;    // path of the shared object
  std::string token;     // label
  std::string key;       // label of the AES key; made, not extractable, when wrap() finds none
  std::string pin_file;  // mode 0600
};
/// Errors of wrap() and unwrap(): unavailable (module, token or key is not there; the detail says which), key_mismatch.
std::unique_ptr<Seal> make_pkcs11_seal(std::string name, Pkcs11Settings settings);

}  // namespace coffer::crypto

#pragma once
// The key of a file (a backup, an exported tenant): random, kept in the file's manifest once for each holder that may open
// it. Pure but for a passphrase, which takes half a second; any thread.

#include <string>
#include <string_view>

#include "coffer/store/v1/backup.pb.h"
#include "crypto/seal.hpp"

namespace coffer::crypto {

using KeySlot = store::v1::BackupManifest::KeySlot;

inline constexpr std::string_view kRootSlot = "root", kPassphraseSlot = "passphrase", kX25519Slot = "x25519";

/// For whoever opens a seal of the cluster. `file_id` binds the slot to the file.
KeySlot slot_for_root(const Key& file_key, const Key& root, std::string_view file_id, Random& random);
/// Errors: invalid_argument (too short), overloaded.
model::Result<KeySlot> slot_for_passphrase(const Key& file_key, const model::Secret& passphrase,
                                           std::string_view file_id, Random& random, PassphraseCost cost = {});
/// Errors: invalid_argument (no X25519 public key).
model::Result<KeySlot> slot_for_public_key(const Key& file_key, std::string_view public_key, std::string_view file_id,
                                           Random& random);

/// Errors of these: key_mismatch (the file has no such slot, or it does not open with this), data_loss.
model::Result<Key> open_root_slot(const store::v1::BackupManifest& manifest, const Key& root);
model::Result<Key> open_passphrase_slot(const store::v1::BackupManifest& manifest, const model::Secret& passphrase);
model::Result<Key> open_private_key_slot(const store::v1::BackupManifest& manifest, const model::Secret& private_key);

}  // namespace coffer::crypto

// See file_key.hpp.

#include "crypto/file_key.hpp"

#include "crypto/hash.hpp"
#include "crypto/wrap.hpp"

namespace coffer::crypto {
namespace {

constexpr std::uint32_t kFileKeyVersion = 1;

std::string slot_identity(std::string_view file_id) { return key_identity("file key", file_id, kFileKeyVersion); }

const KeySlot* slot_of(const store::v1::BackupManifest& manifest, std::string_view kind) {
  for (const KeySlot& slot : manifest.slots()) {
    if (slot.kind() == kind) return &slot;
  }
  return nullptr;
}

model::Error mismatch(const char* what) { return {model::Code::key_mismatch, what}; }

KeySlot wrapped_slot(std::string_view kind, const Key& under, const Key& file_key, std::string_view file_id,
                     Random& random) {
  KeySlot slot;
  slot.set_kind(std::string(kind));
  slot.set_wrapped_key(wrap_key(under, kFileKeyVersion, file_key, slot_identity(file_id), random));
  return slot;
}

}  // namespace

KeySlot slot_for_root(const Key& file_key, const Key& root, std::string_view file_id, Random& random) {
  return wrapped_slot(kRootSlot, derive(root, "coffer backups"), file_key, file_id, random);
}

model::Result<KeySlot> slot_for_passphrase(const Key& file_key, const model::Secret& passphrase,
                                           std::string_view file_id, Random& random, PassphraseCost cost) {
  if (passphrase.size() < kLeastPassphrase) {
    return model::Error(model::Code::invalid_argument,
                        "passphrase: it needs at least " + std::to_string(kLeastPassphrase) + " characters");
  }
  store::v1::SealRecord::Passphrase parameters;
  const auto key = stretch_new(passphrase, cost, random, parameters);
  if (!key.ok()) return key.error();
  KeySlot slot = wrapped_slot(kPassphraseSlot, *key, file_key, file_id, random);
  *slot.mutable_passphrase() = parameters;
  return slot;
}

model::Result<KeySlot> slot_for_public_key(const Key& file_key, std::string_view public_key, std::string_view file_id,
                                           Random& random) {
  auto box = seal_to_owner(public_key, file_key.bytes(), slot_identity(file_id), random);
  if (!box.ok()) return box.error();
  KeySlot slot;
  slot.set_kind(std::string(kX25519Slot));
  slot.set_public_key(std::string(public_key));
  slot.set_wrapped_key(std::move(*box));
  return slot;
}

model::Result<Key> open_root_slot(const store::v1::BackupManifest& manifest, const Key& root) {
  const KeySlot* slot = slot_of(manifest, kRootSlot);
  if (slot == nullptr) return mismatch("the file was not made for a cluster's seals; it is an exported tenant");
  auto key =
      unwrap_key(derive(root, "coffer backups"), kFileKeyVersion, slot->wrapped_key(), slot_identity(manifest.id()));
  if (key.ok()) return key;
  return mismatch("the root key does not open the backup");
}

model::Result<Key> open_passphrase_slot(const store::v1::BackupManifest& manifest, const model::Secret& passphrase) {
  const KeySlot* slot = slot_of(manifest, kPassphraseSlot);
  if (slot == nullptr) return mismatch("the file was not made for a passphrase");
  const auto under = stretch(passphrase, slot->passphrase());
  if (!under.ok()) return under.error();
  auto key = unwrap_key(*under, kFileKeyVersion, slot->wrapped_key(), slot_identity(manifest.id()));
  if (key.ok()) return key;
  return mismatch("this is not the file's passphrase");
}

model::Result<Key> open_private_key_slot(const store::v1::BackupManifest& manifest, const model::Secret& private_key) {
  const KeySlot* slot = slot_of(manifest, kX25519Slot);
  if (slot == nullptr) return mismatch("the file was not made for a receiving key");
  const auto bytes = open_as_owner(private_key, slot->wrapped_key(), slot_identity(manifest.id()));
  if (!bytes.ok()) return bytes.error();
  if (bytes->size() != Key::kSize) return mismatch("the file's key has a wrong size");
  return Key::from_bytes(bytes->expose());
}

}  // namespace coffer::crypto

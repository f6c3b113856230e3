// A sealed box to an owner's X25519 key (RFC 7748), as in ECIES: the key of a box is HKDF-SHA-256 over the shared secret,
// its info a label and both public keys, so that a box is bound to both. Pure, any thread.

#include <openssl/evp.h>

#include "crypto/aead.hpp"
#include "crypto/hash.hpp"
#include "crypto/key_ring.hpp"
#include "crypto/openssl.hpp"

namespace coffer::crypto {
namespace {

constexpr std::size_t kPoint = 32;  // public and private keys alike
constexpr std::string_view kBoxLabel = "coffer owner box";

Pkey private_key_of(const model::Secret& raw) {
  Pkey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, as_bytes(raw.expose().data()), raw.size()));
  must(key != nullptr, "EVP_PKEY_new_raw_private_key");
  return key;
}

std::string public_half(EVP_PKEY* key) {
  std::string raw(kPoint, '\0');
  std::size_t size = raw.size();
  must(EVP_PKEY_get_raw_public_key(key, as_bytes(raw.data()), &size) == 1 && size == kPoint,
       "EVP_PKEY_get_raw_public_key");
  return raw;
}

/// X25519 of both; empty when the peer's point has a low order: the result would be zero for every private key.
model::Secret shared_secret(EVP_PKEY* own, std::string_view peer_public) {
  const Pkey peer(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, as_bytes(peer_public.data()), peer_public.size()));
  const PkeyContext context(EVP_PKEY_CTX_new(own, nullptr));
  must(peer != nullptr && context != nullptr && EVP_PKEY_derive_init(context.get()) == 1, "EVP_PKEY_derive_init");
  model::Secret shared = model::Secret::of_size(kPoint);
  std::size_t size = shared.size();
  if (EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), as_bytes(shared.expose_mutable()), &size) != 1) {
    return {};
  }
  return shared;
}

Key box_key(const model::Secret& shared, std::string_view ephemeral_public, std::string_view owner_public) {
  std::string info(kBoxLabel);
  info.append(ephemeral_public).append(owner_public);
  model::Secret key = model::Secret::of_size(Key::kSize);
  hkdf_sha256(shared.expose(), {}, info, {as_bytes(key.expose_mutable()), key.size()});
  return Key::from_bytes(key.expose());
}

}  // namespace

OwnerKeyPair generate_owner_key(Random& random) {
  // Any 32 bytes are a private key: X25519 itself clamps them (RFC 7748 section 5).
  model::Secret raw = model::Secret::of_size(kPoint);
  random.fill({as_bytes(raw.expose_mutable()), raw.size()});
  std::string point = public_half(private_key_of(raw).get());
  return {std::move(point), std::move(raw)};
}

model::Result<std::string> seal_to_owner(std::string_view public_key, std::string_view plaintext,
                                         std::string_view associated_data, Random& random) {
  const model::Error not_a_key(model::Code::invalid_argument, "This is not an X25519 public key of 32 bytes.");
  if (public_key.size() != kPoint) return not_a_key;
  const OwnerKeyPair ephemeral = generate_owner_key(random);
  const model::Secret shared = shared_secret(private_key_of(ephemeral.private_key).get(), public_key);
  if (shared.empty()) return not_a_key;
  Aead aead(box_key(shared, ephemeral.public_key, public_key));
  NonceSource nonces(random);
  std::string box = ephemeral.public_key;
  box.resize(kPoint + Aead::kOverhead + plaintext.size());
  aead.seal(nonces, {}, associated_data, plaintext, box.data() + kPoint);
  return box;
}

model::Result<model::Secret> open_as_owner(const model::Secret& private_key, std::string_view box,
                                           std::string_view associated_data) {
  if (private_key.size() != kPoint) {
    return model::Error(model::Code::invalid_argument, "An owner's private key has 32 bytes.");
  }
  if (box.size() < kPoint + Aead::kOverhead) {
    return model::Error(model::Code::data_loss, "The box that is sealed to the owner is cut short.");
  }
  const model::Error does_not_open(model::Code::key_mismatch,
                                   "The owner's key does not open this box: it is another owner's, or it was altered.");
  const Pkey own = private_key_of(private_key);
  const std::string_view ephemeral_public = box.substr(0, kPoint);
  const model::Secret shared = shared_secret(own.get(), ephemeral_public);
  if (shared.empty()) return does_not_open;
  Aead aead(box_key(shared, ephemeral_public, public_half(own.get())));
  model::Secret plaintext = model::Secret::of_size(box.size() - kPoint - Aead::kOverhead);
  if (!aead.open({}, associated_data, box.substr(kPoint), plaintext.expose_mutable())) return does_not_open;
  return plaintext;
}

}  // namespace coffer::crypto

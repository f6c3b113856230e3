// See hash_chain.hpp.

#include "crypto/hash_chain.hpp"

#include <openssl/evp.h>

#include "crypto/openssl.hpp"
#include "crypto/sha256.hpp"
#include "crypto/verify_key.hpp"

namespace coffer::crypto {

ChainHash next_hash(const ChainHash& before, std::string_view record) {
  Sha256 hash;
  hash.update({before.data(), before.size()});
  hash.update(record);
  ChainHash out;
  hash.finish(out.data());
  return out;
}

ChainSigner::ChainSigner(const Key& seed)
    : key_(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, as_bytes(seed.bytes().data()), Key::kSize),
           EVP_PKEY_free),
      public_key_(32, '\0') {
  std::size_t size = public_key_.size();
  must(key_ != nullptr && EVP_PKEY_get_raw_public_key(key_.get(), as_bytes(public_key_.data()), &size) == 1,
       "EVP_PKEY_get_raw_public_key");
}

std::string ChainSigner::sign(std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  must(context != nullptr && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) == 1 &&
           EVP_DigestSign(context.get(), as_bytes(signature.data()), &size, as_bytes(message.data()), message.size()) ==
               1,
       "EVP_DigestSign");
  return signature;
}

bool verify_signature(std::string_view public_key, std::string_view message, std::string_view signature) {
  const auto key = VerifyKey::from_ed25519(public_key);
  return key.ok() && key->verify(message, signature);
}

}  // namespace coffer::crypto

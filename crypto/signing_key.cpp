// See signing_key.hpp.

#include "crypto/signing_key.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypto/openssl.hpp"

namespace coffer::crypto {
namespace {

constexpr unsigned kBits = 2048;

using MemoryBio = std::unique_ptr<BIO, OpensslFree<BIO_free>>;

std::string_view content(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

SigningKey::SigningKey(EVP_PKEY* owned) : key_(owned, EVP_PKEY_free) {}

SigningKey SigningKey::generate() {
  EVP_PKEY* key = EVP_RSA_gen(kBits);
  must(key != nullptr, "EVP_RSA_gen");
  return SigningKey(key);
}

model::Result<SigningKey> SigningKey::from_pem(const model::Secret& pem) {
  const MemoryBio bio(BIO_new_mem_buf(pem.expose().data(), static_cast<int>(pem.size())));
  // An encrypted key would make OpenSSL ask on the terminal; an empty password makes it fail instead.
  char empty[] = "";
  EVP_PKEY* key = bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, empty) : nullptr;
  ERR_clear_error();
  if (key == nullptr) return model::Error(model::Code::invalid_argument, "it is not an unencrypted PEM private key");
  SigningKey signing(key);
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= static_cast<int>(kBits)) return signing;
  return model::Error(model::Code::invalid_argument, "it is not an RSA key of 2048 bits or more");
}

model::Secret SigningKey::private_pem() const {
  const MemoryBio bio(BIO_new(BIO_s_secmem()));  // wiped when freed
  must(bio != nullptr &&
           PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "PEM_write_bio_PKCS8PrivateKey");
  return model::Secret(content(bio.get()));
}

std::string SigningKey::public_pem() const {
  const MemoryBio bio(BIO_new(BIO_s_mem()));
  must(bio != nullptr && PEM_write_bio_PUBKEY(bio.get(), key_.get()) == 1, "PEM_write_bio_PUBKEY");
  return std::string(content(bio.get()));
}

std::string SigningKey::sign(std::string_view message) const {
  const DigestContext context(EVP_MD_CTX_new());
  must(context != nullptr && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1,
       "EVP_DigestSignInit");
  std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = signature.size();
  must(EVP_DigestSign(context.get(), as_bytes(signature.data()), &size, as_bytes(message.data()), message.size()) == 1,
       "EVP_DigestSign");
  signature.resize(size);
  return signature;
}

}  // namespace coffer::crypto

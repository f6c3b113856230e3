// See node_key.hpp.

#include "crypto/node_key.hpp"

#include <openssl/ec.h>

#include "crypto/x509.hpp"

namespace coffer::crypto {

NodeKey::NodeKey(EVP_PKEY* owned) : key_(owned, EVP_PKEY_free) {}

NodeKey NodeKey::generate() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  must(key != nullptr, "EVP_EC_gen");
  return NodeKey(key);
}

model::Result<NodeKey> NodeKey::from_pem(const model::Secret& pem) {
  const BioPtr bio = bio_over(pem.expose());
  char empty[] = "";  // OpenSSL would ask for the password of an encrypted key on the terminal
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, empty);
  ERR_clear_error();
  if (key == nullptr) return model::Error(model::Code::invalid_argument, "it is not an unencrypted PEM private key");
  NodeKey made(key);
  char group[32] = {};
  std::size_t size = 0;
  const bool fits = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
                    EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1 &&
                    std::string_view(group, size) == "prime256v1";
  ERR_clear_error();
  if (!fits) return model::Error(model::Code::invalid_argument, "it is not a key on the curve P-256");
  return made;
}

model::Secret NodeKey::private_pem() const {
  const BioPtr bio(BIO_new(BIO_s_secmem()));  // wiped when freed
  must(bio != nullptr &&
           PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
       "PEM_write_bio_PKCS8PrivateKey");
  return model::Secret(bio_content(bio.get()));
}

std::string NodeKey::certificate_request() const {
  const X509RequestPtr request(X509_REQ_new());
  must(request != nullptr && X509_REQ_set_version(request.get(), 0) == 1 &&
           X509_REQ_set_pubkey(request.get(), key_.get()) == 1 &&
           X509_REQ_sign(request.get(), key_.get(), EVP_sha256()) > 0,
       "X509_REQ_sign");
  unsigned char* der = nullptr;
  const int size = i2d_X509_REQ(request.get(), &der);
  must(size > 0, "i2d_X509_REQ");
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

}  // namespace coffer::crypto

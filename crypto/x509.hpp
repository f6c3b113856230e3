#pragma once
// Ownership of OpenSSL's X.509 objects and texts of them, for the certificates of nodes. For crypto/'s sources only. Any
// thread.

#include <memory>
#include <string>
#include <string_view>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "crypto/openssl.hpp"

namespace coffer::crypto {

using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using X509RequestPtr = std::unique_ptr<X509_REQ, OpensslFree<X509_REQ_free>>;
using X509ExtensionPtr = std::unique_ptr<X509_EXTENSION, OpensslFree<X509_EXTENSION_free>>;
using BioPtr = std::unique_ptr<BIO, OpensslFree<BIO_free>>;

inline BioPtr bio_over(std::string_view bytes) {
  BioPtr bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
  must(bio != nullptr, "BIO_new_mem_buf");
  return bio;
}

inline std::string_view bio_content(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

/// The first certificate of a PEM text; null when there is none.
inline X509Ptr first_x509(std::string_view pem) {
  const BioPtr bio = bio_over(pem);
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

inline std::string pem_of(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  must(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1, "PEM_write_bio_X509");
  return std::string(bio_content(bio.get()));
}

}  // namespace coffer::crypto

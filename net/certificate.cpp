// Names out of X.509; see certificate.hpp.

#include "net/certificate.hpp"

#include <memory>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace coffer::net {
namespace {

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
};

std::string alternative_name(const GENERAL_NAMES* names, int type) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != type) continue;
    const ASN1_IA5STRING* text = name->d.ia5;  // of GEN_URI and GEN_DNS alike
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(ASN1_STRING_length(text))};
  }
  return {};
}

std::string name_of(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, Free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (const int type : {GEN_URI, GEN_DNS}) {
    if (auto name = alternative_name(names.get(), type); !name.empty()) return name;
  }
  char common_name[256] = {};
  const auto* subject = X509_get_subject_name(certificate);
  const int size = X509_NAME_get_text_by_NID(subject, NID_commonName, common_name, sizeof common_name);
  return size > 0 ? std::string(common_name, static_cast<std::size_t>(size)) : std::string();
}

}  // namespace

std::string certificate_name(SSL* ssl) {
  const std::unique_ptr<X509, Free> certificate(SSL_get1_peer_certificate(ssl));
  return certificate ? name_of(certificate.get()) : std::string();
}

std::string certificate_name(std::string_view pem) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Free> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate ? name_of(certificate.get()) : std::string();
}

}  // namespace coffer::net

// Names out of X.509; see certificate.hpp.

#include "net/certificate.hpp"

#include <memory>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace coffer::net {
namespace {

constexpr std::size_t kMostBytes = 16 << 10;

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
};

/// What a rule can name. Names of other kinds, and those that would not be one line, are left out.
void append_name(const GENERAL_NAME* name, std::string* out) {
  const char* kind = name->type == GEN_URI ? "uri:" : name->type == GEN_DNS ? "dns:" : "email:";
  const ASN1_IA5STRING* ia5 = name->d.ia5;  // of all three
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(ia5)),
                              static_cast<std::size_t>(ASN1_STRING_length(ia5)));
  for (const unsigned char c : text) {
    if (c <= 0x20 || c > 0x7e) return;
  }
  if (text.empty() || out->size() + text.size() > kMostBytes) return;
  if (!out->empty()) out->push_back('\n');
  out->append(kind).append(text);
}

std::string names_of(X509* certificate) {
  const std::unique_ptr<GENERAL_NAMES, Free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string out;
  for (const int type : {GEN_URI, GEN_DNS, GEN_EMAIL}) {
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
      if (name->type == type) append_name(name, &out);
    }
  }
  return out;
}

}  // namespace

std::string certificate_names(SSL* ssl) {
  const std::unique_ptr<X509, Free> certificate(SSL_get1_peer_certificate(ssl));
  return certificate ? names_of(certificate.get()) : std::string();
}

std::string certificate_names(std::string_view pem) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Free> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate ? names_of(certificate.get()) : std::string();
}

}  // namespace coffer::net

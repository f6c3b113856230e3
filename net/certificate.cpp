// Names and times out of X.509; see certificate.hpp.

#include "net/certificate.hpp"

#include <ctime>
#include <memory>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
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

/// A time that cannot be read is over.
model::TimeMs end_of(const X509* certificate) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return 0;
  return static_cast<model::TimeMs>(timegm(&parts)) * 1000;
}

using X509Ptr = std::unique_ptr<X509, Free>;

X509Ptr certificate_of(SSL* ssl) { return X509Ptr(SSL_get1_peer_certificate(ssl)); }

X509Ptr certificate_of(std::string_view pem) {
  const std::unique_ptr<BIO, Free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

ClientCertificate read(const X509Ptr& certificate) {
  if (!certificate) return {};
  return {names_of(certificate.get()), end_of(certificate.get())};
}

}  // namespace

ClientCertificate client_certificate(SSL* ssl) { return read(certificate_of(ssl)); }
ClientCertificate client_certificate(std::string_view pem) { return read(certificate_of(pem)); }

std::string certificate_names(SSL* ssl) { return client_certificate(ssl).names; }
std::string certificate_names(std::string_view pem) { return client_certificate(pem).names; }

}  // namespace coffer::net

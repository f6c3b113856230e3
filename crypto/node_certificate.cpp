// See node_certificate.hpp.

#include "crypto/node_certificate.hpp"

#include <charconv>
#include <ctime>

#include "crypto/hash.hpp"
#include "crypto/x509.hpp"

namespace coffer::crypto {
namespace {

constexpr std::string_view kScheme = "coffer://";
constexpr std::string_view kNodePath = "/node/";
constexpr std::size_t kClusterDigits = 32;

using GeneralNames = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;

model::Error no_certificate() { return {model::Code::invalid_argument, "it is not a PEM certificate"}; }

std::optional<model::TimeMs> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return static_cast<model::TimeMs>(timegm(&parts)) * 1000;
}

std::string serial_of(const X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  return hex({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
              static_cast<std::size_t>(ASN1_STRING_length(serial))});
}

std::vector<std::string> uris_of(X509* certificate) {
  const GeneralNames names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> uris;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    uris.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                      static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  return uris;
}

}  // namespace

std::string to_uri(const NodeName& name) {
  return std::string(kScheme) + name.cluster_id + std::string(kNodePath) + std::to_string(name.node.value);
}

std::optional<NodeName> parse_node_uri(std::string_view uri) {
  if (uri.size() <= kScheme.size() + kClusterDigits + kNodePath.size() || !uri.starts_with(kScheme)) {
    return std::nullopt;
  }
  uri.remove_prefix(kScheme.size());
  NodeName name{std::string(uri.substr(0, kClusterDigits)), {}};
  if (name.cluster_id.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  uri.remove_prefix(kClusterDigits);
  if (!uri.starts_with(kNodePath)) return std::nullopt;
  uri.remove_prefix(kNodePath.size());
  const auto [end, error] = std::from_chars(uri.data(), uri.data() + uri.size(), name.node.value);
  if (error != std::errc() || end != uri.data() + uri.size() || uri.front() == '0') return std::nullopt;
  return name;
}

model::Result<CertificateFacts> read_certificate(std::string_view pem) {
  const X509Ptr certificate = first_x509(pem);
  if (!certificate) return no_certificate();
  const auto from = time_of(X509_get0_notBefore(certificate.get()));
  const auto until = time_of(X509_get0_notAfter(certificate.get()));
  if (!from || !until) return no_certificate();
  CertificateFacts facts{uris_of(certificate.get()), serial_of(certificate.get()), *from, *until};
  ERR_clear_error();
  return facts;
}

model::Result<std::string> certificate_hash(std::string_view pem) {
  const X509Ptr certificate = first_x509(pem);
  if (!certificate) return no_certificate();
  std::string hash(32, '\0');
  unsigned size = 0;
  must(X509_digest(certificate.get(), EVP_sha256(), as_bytes(hash.data()), &size) == 1 && size == hash.size(),
       "X509_digest");
  return hash;
}

}  // namespace coffer::crypto

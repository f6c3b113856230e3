// See cluster_ca.hpp.

#include "crypto/cluster_ca.hpp"

#include "crypto/encoding.hpp"
#include "crypto/x509.hpp"

namespace coffer::crypto {
namespace {

constexpr char kCaFormat = 1;
constexpr std::size_t kCaHead = 5;

std::string ca_identity(std::string_view cluster_id) { return "cluster-ca/" + std::string(cluster_id); }

void set_serial(X509* certificate, Random& random) {
  std::string bytes = random.bytes(16);
  bytes[0] = static_cast<char>((bytes[0] & 0x3f) | 0x40);  // positive, and of one length
  using Number = std::unique_ptr<BIGNUM, OpensslFree<BN_free>>;
  const Number number(BN_bin2bn(as_bytes(bytes.data()), static_cast<int>(bytes.size()), nullptr));
  must(number != nullptr && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
       "BN_to_ASN1_INTEGER");
}

void set_life(X509* certificate, model::TimeMs now, std::chrono::seconds life) {
  const auto seconds = static_cast<std::time_t>(now / 1000);
  const auto skew = std::chrono::seconds(kCertificateSkew).count();
  must(ASN1_TIME_set(X509_getm_notBefore(certificate), seconds - skew) != nullptr &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), seconds + life.count()) != nullptr,
       "ASN1_TIME_set");
}

void set_name(X509_NAME* name, const std::string& text) {
  must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, as_bytes(text.data()), static_cast<int>(text.size()), -1,
                                  0) == 1,
       "X509_NAME_add_entry_by_txt");
}

void add_ca_extension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const X509ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str()));
  must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "X509_add_ext");
}

X509Ptr new_certificate(model::TimeMs now, std::chrono::seconds life, Random& random) {
  X509Ptr certificate(X509_new());
  must(certificate != nullptr && X509_set_version(certificate.get(), 2) == 1, "X509_set_version");
  set_serial(certificate.get(), random);
  set_life(certificate.get(), now, life);
  return certificate;
}

model::Error damaged_ca() {
  return {model::Code::data_loss, "the record of the cluster's certificate authority is damaged"};
}

}  // namespace

ClusterCa ClusterCa::make(std::string_view cluster_id, model::TimeMs now, Random& random) {
  NodeKey key = NodeKey::generate();
  const X509Ptr certificate = new_certificate(now, kClusterCaLife, random);
  X509* const c = certificate.get();
  set_name(X509_get_subject_name(c), "coffer cluster " + std::string(cluster_id));
  must(X509_set_issuer_name(c, X509_get_subject_name(c)) == 1 && X509_set_pubkey(c, key.native()) == 1,
       "X509_set_pubkey");
  add_ca_extension(c, c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_ca_extension(c, c, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_ca_extension(c, c, NID_subject_key_identifier, "hash");
  must(X509_sign(c, key.native(), EVP_sha256()) > 0, "X509_sign");
  return ClusterCa(std::string(cluster_id), std::move(key), pem_of(c));
}

std::string ClusterCa::seal(const KeyRing& ring, Random& random) const {
  std::string record(1, kCaFormat);
  append_sized(record, certificate_);
  const model::Secret key = key_.private_pem();
  return record + ring.directory_sealer(random).seal(key.expose(), ca_identity(cluster_id_));
}

model::Result<std::uint32_t> ClusterCa::key_version(std::string_view record) {
  if (record.size() < kCaHead || record[0] != kCaFormat) return damaged_ca();
  const std::size_t size = from_big_endian(record.substr(1));
  if (record.size() - kCaHead < size) return damaged_ca();
  return sealed_key_version(record.substr(kCaHead + size));
}

model::Result<ClusterCa> ClusterCa::open(std::string_view record, std::string_view cluster_id, const KeyRing& ring) {
  if (record.size() < kCaHead || record[0] != kCaFormat) return damaged_ca();
  const std::size_t size = from_big_endian(record.substr(1));
  if (record.size() - kCaHead < size) return damaged_ca();
  std::string certificate(record.substr(kCaHead, size));
  if (!first_x509(certificate)) return damaged_ca();
  auto pem = ring.directory_sealer(system_random()).open(record.substr(kCaHead + size), ca_identity(cluster_id));
  if (!pem) return pem.error();
  auto key = NodeKey::from_pem(*pem);
  if (!key) return damaged_ca();
  const X509Ptr parsed = first_x509(certificate);
  if (X509_check_private_key(parsed.get(), key->native()) != 1) {
    ERR_clear_error();
    return damaged_ca();
  }
  return ClusterCa(std::string(cluster_id), *std::move(key), std::move(certificate));
}

model::Result<std::string> ClusterCa::sign(std::string_view request_der, model::NodeId node, model::TimeMs now,
                                           Random& random, std::chrono::seconds life) const {
  const auto refused = [](const char* why) {
    ERR_clear_error();
    return model::Error(model::Code::invalid_argument, why);
  };
  const unsigned char* at = as_bytes(request_der.data());
  const X509RequestPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(request_der.size())));
  if (!request || at != as_bytes(request_der.data()) + request_der.size()) {
    return refused("the certificate request is not one");
  }
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  char group[32] = {};
  std::size_t group_size = 0;
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(key, group, sizeof group, &group_size) != 1 ||
      std::string_view(group, group_size) != "prime256v1") {
    return refused("the certificate request is not for a key on the curve P-256");
  }
  if (X509_REQ_verify(request.get(), key) != 1) return refused("the certificate request is not signed with its key");

  const X509Ptr ca = first_x509(certificate_);
  const X509Ptr certificate = new_certificate(now, life, random);
  X509* const c = certificate.get();
  const NodeName name{cluster_id_, node};
  set_name(X509_get_subject_name(c), "coffer node " + std::to_string(node.value));
  must(X509_set_issuer_name(c, X509_get_subject_name(ca.get())) == 1 && X509_set_pubkey(c, key) == 1,
       "X509_set_pubkey");
  add_ca_extension(c, ca.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_ca_extension(c, ca.get(), NID_key_usage, "critical,digitalSignature");
  add_ca_extension(c, ca.get(), NID_ext_key_usage, "serverAuth,clientAuth");
  add_ca_extension(c, ca.get(), NID_subject_alt_name, "URI:" + to_uri(name));
  add_ca_extension(c, ca.get(), NID_authority_key_identifier, "keyid");
  must(X509_sign(c, key_.native(), EVP_sha256()) > 0, "X509_sign");
  return pem_of(c);
}

}  // namespace coffer::crypto

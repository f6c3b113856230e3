// Public keys out of PEM and JWK members, and the three signatures. See verify_key.hpp.

#include "crypto/verify_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/openssl.hpp"

namespace coffer::crypto {
namespace {

using model::Code;
using model::Error;
using model::JwsAlgorithm;
using model::Result;

constexpr int kLeastRsaBits = 2048;  // RFC 7518 section 3.3
constexpr int kMostRsaBits = 8192;   // verifying costs with the square of the size
constexpr int kMostExponentBits = 33;
constexpr std::size_t kCoordinate = 32;  // of P-256 and Ed25519

using Bio = std::unique_ptr<BIO, OpensslFree<BIO_free>>;
using Certificate = std::unique_ptr<X509, OpensslFree<X509_free>>;
using Number = std::unique_ptr<BIGNUM, OpensslFree<BN_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, OpensslFree<OSSL_PARAM_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, OpensslFree<ECDSA_SIG_free>>;

Error invalid(const char* what) {
  ERR_clear_error();
  return Error(Code::invalid_argument, what);
}

Number number_of(std::string_view bytes) {
  Number number(BN_bin2bn(as_bytes(bytes.data()), static_cast<int>(bytes.size()), nullptr));
  must(number != nullptr, "BN_bin2bn");
  return number;
}

/// Null when OpenSSL does not take the parameters for a key.
EVP_PKEY* make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  must(params != nullptr && context != nullptr && EVP_PKEY_fromdata_init(context.get()) == 1, "EVP_PKEY_fromdata_init");
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) return nullptr;
  return key;
}

/// Null when the key is fit to verify with, else what is wrong with it.
const char* why_not_rsa(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kLeastRsaBits) return "an RSA key has fewer than 2048 bits";
  if (bits > kMostRsaBits) return "an RSA key has more than 8192 bits";
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &raw) != 1) return "an RSA key has no exponent";
  const Number exponent(raw);
  const bool fit = BN_is_odd(raw) && !BN_is_one(raw) && BN_num_bits(raw) <= kMostExponentBits;
  return fit ? nullptr : "an RSA key's exponent is not odd and between 3 and 2^33";
}

bool is_p256(const EVP_PKEY* key) {
  char name[64] = {};
  std::size_t size = 0;
  return EVP_PKEY_get_group_name(key, name, sizeof name, &size) == 1 && std::string_view(name, size) == "prime256v1";
}

/// DER of r and s, which OpenSSL takes; empty when it is not 64 bytes.
std::string der_of(std::string_view signature) {
  if (signature.size() != 2 * kCoordinate) return {};
  const EcdsaSignature pair(ECDSA_SIG_new());
  must(pair != nullptr, "ECDSA_SIG_new");
  Number r = number_of(signature.substr(0, kCoordinate));
  Number s = number_of(signature.substr(kCoordinate));
  must(ECDSA_SIG_set0(pair.get(), r.release(), s.release()) == 1, "ECDSA_SIG_set0");
  unsigned char* bytes = nullptr;
  const int size = i2d_ECDSA_SIG(pair.get(), &bytes);
  must(size > 0, "i2d_ECDSA_SIG");
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

}  // namespace

Result<VerifyKey> VerifyKey::checked(EVP_PKEY* owned) {
  const std::shared_ptr<EVP_PKEY> key(owned, EVP_PKEY_free);
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, owned, nullptr));
  must(context != nullptr, "EVP_PKEY_CTX_new_from_pkey");
  switch (EVP_PKEY_get_base_id(owned)) {
    case EVP_PKEY_RSA:
      if (const char* why = why_not_rsa(owned)) return invalid(why);
      return VerifyKey(key, JwsAlgorithm::rs256);
    case EVP_PKEY_EC:
      if (!is_p256(owned)) return invalid("an elliptic curve key is not on P-256");
      if (EVP_PKEY_public_check(context.get()) != 1) return invalid("a key's point is not on P-256");
      return VerifyKey(key, JwsAlgorithm::es256);
    case EVP_PKEY_ED25519: return VerifyKey(key, JwsAlgorithm::eddsa);
    default: return invalid("a key is neither RSA nor P-256 nor Ed25519");
  }
}

Result<VerifyKey> VerifyKey::from_pem(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  must(bio != nullptr, "BIO_new_mem_buf");
  EVP_PKEY* key = nullptr;
  if (pem.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    key = certificate ? X509_get_pubkey(certificate.get()) : nullptr;
  } else {
    key = PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr);
  }
  ERR_clear_error();
  if (key == nullptr) return invalid("a key is not a PEM public key or certificate");
  return checked(key);
}

Result<VerifyKey> VerifyKey::from_rsa(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > kMostRsaBits / 8 || exponent.size() > kMostRsaBits / 8 || modulus.empty() || exponent.empty()) {
    return invalid("an RSA key's modulus or exponent has an impossible size");
  }
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  const Number n = number_of(modulus), e = number_of(exponent);
  must(builder != nullptr && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) == 1 &&
           OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) == 1,
       "OSSL_PARAM_BLD_push_BN");
  EVP_PKEY* key = make_key("RSA", builder.get());
  return key == nullptr ? Result<VerifyKey>(invalid("an RSA key's numbers make no key")) : checked(key);
}

Result<VerifyKey> VerifyKey::from_p256(std::string_view x, std::string_view y) {
  if (x.size() != kCoordinate || y.size() != kCoordinate) return invalid("a P-256 key's x and y have 32 bytes each");
  const std::string point = std::string("\x04").append(x).append(y);  // SEC 1 section 2.3.3: uncompressed
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  must(builder != nullptr &&
           OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
           OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) == 1,
       "OSSL_PARAM_BLD_push_octet_string");
  EVP_PKEY* key = make_key("EC", builder.get());
  return key == nullptr ? Result<VerifyKey>(invalid("a key's point is not on P-256")) : checked(key);
}

Result<VerifyKey> VerifyKey::from_ed25519(std::string_view x) {
  if (x.size() != kCoordinate) return invalid("an Ed25519 key's x has 32 bytes");
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, as_bytes(x.data()), x.size());
  return key == nullptr ? Result<VerifyKey>(invalid("an Ed25519 key's x makes no key")) : checked(key);
}

bool VerifyKey::verify(std::string_view message, std::string_view signature) const {
  std::string der;
  if (algorithm_ == JwsAlgorithm::es256) {
    der = der_of(signature);
    if (der.empty()) return false;
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* digest = algorithm_ == JwsAlgorithm::eddsa ? nullptr : EVP_sha256();
  must(context != nullptr && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1,
       "EVP_DigestVerifyInit");
  const int verdict = EVP_DigestVerify(context.get(), as_bytes(signature.data()), signature.size(),
                                       as_bytes(message.data()), message.size());
  ERR_clear_error();  // a refused signature leaves its reasons in the thread's queue
  return verdict == 1;
}

}  // namespace coffer::crypto

#pragma once
// Keys that sign, and tokens of every kind that a stranger could send, for the tests of net/jwt and of the doors.

#include <memory>
#include <string>
#include <string_view>

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "crypto/hash.hpp"
#include "model/identity.hpp"

namespace coffer::net::jwt::test {

/// A key pair of one of the algorithms.
class Signer {
 public:
  static Signer rs256() { return Signer(EVP_RSA_gen(2048), "RS256"); }
  static Signer weak_rsa() { return Signer(EVP_RSA_gen(1024), "RS256"); }
  static Signer es256() { return Signer(EVP_EC_gen("P-256"), "ES256"); }
  static Signer eddsa() { return Signer(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), "EdDSA"); }

  std::string algorithm;
  std::string kid;

  std::string public_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key_.get());
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string pem(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return pem;
  }

  /// The public half as a JWK, with what `more` adds (",\"use\":\"sig\"").
  std::string jwk(const std::string& more = {}) const {
    std::string members;
    if (algorithm == "RS256") {
      members = R"("kty":"RSA","n":")" + number("n") + R"(","e":")" + number("e") + "\"";
    } else if (algorithm == "ES256") {
      members = R"("kty":"EC","crv":"P-256","x":")" + number("qx") + R"(","y":")" + number("qy") + "\"";
    } else {
      unsigned char raw[32];
      std::size_t size = sizeof raw;
      EVP_PKEY_get_raw_public_key(key_.get(), raw, &size);
      members =
          R"("kty":"OKP","crv":"Ed25519","x":")" + crypto::base64url({reinterpret_cast<const char*>(raw), size}) + "\"";
    }
    if (!kid.empty()) members += R"(,"kid":")" + kid + "\"";
    return "{" + members + more + "}";
  }

  std::string sign(std::string_view message) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, algorithm == "EdDSA" ? nullptr : EVP_sha256(), nullptr, key_.get());
    std::string signature(1024, '\0');
    std::size_t size = signature.size();
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(message.data()), message.size());
    EVP_MD_CTX_free(context);
    signature.resize(size);
    return algorithm == "ES256" ? raw_of(signature) : signature;
  }

  /// header.claims.signature of texts that need not be JSON.
  std::string token(const std::string& header, const std::string& claims) const {
    const std::string input = crypto::base64url(header) + "." + crypto::base64url(claims);
    return input + "." + crypto::base64url(sign(input));
  }
  std::string token(const std::string& claims) const {
    return token(R"({"alg":")" + algorithm + "\"" + (kid.empty() ? "" : R"(,"kid":")" + kid + "\"") + "}", claims);
  }

 private:
  Signer(EVP_PKEY* key, std::string name) : algorithm(std::move(name)), key_(key, EVP_PKEY_free) {}

  std::string number(const char* parameter) const {
    BIGNUM* value = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), parameter, &value);
    const std::size_t size = parameter[0] == 'q' ? 32 : static_cast<std::size_t>(BN_num_bytes(value));
    std::string bytes(size, '\0');
    BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(size));
    BN_free(value);
    return crypto::base64url(bytes);
  }
  static std::string raw_of(const std::string& der) {
    const auto* data = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &data, static_cast<long>(der.size()));
    std::string raw(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), reinterpret_cast<unsigned char*>(raw.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), reinterpret_cast<unsigned char*>(raw.data() + 32), 32);
    ECDSA_SIG_free(pair);
    return raw;
  }

  std::shared_ptr<EVP_PKEY> key_;
};

inline model::Issuer issuer_of(const Signer& signer, std::string iss = "https://issuer.example") {
  model::Issuer issuer;
  issuer.name = "main";
  issuer.iss = std::move(iss);
  issuer.public_keys = {signer.public_pem()};
  issuer.algorithms = model::kAllJwsAlgorithms;
  return issuer;
}

}  // namespace coffer::net::jwt::test

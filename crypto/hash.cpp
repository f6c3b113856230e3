// HMAC over sha256.hpp, HKDF over OpenSSL's EVP, whose algorithm is fetched once: a fetch costs more than a hash.
//
// What NameHasher hashes: HMAC-SHA-256( name key, domain_size:4 domain space_size:4 space name ), sizes big-endian.

#include "crypto/hash.hpp"

#include <array>
#include <cassert>
#include <cstdint>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include "crypto/encoding.hpp"
#include "crypto/openssl.hpp"
#include "crypto/sha256.hpp"
#include "model/constant_time.hpp"

namespace coffer::crypto {
namespace {

constexpr std::size_t kDigest = 32;
constexpr std::size_t kBlock = 64;

/// A hash that has taken HMAC's first block: the key, padded with zeros, xored with the pad byte of RFC 2104.
Sha256 start_padded(const Key& key, unsigned char pad) {
  std::array<char, kBlock> block;
  block.fill(static_cast<char>(pad));
  const std::string_view bytes = key.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) block[i] = static_cast<char>(block[i] ^ bytes[i]);
  Sha256 hash;
  hash.update({block.data(), block.size()});
  OPENSSL_cleanse(block.data(), block.size());
  return hash;
}
constexpr unsigned char kInnerPad = 0x36;
constexpr unsigned char kOuterPad = 0x5c;

OSSL_PARAM octets(const char* name, std::string_view bytes) {
  // OSSL_PARAM is not const-correct; a KDF only reads what it is given.
  return OSSL_PARAM_construct_octet_string(name, const_cast<char*>(bytes.data()), bytes.size());
}

}  // namespace

std::string sha256(std::string_view data) { return sha256_of({data}); }

std::string sha256_of(std::initializer_list<std::string_view> parts) {
  std::string out(kDigest, '\0');
  Sha256 hash;
  for (const std::string_view part : parts) hash.update(part);
  hash.finish(out.data());
  return out;
}

std::string hmac_sha256(const Key& key, std::string_view data) {
  std::string out(kDigest, '\0');
  Sha256 inner = start_padded(key, kInnerPad);
  inner.update(data);
  inner.finish(out.data());
  Sha256 outer = start_padded(key, kOuterPad);
  outer.update(out);
  outer.finish(out.data());
  return out;
}

void hkdf_sha256(std::string_view input, std::string_view salt, std::string_view info, std::span<unsigned char> out) {
  assert(!input.empty() && !out.empty() && out.size() <= 255 * kDigest);
  static EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  must(algorithm != nullptr, "EVP_KDF_fetch");
  const KdfContext context(EVP_KDF_CTX_new(algorithm));
  must(context != nullptr, "EVP_KDF_CTX_new");
  std::array<OSSL_PARAM, 5> parameters;
  std::size_t n = 0;
  char digest[] = "SHA256";
  parameters[n++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
  parameters[n++] = octets(OSSL_KDF_PARAM_KEY, input);
  if (!salt.empty()) parameters[n++] = octets(OSSL_KDF_PARAM_SALT, salt);
  if (!info.empty()) parameters[n++] = octets(OSSL_KDF_PARAM_INFO, info);
  parameters[n] = OSSL_PARAM_construct_end();
  must(EVP_KDF_derive(context.get(), out.data(), out.size(), parameters.data()) == 1, "EVP_KDF_derive");
}

Key derive(const Key& key, std::string_view label) {
  std::array<unsigned char, Key::kSize> bytes;
  hkdf_sha256(key.bytes(), {}, label, bytes);
  Key derived = Key::from_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return derived;
}

bool equal_constant_time(std::string_view a, std::string_view b) { return model::equal_constant_time(a, b); }

// The key's two blocks are hashed once; each name starts from copies of these states, which saves half of a short HMAC
// and keeps the key itself out of this object. The states can still make hashes: they are wiped at the end.
struct NameHasher::Context {
  Sha256 inner, outer;
};

NameHasher::NameHasher(const Key& name_key)
    : context_(new Context{start_padded(name_key, kInnerPad), start_padded(name_key, kOuterPad)}) {}
NameHasher::NameHasher(NameHasher&&) noexcept = default;
NameHasher& NameHasher::operator=(NameHasher&&) noexcept = default;
NameHasher::~NameHasher() = default;

std::string NameHasher::hash(std::string_view domain, std::string_view space, std::string_view name) {
  std::string out(kDigest, '\0');
  Sha256 inner = context_->inner;
  for (const std::string_view part : {domain, space}) {
    const auto size = big_endian(static_cast<std::uint32_t>(part.size()));
    inner.update({size.data(), size.size()});
    inner.update(part);
  }
  inner.update(name);
  inner.finish(out.data());
  Sha256 outer = context_->outer;
  outer.update(out);
  outer.finish(out.data());
  return out;
}

}  // namespace coffer::crypto

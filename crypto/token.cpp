// Coffer tokens; the grammar is in the header. The prefix is not in the MAC: it must agree with the tenant, which is.

#include "crypto/token.hpp"

#include <array>
#include <cstring>

#include <openssl/crypto.h>

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"

namespace coffer::crypto {
namespace {

constexpr std::string_view kTenantPrefix = "cft_";
constexpr std::string_view kOperatorPrefix = "cfo_";
constexpr char kTokenFormat = 1;

constexpr std::size_t kVersionAt = 1;
constexpr std::size_t kTenantAt = kVersionAt + 4;
constexpr std::size_t kTokenIdAt = kTenantAt + 16;
constexpr std::size_t kMacAt = kTokenIdAt + 32;
constexpr std::size_t kMacSize = 16;
constexpr std::size_t kTokenSize = kMacAt + kMacSize;
constexpr std::size_t kTextSize = kTenantPrefix.size() + base64url_size(kTokenSize);

std::string_view prefix_of(const model::TenantId& tenant) { return tenant.is_zero() ? kOperatorPrefix : kTenantPrefix; }

/// The token's bytes; they hold its id, which is what a bearer must know, and are wiped.
struct TokenBytes {
  std::array<char, kTokenSize> data{};
  TokenBytes() = default;
  TokenBytes(const TokenBytes&) = delete;
  TokenBytes& operator=(const TokenBytes&) = delete;
  ~TokenBytes() { OPENSSL_cleanse(data.data(), data.size()); }
  std::string_view part(std::size_t at, std::size_t size) const {
    return std::string_view(data.data(), data.size()).substr(at, size);
  }
  std::string_view body() const { return part(0, kMacAt); }
  std::string_view id() const { return part(kTokenIdAt, kMacAt - kTokenIdAt); }
  std::string_view mac() const { return part(kMacAt, kMacSize); }
};

}  // namespace

MintedToken mint_token(const KeyRing& ring, const model::TenantId& tenant, Random& random) {
  TokenBytes token;
  const auto version = big_endian(ring.current_version());
  token.data[0] = kTokenFormat;
  std::memcpy(&token.data[kVersionAt], version.data(), version.size());
  std::memcpy(&token.data[kTenantAt], tenant.bytes.data(), tenant.bytes.size());
  random.fill({reinterpret_cast<unsigned char*>(&token.data[kTokenIdAt]), kMacAt - kTokenIdAt});
  const std::string mac = ring.token_mac(ring.current_version(), token.body());
  std::memcpy(&token.data[kMacAt], mac.data(), kMacSize);

  MintedToken minted;
  minted.text = model::Secret::of_size(kTextSize);
  std::memcpy(minted.text.expose_mutable(), prefix_of(tenant).data(), kTenantPrefix.size());
  base64url_into(token.part(0, kTokenSize), minted.text.expose_mutable() + kTenantPrefix.size());
  minted.id_hash = sha256(token.id());
  minted.public_id = hex(std::string_view(minted.id_hash).substr(0, 8));
  return minted;
}

namespace {

const model::Error& refusal() {
  static const model::Error error(model::Code::unauthenticated);
  return error;
}

/// The token's bytes and what it claims, the MAC not yet looked at.
model::Status read_token(std::string_view text, TokenBytes& token, TokenClaims& claims) {
  if (text.size() != kTextSize) return refusal();
  if (!from_base64url_into(text.substr(kTenantPrefix.size()), token.data.data(), kTokenSize)) return refusal();
  if (token.data[0] != kTokenFormat) return refusal();
  claims.tenant = model::TenantId::from_raw(token.part(kTenantAt, 16));
  if (text.substr(0, kTenantPrefix.size()) != prefix_of(claims.tenant)) return refusal();
  claims.id_hash = sha256(token.id());
  return {};
}

bool mac_is_right(const KeyRing& ring, const TokenBytes& token) {
  // Empty for a version that the ring lacks, and then unequal.
  const std::string mac = ring.token_mac(from_big_endian(token.part(kVersionAt, 4)), token.body());
  return equal_constant_time(std::string_view(mac).substr(0, kMacSize), token.mac());
}

}  // namespace

model::Result<TokenClaims> verify_token(const KeyRing& ring, std::string_view text) {
  TokenBytes token;
  TokenClaims claims;
  if (auto status = read_token(text, token, claims); !status) return status.error();
  if (!mac_is_right(ring, token)) return refusal();
  return claims;
}

model::Result<TokenClaims> TokenVerifier::verify(std::string_view text) const {
  TokenBytes token;
  TokenClaims claims;
  if (auto status = read_token(text, token, claims); !status) return status.error();
  static_assert(kRest == kTokenIdAt + kMacSize);
  std::array<char, kRest> rest;
  std::memcpy(rest.data(), token.data.data(), kTokenIdAt);
  std::memcpy(&rest[kTokenIdAt], token.mac().data(), kMacSize);

  const auto as_text = [](const auto& bytes) { return std::string_view(bytes.data(), bytes.size()); };
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(claims.id_hash[at]); };
  Stripe& stripe = stripes_[byte(0) % kStripes];
  Verified& slot = stripe.slots[byte(1) % kSlots];
  if (ring_.has(from_big_endian(token.part(kVersionAt, 4)))) {
    const std::lock_guard lock(stripe.mutex);
    if (equal_constant_time(slot.id_hash, claims.id_hash) && equal_constant_time(as_text(slot.rest), as_text(rest)))
      return claims;
  }
  if (!mac_is_right(ring_, token)) return refusal();
  const std::lock_guard lock(stripe.mutex);
  slot.id_hash = claims.id_hash;
  slot.rest = rest;
  return claims;
}

}  // namespace coffer::crypto

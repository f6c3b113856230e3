#pragma once
// Hashes and derivation: SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), HKDF (RFC 5869). Pure functions, any thread.

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crypto/key.hpp"

namespace coffer::crypto {

std::string sha256(std::string_view data);  // 32 bytes
/// Of the parts, one after the other, without putting them together.
std::string sha256_of(std::initializer_list<std::string_view> parts);
std::string hmac_sha256(const Key& key, std::string_view data);  // 32 bytes
/// HKDF-SHA-256, extract and expand; an empty salt stands for 32 zero bytes. REQUIRES: input is not empty and
/// 0 < out.size() <= 8,160. The caller wipes what he asked for when it is a key.
void hkdf_sha256(std::string_view input, std::string_view salt, std::string_view info, std::span<unsigned char> out);
/// HKDF-SHA-256 with an empty salt: an independent key for each label.
Key derive(const Key& key, std::string_view label);
/// Constant time in the content; false at once when the lengths differ.
bool equal_constant_time(std::string_view a, std::string_view b);

std::string hex(std::string_view bytes);
std::string base64url(std::string_view bytes);                     // without padding
model::Result<std::string> from_base64url(std::string_view text);  // strict: no padding, canonical last bits

/// Keyed hash of a space and a name within one tenant: what storage keys carry instead of names. One per shard; holds
/// a prepared MAC context; not thread-safe.
class NameHasher {
 public:
  explicit NameHasher(const Key& name_key);
  NameHasher(NameHasher&&) noexcept;
  NameHasher& operator=(NameHasher&&) noexcept;
  ~NameHasher();
  /// 32 bytes. Unambiguous in (domain, space, name); domain separates entries from request ids.
  std::string hash(std::string_view domain, std::string_view space, std::string_view name);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace coffer::crypto

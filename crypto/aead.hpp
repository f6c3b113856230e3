#pragma once
// AES-256-GCM (NIST SP 800-38D) under one key, beneath Sealer and the owner's box; no other room uses it. There is no way
// to pass a nonce in: sealing takes it from a NonceSource. Not thread-safe.
//
// A box:   nonce:12  ciphertext  tag:16

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "crypto/key.hpp"
#include "crypto/openssl.hpp"
#include "crypto/random.hpp"

namespace coffer::crypto {

/// Fresh random 96-bit nonces, drawn from the generator in batches: for OpenSSL's the call costs twice a seal of 256 bytes,
/// whatever its size. A child of fork() draws anew and never repeats its parent's.
class NonceSource {
 public:
  static constexpr std::size_t kSize = 12;
  explicit NonceSource(Random& random);
  void next(unsigned char* out);

 private:
  static constexpr std::size_t kBatch = 16;
  Random* random_;
  std::array<unsigned char, kBatch * kSize> batch_{};
  std::size_t left_ = 0;  // bytes at the end of batch_
  std::uint64_t forks_ = 0;
};

class Aead {
 public:
  static constexpr std::size_t kOverhead = NonceSource::kSize + 16;
  /// One box carries at most this many bytes of plaintext.
  static constexpr std::size_t kMaxPlaintext = std::size_t{1} << 30;

  explicit Aead(const Key& key);

  /// Writes a box of plaintext.size() + kOverhead bytes. The associated data is header and associated_data in a row: the header
  /// has a fixed size for each use of a key. REQUIRES: plaintext.size() <= kMaxPlaintext.
  void seal(NonceSource& nonces, std::string_view header, std::string_view associated_data, std::string_view plaintext,
            char* box);
  /// Writes box.size() - kOverhead bytes; false when the box does not open, and then the caller wipes what was written.
  /// REQUIRES: box.size() >= kOverhead.
  bool open(std::string_view header, std::string_view associated_data, std::string_view box, char* plaintext);

 private:
  void add(std::string_view associated_data);
  CipherContext context_;
};

}  // namespace coffer::crypto

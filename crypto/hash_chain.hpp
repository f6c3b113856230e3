#pragma once
// What makes a file of records tamper-evident: each record's hash covers the one before it, and now and then the newest
// hash is signed (Ed25519, RFC 8032) by a key that is derived from the key ring. Values; one thread at a time.

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include "crypto/key.hpp"
#include "model/result.hpp"

namespace coffer::crypto {

using ChainHash = std::array<char, 32>;

/// SHA-256 over the hash before and the record's bytes. The first record follows 32 zero bytes.
ChainHash next_hash(const ChainHash& before, std::string_view record);

class ChainSigner {
 public:
  /// The seed is an Ed25519 private key: any 32 bytes are one.
  explicit ChainSigner(const Key& seed);
  std::string sign(std::string_view message) const;              // 64 bytes
  const std::string& public_key() const { return public_key_; }  // 32 bytes

 private:
  std::shared_ptr<EVP_PKEY> key_;
  std::string public_key_;
};

/// False also when `public_key` is none.
bool verify_signature(std::string_view public_key, std::string_view message, std::string_view signature);

}  // namespace coffer::crypto

#pragma once
// SHA-256 (FIPS 180-4) by OpenSSL's plain functions. Its EVP layer allocates and locks for each start and each copy of a
// state, which costs more than hashing a name does, and every read hashes two short strings. OpenSSL 3 calls the plain
// functions deprecated and keeps them. Used inside crypto/ only; any thread.

#include <string_view>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "crypto/openssl.hpp"

namespace coffer::crypto {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/// A hash that is being made. Copies go on from the same state; what is left of it is wiped.
class Sha256 {
 public:
  Sha256() { must(SHA256_Init(&state_) == 1, "SHA256_Init"); }
  Sha256(const Sha256&) = default;
  Sha256& operator=(const Sha256&) = default;
  ~Sha256() { OPENSSL_cleanse(&state_, sizeof state_); }
  void update(std::string_view data) { must(SHA256_Update(&state_, data.data(), data.size()) == 1, "SHA256_Update"); }
  void finish(char* out) { must(SHA256_Final(as_bytes(out), &state_) == 1, "SHA256_Final"); }

 private:
  SHA256_CTX state_;
};

#pragma GCC diagnostic pop

}  // namespace coffer::crypto

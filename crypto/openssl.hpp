#pragma once
// Ownership of OpenSSL's objects, for the sources of crypto/ only. Any thread.

#include <cstdio>
#include <cstdlib>
#include <memory>

#include <openssl/evp.h>
#include <openssl/kdf.h>

namespace coffer::crypto {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, OpensslFree<EVP_CIPHER_CTX_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, OpensslFree<EVP_KDF_CTX_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, OpensslFree<EVP_PKEY_CTX_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, OpensslFree<EVP_PKEY_free>>;

/// Ends the process when a call that fails only for want of memory or of a working provider has failed: to go on would
/// mean to answer without encryption or authentication.
inline void must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "coffer: OpenSSL failed in %s; the process ends.\n", what);
  std::abort();
}

inline const unsigned char* as_bytes(const char* p) { return reinterpret_cast<const unsigned char*>(p); }
inline unsigned char* as_bytes(char* p) { return reinterpret_cast<unsigned char*>(p); }

}  // namespace coffer::crypto

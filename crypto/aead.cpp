// One EVP context per key: its key schedule stays, a box resets only the nonce and the direction (GCM's schedule is the same
// for both). The schedule is in OpenSSL's heap: not locked, wiped when freed, never in a core dump (process.hpp).

#include "crypto/aead.hpp"

#include <atomic>
#include <cassert>
#include <cstring>

#include <pthread.h>

namespace coffer::crypto {
namespace {

constexpr int kTag = 16;
constexpr int kOpen = 0;
constexpr int kSeal = 1;

// Never freed, as hash.cpp's.
const EVP_CIPHER* aes_256_gcm() {
  static const EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  must(algorithm != nullptr, "EVP_CIPHER_fetch");
  return algorithm;
}

// A repeated nonce gives the key away, so what was drawn ahead must not survive in both halves of a fork.
std::atomic<std::uint64_t> forks_of_process{0};
void watch_forks() {
  static const int done = ::pthread_atfork(nullptr, nullptr, [] { forks_of_process.fetch_add(1); });
  must(done == 0, "pthread_atfork");
}

}  // namespace

NonceSource::NonceSource(Random& random) : random_(&random) { watch_forks(); }

void NonceSource::next(unsigned char* out) {
  const std::uint64_t forks = forks_of_process.load(std::memory_order_relaxed);
  if (left_ == 0 || forks != forks_) {
    random_->fill(batch_);
    left_ = batch_.size();
    forks_ = forks;
  }
  std::memcpy(out, batch_.data() + batch_.size() - left_, kSize);
  left_ -= kSize;
}

Aead::Aead(const Key& key) : context_(EVP_CIPHER_CTX_new()) {
  must(context_ != nullptr, "EVP_CIPHER_CTX_new");
  must(EVP_CipherInit_ex2(context_.get(), aes_256_gcm(), as_bytes(key.bytes().data()), nullptr, kSeal, nullptr) == 1,
       "EVP_CipherInit_ex2");
}

void Aead::add(std::string_view associated_data) {
  if (associated_data.empty()) return;
  assert(associated_data.size() <= kMaxPlaintext);
  int written = 0;
  must(EVP_CipherUpdate(context_.get(), nullptr, &written, as_bytes(associated_data.data()),
                        static_cast<int>(associated_data.size())) == 1,
       "EVP_CipherUpdate");
}

void Aead::seal(NonceSource& nonces, std::string_view header, std::string_view associated_data,
                std::string_view plaintext, char* box) {
  assert(plaintext.size() <= kMaxPlaintext);
  EVP_CIPHER_CTX* context = context_.get();
  unsigned char* nonce = as_bytes(box);
  unsigned char* ciphertext = nonce + NonceSource::kSize;
  unsigned char* tag = ciphertext + plaintext.size();
  nonces.next(nonce);
  must(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce, kSeal, nullptr) == 1, "EVP_CipherInit_ex2");
  add(header);
  add(associated_data);
  int written = 0;
  if (!plaintext.empty()) {
    must(EVP_CipherUpdate(context, ciphertext, &written, as_bytes(plaintext.data()),
                          static_cast<int>(plaintext.size())) == 1,
         "EVP_CipherUpdate");
  }
  must(EVP_CipherFinal_ex(context, tag, &written) == 1, "EVP_CipherFinal_ex");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, tag) == 1, "EVP_CTRL_AEAD_GET_TAG");
}

bool Aead::open(std::string_view header, std::string_view associated_data, std::string_view box, char* plaintext) {
  assert(box.size() >= kOverhead);
  if (box.size() - kOverhead > kMaxPlaintext) return false;
  EVP_CIPHER_CTX* context = context_.get();
  const std::size_t size = box.size() - kOverhead;
  const unsigned char* nonce = as_bytes(box.data());
  const unsigned char* ciphertext = nonce + NonceSource::kSize;
  // OpenSSL's ctrl takes the tag by a pointer to non-const and only reads it.
  auto* tag = const_cast<unsigned char*>(ciphertext + size);
  must(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce, kOpen, nullptr) == 1, "EVP_CipherInit_ex2");
  must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTag, tag) == 1, "EVP_CTRL_AEAD_SET_TAG");
  add(header);
  add(associated_data);
  int written = 0;
  if (size > 0) {
    must(EVP_CipherUpdate(context, as_bytes(plaintext), &written, ciphertext, static_cast<int>(size)) == 1,
         "EVP_CipherUpdate");
  }
  unsigned char none = 0;  // GCM has no last block
  return EVP_CipherFinal_ex(context, &none, &written) == 1;
}

}  // namespace coffer::crypto

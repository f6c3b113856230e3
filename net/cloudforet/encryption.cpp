// See encryption.hpp. AES-GCM by OpenSSL's EVP (NIST SP 800-38D).

#include "net/cloudforet/encryption.hpp"

#include <fstream>
#include <iterator>

#include <openssl/evp.h>

#include "model/payload.hpp"

namespace coffer::net::cloudforet {
namespace {

using model::Code;
using model::Error;
using model::Secret;

constexpr std::size_t kNonce = 12, kTag = 16, kDataKey = 32;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

const EVP_CIPHER* cipher_of(std::size_t key_bytes) {
  if (key_bytes == 16) return EVP_aes_128_gcm();
  return key_bytes == 24 ? EVP_aes_192_gcm() : EVP_aes_256_gcm();
}

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

/// Ciphertext and tag.
std::optional<std::string> seal(std::string_view key, std::string_view nonce, std::string_view plaintext) {
  const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
  std::string out(plaintext.size() + kTag, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  int written = 0, last = 0;
  const bool good =
      context && EVP_EncryptInit_ex(context.get(), cipher_of(key.size()), nullptr, bytes(key), bytes(nonce)) == 1 &&
      EVP_EncryptUpdate(context.get(), to, &written, bytes(plaintext), static_cast<int>(plaintext.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), to + written, &last) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag, to + plaintext.size()) == 1;
  if (!good) return std::nullopt;
  return out;
}

std::string base64(std::string_view raw) { return std::string(model::base64_encode(raw).expose()); }

struct Sealed {
  std::string data, nonce, key;  // base64; key is empty without an envelope
};

std::optional<Sealed> seal_value(CloudforetScheme scheme, const Secret& shared, const Secret& value,
                                 crypto::Random& random) {
  Sealed out;
  const std::string nonce = random.bytes(kNonce);
  Secret data_key;
  if (scheme == CloudforetScheme::envelope) {
    data_key = Secret::of_size(kDataKey);
    random.fill({reinterpret_cast<unsigned char*>(data_key.expose_mutable()), kDataKey});
    const std::string key_nonce = random.bytes(kNonce);
    const auto wrapped = seal(shared.expose(), key_nonce, data_key.expose());
    if (!wrapped) return std::nullopt;
    out.key = base64(key_nonce + *wrapped);
  }
  const Secret& key = data_key.empty() ? shared : data_key;
  const auto sealed = seal(key.expose(), nonce, model::base64_encode(value.expose()).expose());
  if (!sealed) return std::nullopt;
  out.data = base64(*sealed);
  out.nonce = base64(nonce);
  return out;
}

/// Base64 needs no escapes.
void add(std::string& object, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  object += object.empty() ? "{\"" : ",\"";
  object.append(name).append("\":\"").append(value) += '"';
}

}  // namespace

model::Result<std::unique_ptr<Encryption>> Encryption::load(const CloudforetSettings& settings) {
  const auto bad = [&](const std::string& why) {
    return Error(Code::invalid_argument, "cloudforet.key_file: '" + settings.key_file + "' " + why);
  };
  std::ifstream in(settings.key_file, std::ios::binary);
  if (!in) return bad("cannot be read");
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  auto key = model::base64_decode(text);
  model::wipe(text.data(), text.size());
  if (!key) return bad("is not base64");
  const std::size_t size = key->size();
  const bool envelope = settings.scheme == CloudforetScheme::envelope;
  if (envelope ? size != 32 : size != 16 && size != 24 && size != 32) {
    return bad(envelope ? "needs a key of 32 bytes" : "needs a key of 16, 24 or 32 bytes");
  }
  return std::make_unique<Encryption>(settings.scheme, std::move(*key));
}

std::optional<Encryption::Result> Encryption::encrypt(const Secret& own, const Secret* trusted,
                                                      crypto::Random& random) const {
  const auto mine = seal_value(scheme_, key_, own, random);
  const auto theirs = trusted ? seal_value(scheme_, key_, *trusted, random) : std::optional(Sealed());
  if (!mine || !theirs) return std::nullopt;
  Result result;
  add(result.data, "encrypted_data", mine->data);
  add(result.data, "trusted_encrypted_data", theirs->data);
  result.data += '}';
  add(result.options, "encrypt_algorithm", scheme_ == CloudforetScheme::aes ? "AES" : "COFFER_ENVELOPE");
  add(result.options, "nonce", mine->nonce);
  add(result.options, "encrypted_data_key", mine->key);
  add(result.options, "trusted_nonce", theirs->nonce);
  add(result.options, "trusted_encrypted_data_key", theirs->key);
  result.options += '}';
  return result;
}

}  // namespace coffer::net::cloudforet

// The seal that is a passphrase, stretched by Argon2id through libsodium (OpenSSL 3.0 has none). See seal.hpp.

#include <sodium.h>

#include "crypto/openssl.hpp"
#include "crypto/seal.hpp"

namespace coffer::crypto {
namespace {

constexpr std::uint32_t kMostMemoryKib = 4 << 20;
constexpr std::uint32_t kMostPasses = 64;
static_assert(crypto_pwhash_argon2id_SALTBYTES == 16);

class PassphraseSeal final : public Seal {
 public:
  PassphraseSeal(std::string name, model::Secret passphrase, PassphraseCost cost)
      : name_(std::move(name)), passphrase_(std::move(passphrase)), cost_(cost) {}

  std::string_view kind() const override { return kPassphraseSeal; }

  model::Result<store::v1::SealRecord> wrap(const Key& root, std::string_view cluster_id, Random& random) override {
    store::v1::SealRecord record;
    record.set_kind(std::string(kPassphraseSeal));
    record.set_name(name_);
    const auto key = stretch_new(passphrase_, cost_, random, *record.mutable_passphrase());
    if (!key.ok()) return key.error();
    fill_seal(record, *key, root, cluster_id, random);
    return record;
  }

  model::Result<Key> unwrap(const store::v1::SealRecord& record, std::string_view cluster_id) override {
    if (record.kind() != kPassphraseSeal) {
      return model::Error(model::Code::key_mismatch, "this cluster has no seal that a passphrase opens");
    }
    const auto key = stretch(passphrase_, record.passphrase());
    if (!key.ok()) return key.error();
    auto root = open_seal(record, *key, cluster_id);
    if (root.ok()) return root;
    return model::Error(model::Code::unauthenticated, "this is not the passphrase of the seal " + record.name());
  }

 private:
  const std::string name_;
  const model::Secret passphrase_;
  const PassphraseCost cost_;
};

}  // namespace

model::Result<Key> stretch(const model::Secret& passphrase, const store::v1::SealRecord::Passphrase& parameters) {
  if (parameters.salt().size() != crypto_pwhash_argon2id_SALTBYTES || parameters.memory_kib() > kMostMemoryKib ||
      parameters.memory_kib() < 8 || parameters.passes() == 0 || parameters.passes() > kMostPasses) {
    return model::Error(model::Code::data_loss, "the passphrase's parameters are out of range");
  }
  must(sodium_init() >= 0, "sodium_init");
  model::Secret raw = model::Secret::of_size(Key::kSize);
  if (crypto_pwhash_argon2id(as_bytes(raw.expose_mutable()), raw.size(), passphrase.expose().data(), passphrase.size(),
                             as_bytes(parameters.salt().data()), parameters.passes(),
                             static_cast<std::size_t>(parameters.memory_kib()) << 10,
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return model::Error(model::Code::overloaded, "there is no memory to stretch the passphrase: it takes " +
                                                     std::to_string(parameters.memory_kib() >> 10) + " MiB");
  }
  return Key::from_bytes(raw.expose());
}

model::Result<Key> stretch_new(const model::Secret& passphrase, PassphraseCost cost, Random& random,
                               store::v1::SealRecord::Passphrase& parameters) {
  parameters.set_salt(random.bytes(crypto_pwhash_argon2id_SALTBYTES));
  parameters.set_memory_kib(cost.memory_kib);
  parameters.set_passes(cost.passes);
  return stretch(passphrase, parameters);
}

model::Result<std::unique_ptr<Seal>> make_passphrase_seal(std::string name, model::Secret passphrase,
                                                          PassphraseCost cost) {
  if (passphrase.size() < kLeastPassphrase) {
    return model::Error(model::Code::invalid_argument,
                        "passphrase: it needs at least " + std::to_string(kLeastPassphrase) + " characters");
  }
  return std::unique_ptr<Seal>(std::make_unique<PassphraseSeal>(std::move(name), std::move(passphrase), cost));
}

}  // namespace coffer::crypto

// Sealer: format and key version in front of an AES-256-GCM box (aead.hpp). The grammar is in the header.

#include "crypto/sealer.hpp"

#include <cassert>

#include "crypto/aead.hpp"
#include "crypto/encoding.hpp"

namespace coffer::crypto {
namespace {

constexpr char kSealedFormat = 1;
constexpr std::size_t kSealedHeader = 1 + 4;  // format, key version

model::Error altered(std::string detail) { return {model::Code::data_loss, std::move(detail)}; }

}  // namespace

struct Sealer::State {
  explicit State(Random& random) : nonces(random) {}
  NonceSource nonces;
  std::map<std::uint32_t, Aead> keys;
  std::uint32_t current = 0;  // 0: none yet
  std::uint64_t seals = 0;
};

Sealer::Sealer(Random& random) : state_(std::make_unique<State>(random)) {}
Sealer::Sealer(Sealer&&) noexcept = default;
Sealer& Sealer::operator=(Sealer&&) noexcept = default;
Sealer::~Sealer() = default;

void Sealer::add_key(std::uint32_t version, const Key& key, bool current) {
  assert(version > 0);
  state_->keys.insert_or_assign(version, Aead(key));
  if (current) state_->current = version;
}

std::uint32_t Sealer::current_version() const { return state_->current; }
std::uint64_t Sealer::seals() const { return state_->seals; }

std::string Sealer::seal(std::string_view plaintext, std::string_view associated_data) {
  assert(state_->current != 0);
  const auto version = big_endian(state_->current);
  std::string sealed(kSealedHeader + Aead::kOverhead + plaintext.size(), '\0');
  sealed[0] = kSealedFormat;
  sealed.replace(1, version.size(), version.data(), version.size());
  Aead& aead = state_->keys.find(state_->current)->second;
  aead.seal(state_->nonces, std::string_view(sealed).substr(0, kSealedHeader), associated_data, plaintext,
            sealed.data() + kSealedHeader);
  ++state_->seals;
  return sealed;
}

model::Result<model::Secret> Sealer::open(std::string_view sealed, std::string_view associated_data) {
  const auto version = sealed_key_version(sealed);
  if (!version.ok()) return version.error();
  const auto key = state_->keys.find(*version);
  if (key == state_->keys.end()) {
    return model::Error(model::Code::key_mismatch, "The bytes are sealed under key version " +
                                                       std::to_string(*version) + ", which is not at hand.");
  }
  model::Secret plaintext = model::Secret::of_size(sealed.size() - kSealedHeader - Aead::kOverhead);
  if (!key->second.open(sealed.substr(0, kSealedHeader), associated_data, sealed.substr(kSealedHeader),
                        plaintext.expose_mutable())) {
    return altered("The sealed bytes do not open: they were altered, or they belong to another row or tenant.");
  }
  return plaintext;
}

model::Result<std::uint32_t> sealed_key_version(std::string_view sealed) {
  if (sealed.empty()) return altered("The sealed bytes are missing.");
  if (sealed[0] != kSealedFormat) {
    return altered("The sealed bytes have format " + std::to_string(static_cast<unsigned char>(sealed[0])) +
                   "; this program reads format 1.");
  }
  if (sealed.size() < kSealedHeader + Aead::kOverhead) {
    return altered("The sealed bytes are cut short: " + std::to_string(sealed.size()) + " of at least " +
                   std::to_string(kSealedHeader + Aead::kOverhead) + " bytes.");
  }
  return from_big_endian(sealed.substr(1));
}

std::string row_identity(std::string_view tenant_id, std::string_view row) {
  constexpr std::string_view kLabel = "row";
  std::string identity;
  identity.reserve(kLabel.size() + 4 + tenant_id.size() + row.size());
  identity += kLabel;
  append_sized(identity, tenant_id);
  identity += row;
  return identity;
}

}  // namespace coffer::crypto

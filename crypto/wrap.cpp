// Wrapped keys. A sealer is made for each call: wrapping happens when a tenant is made or opened, not on a request's way.

#include "crypto/wrap.hpp"

#include "crypto/encoding.hpp"
#include "crypto/sealer.hpp"

namespace coffer::crypto {

std::string key_identity(std::string_view purpose, std::string_view owner, std::uint32_t version) {
  std::string identity;
  append_sized(identity, purpose);
  append_sized(identity, owner);
  const auto number = big_endian(version);
  return identity.append(number.data(), number.size());
}

std::string wrap_key(const Key& under, std::uint32_t under_version, const Key& key, std::string_view identity,
                     Random& random) {
  Sealer sealer(random);
  sealer.add_key(under_version, under, true);
  return sealer.seal(key.bytes(), identity);
}

model::Result<Key> unwrap_key(const Key& under, std::uint32_t under_version, std::string_view wrapped,
                              std::string_view identity) {
  Sealer sealer(system_random());  // opening draws nothing
  sealer.add_key(under_version, under, false);
  const auto bytes = sealer.open(wrapped, identity);
  if (!bytes.ok()) return bytes.error();
  if (bytes->size() != Key::kSize) {
    return model::Error(model::Code::data_loss, "A wrapped key has a wrong size.");
  }
  return Key::from_bytes(bytes->expose());
}

model::Status check_format(std::string_view what, std::uint32_t format, std::uint32_t known) {
  if (format == known) return {};
  return model::Error(model::Code::data_loss, "The " + std::string(what) + " has format " + std::to_string(format) +
                                                  "; this program reads format " + std::to_string(known) + ".");
}

}  // namespace coffer::crypto

// The key ring. From each cluster key independent keys are derived for each of its uses, so that no key serves two; the
// cluster key itself is not kept. The labels are part of the stored format.

#include "crypto/key_ring.hpp"

#include "crypto/hash.hpp"
#include "crypto/openssl.hpp"
#include "crypto/wrap.hpp"

namespace coffer::crypto {
namespace {

constexpr std::uint32_t kRingFormat = 1;
constexpr std::uint32_t kTenantKeysFormat = 1;
constexpr std::uint32_t kRootVersion = 1;  // a root key has no versions: a new root wraps a new record
constexpr std::uint32_t kNameKeyVersion = 1;

constexpr std::string_view kWrapLabel = "coffer cluster keys";
constexpr std::string_view kClusterKey = "cluster key";
constexpr std::string_view kTenantDataKey = "tenant data key";
constexpr std::string_view kTenantNameKey = "tenant name key";
constexpr std::string_view kOwnersDataKey = "tenant data key for its owner";

model::Error damaged(std::string detail) { return {model::Code::data_loss, std::move(detail)}; }

}  // namespace

struct KeyRing::Keys {
  struct OfVersion {
    explicit OfVersion(const Key& cluster_key)
        : wrapping(derive(cluster_key, "coffer tenant keys")),
          directory(derive(cluster_key, "coffer directory")),
          tokens(derive(cluster_key, "coffer tokens")),
          audit(derive(cluster_key, "coffer audit")) {}
    Key wrapping;
    Key directory;
    Key tokens;
    Key audit;
  };
  std::map<std::uint32_t, OfVersion> by_version;

  model::Result<Key> unwrap(std::string_view wrapped, std::string_view identity) const {
    const auto version = sealed_key_version(wrapped);
    if (!version.ok()) return version.error();
    const auto keys = by_version.find(*version);
    if (keys == by_version.end()) {
      return model::Error(model::Code::key_mismatch, "The tenant's keys are wrapped under cluster key version " +
                                                         std::to_string(*version) + ", which this node does not hold.");
    }
    return unwrap_key(keys->second.wrapping, *version, wrapped, identity);
  }
};

KeyRing::KeyRing(std::unique_ptr<Keys> keys, store::v1::KeyRingRecord record)
    : keys_(std::move(keys)), record_(std::move(record)) {}
KeyRing::KeyRing(KeyRing&&) noexcept = default;
KeyRing& KeyRing::operator=(KeyRing&&) noexcept = default;
KeyRing::~KeyRing() = default;

KeyRing KeyRing::generate(Key root, Random& random, std::int64_t now_ms) {
  constexpr std::uint32_t kFirst = 1;
  const Key wrapping = derive(root, kWrapLabel);
  const Key cluster_key = Key::generate(random);
  store::v1::KeyRingRecord record;
  record.set_format(kRingFormat);
  record.set_current(kFirst);
  auto* row = record.add_cluster_keys();
  row->set_version(kFirst);
  row->set_wrapped(wrap_key(wrapping, kRootVersion, cluster_key, key_identity(kClusterKey, {}, kFirst), random));
  row->set_created_at_ms(now_ms);
  auto keys = std::make_unique<Keys>();
  keys->by_version.emplace(kFirst, Keys::OfVersion(cluster_key));
  return KeyRing(std::move(keys), std::move(record));
}

model::Result<KeyRing> KeyRing::open(Key root, const store::v1::KeyRingRecord& record) {
  if (auto status = check_format("key ring's record", record.format(), kRingFormat); !status.ok())
    return status.error();
  const Key wrapping = derive(root, kWrapLabel);
  auto keys = std::make_unique<Keys>();
  int refused = 0;
  for (const auto& row : record.cluster_keys()) {
    const auto key = unwrap_key(wrapping, kRootVersion, row.wrapped(), key_identity(kClusterKey, {}, row.version()));
    if (!key.ok()) {
      ++refused;
    } else if (row.version() == 0 || !keys->by_version.emplace(row.version(), Keys::OfVersion(*key)).second) {
      return damaged("The key ring's record lists cluster key version " + std::to_string(row.version()) + " wrongly.");
    }
  }
  // A tag cannot tell a wrong key from altered bytes; that one key opens says that the root key is right.
  if (refused > 0 && keys->by_version.empty()) {
    return model::Error(model::Code::key_mismatch,
                        "The root key does not open the key ring: it is another cluster's, or the record was altered.");
  }
  if (refused > 0) return damaged("A cluster key in the key ring's record was altered: it does not open.");
  if (!keys->by_version.contains(record.current()))
    return damaged("The key ring's record lacks its current cluster key.");
  return KeyRing(std::move(keys), record);
}

store::v1::TenantKeysRecord KeyRing::new_tenant_keys(const model::TenantId& tenant, std::string_view owner_public_key,
                                                     Random& random, std::int64_t now_ms) const {
  constexpr std::uint32_t kFirst = 1;
  const std::uint32_t cluster = current_version();
  const Key& wrapping = keys_->by_version.at(cluster).wrapping;
  const Key data_key = Key::generate(random);
  const Key name_key = Key::generate(random);
  store::v1::TenantKeysRecord record;
  record.set_format(kTenantKeysFormat);
  record.set_current(kFirst);
  auto* row = record.add_data_keys();
  row->set_version(kFirst);
  row->set_created_at_ms(now_ms);
  row->set_wrapped(wrap_key(wrapping, cluster, data_key, key_identity(kTenantDataKey, tenant.view(), kFirst), random));
  record.set_wrapped_name_key(
      wrap_key(wrapping, cluster, name_key, key_identity(kTenantNameKey, tenant.view(), kNameKeyVersion), random));
  if (!owner_public_key.empty()) {
    auto box =
        seal_to_owner(owner_public_key, data_key.bytes(), key_identity(kOwnersDataKey, tenant.view(), kFirst), random);
    must(box.ok(), "seal_to_owner");
    row->set_sealed_to_owner(std::move(*box));
    record.set_owner_public_key(std::string(owner_public_key));
  }
  return record;
}

model::Result<TenantKeys> KeyRing::open_tenant_keys(const model::TenantId& tenant,
                                                    const store::v1::TenantKeysRecord& record) const {
  if (auto status = check_format("record of the tenant's keys", record.format(), kTenantKeysFormat); !status.ok()) {
    return status.error();
  }
  auto name_key =
      keys_->unwrap(record.wrapped_name_key(), key_identity(kTenantNameKey, tenant.view(), kNameKeyVersion));
  if (!name_key.ok()) return name_key.error();
  TenantKeys keys{record.current(), {}, std::move(*name_key)};
  for (const auto& row : record.data_keys()) {
    auto key = keys_->unwrap(row.wrapped(), key_identity(kTenantDataKey, tenant.view(), row.version()));
    if (!key.ok()) return key.error();
    if (row.version() == 0 || !keys.data_keys.emplace(row.version(), std::move(*key)).second) {
      return damaged("The record of the tenant's keys lists data key version " + std::to_string(row.version()) +
                     " wrongly.");
    }
  }
  if (!keys.data_keys.contains(keys.current))
    return damaged("The record of the tenant's keys lacks its current data key.");
  return keys;
}

Sealer KeyRing::directory_sealer(Random& random) const {
  Sealer sealer(random);
  for (const auto& [version, keys] : keys_->by_version)
    sealer.add_key(version, keys.directory, version == current_version());
  return sealer;
}

std::string KeyRing::token_mac(std::uint32_t version, std::string_view body) const {
  const auto keys = keys_->by_version.find(version);
  return keys == keys_->by_version.end() ? std::string() : hmac_sha256(keys->second.tokens, body);
}

model::Result<Key> KeyRing::audit_key(std::uint32_t version) const {
  const auto keys = keys_->by_version.find(version);
  if (keys != keys_->by_version.end()) return keys->second.audit.duplicate();
  return model::Error(model::Code::key_mismatch,
                      "The key ring holds no cluster key of version " + std::to_string(version) + ".");
}

std::uint32_t KeyRing::current_version() const { return record_.current(); }

bool KeyRing::has(std::uint32_t version) const { return keys_->by_version.contains(version); }

}  // namespace coffer::crypto

// The key ring. From each cluster key independent keys are derived for each of its uses, so that no key serves two; the
// cluster key itself is not kept. The labels are part of the stored format.

#include "crypto/key_ring.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "crypto/hash.hpp"
#include "crypto/openssl.hpp"
#include "crypto/wrap.hpp"

namespace coffer::crypto {
namespace {

constexpr std::uint32_t kRingFormat = 1;
constexpr std::uint32_t kTenantKeysFormat = 1;
constexpr std::uint32_t kRootVersion = 1;  // a root key has no versions: a new root wraps a new record
constexpr std::uint32_t kNameKeyVersion = 1;
constexpr std::uint32_t kForeignVersion = 1;  // of a key that belongs to no ring

constexpr std::string_view kWrapLabel = "coffer cluster keys";
constexpr std::string_view kClusterKey = "cluster key";
constexpr std::string_view kTokenKey = "token key of a retired cluster key";
constexpr std::string_view kAuditKey = "audit key of a retired cluster key";
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
    OfVersion(Key token_key, Key audit_key) : tokens(std::move(token_key)), audit(std::move(audit_key)) {}
    std::optional<Key> wrapping;  // none: the cluster key is retired
    std::optional<Key> directory;
    Key tokens;
    Key audit;
  };
  std::map<std::uint32_t, OfVersion> by_version;
  store::v1::KeyRingRecord record;

  model::Result<Key> unwrap(std::string_view wrapped, std::string_view identity) const {
    const auto version = sealed_key_version(wrapped);
    if (!version.ok()) return version.error();
    const auto keys = by_version.find(*version);
    if (keys == by_version.end() || !keys->second.wrapping) {
      const char* const why = keys == by_version.end() ? ", which this node does not hold." : ", which is retired.";
      return model::Error(model::Code::key_mismatch,
                          "The tenant's keys are wrapped under cluster key version " + std::to_string(*version) + why);
    }
    return unwrap_key(*keys->second.wrapping, *version, wrapped, identity);
  }
  /// REQUIRES: `version` is not retired.
  const Key& wrapping(std::uint32_t version) const { return *by_version.at(version).wrapping; }
};

/// The newest keys, and all that went before: a reader may still be at them, and there are few.
struct KeyRing::Shared {
  std::atomic<const Keys*> newest{nullptr};
  mutable std::mutex mutex;
  std::vector<std::unique_ptr<const Keys>> all;
  Key root;

  Shared(std::unique_ptr<const Keys> first, Key key) : newest(first.get()), root(std::move(key)) {
    all.push_back(std::move(first));
  }
};

KeyRing::KeyRing(std::unique_ptr<const Keys> keys, Key root)
    : shared_(std::make_unique<Shared>(std::move(keys), std::move(root))) {}
KeyRing::KeyRing(KeyRing&&) noexcept = default;
KeyRing& KeyRing::operator=(KeyRing&&) noexcept = default;
KeyRing::~KeyRing() = default;

const KeyRing::Keys& KeyRing::keys() const { return *shared_->newest.load(std::memory_order_acquire); }

KeyRing KeyRing::generate(Key root, Random& random, std::int64_t now_ms) {
  constexpr std::uint32_t kFirst = 1;
  const Key wrapping = derive(root, kWrapLabel);
  const Key cluster_key = Key::generate(random);
  auto keys = std::make_unique<Keys>();
  store::v1::KeyRingRecord& record = keys->record;
  record.set_format(kRingFormat);
  record.set_current(kFirst);
  auto* row = record.add_cluster_keys();
  row->set_version(kFirst);
  row->set_wrapped(wrap_key(wrapping, kRootVersion, cluster_key, key_identity(kClusterKey, {}, kFirst), random));
  row->set_created_at_ms(now_ms);
  keys->by_version.emplace(kFirst, Keys::OfVersion(cluster_key));
  return KeyRing(std::move(keys), std::move(root));
}

model::Result<KeyRing> KeyRing::open(Key root, const store::v1::KeyRingRecord& record) {
  auto keys = open_keys(root, record);
  if (!keys.ok()) return keys.error();
  return KeyRing(std::move(*keys), std::move(root));
}

model::Result<std::unique_ptr<const KeyRing::Keys>> KeyRing::open_keys(const Key& root,
                                                                       const store::v1::KeyRingRecord& record) {
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
  for (const auto& row : record.retired_keys()) {
    auto tokens = unwrap_key(wrapping, kRootVersion, row.wrapped_tokens(), key_identity(kTokenKey, {}, row.version()));
    auto audit = unwrap_key(wrapping, kRootVersion, row.wrapped_audit(), key_identity(kAuditKey, {}, row.version()));
    if (!tokens.ok() || !audit.ok()) {
      return damaged("What the key ring's record keeps of a retired cluster key was altered: it does not open.");
    }
    keys->by_version.emplace(row.version(), Keys::OfVersion(std::move(*tokens), std::move(*audit)));
  }
  keys->record = record;
  return std::unique_ptr<const Keys>(std::move(keys));
}

store::v1::KeyRingRecord KeyRing::record() const { return keys().record; }

Key KeyRing::root() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->root.duplicate();
}

model::Status KeyRing::adopt(Key root, const store::v1::KeyRingRecord& record) {
  auto opened = open_keys(root, record);
  if (!opened.ok()) return opened.error();
  const std::lock_guard lock(shared_->mutex);
  shared_->root = std::move(root);
  shared_->newest.store(opened->get(), std::memory_order_release);
  shared_->all.push_back(std::move(*opened));
  return {};
}

store::v1::KeyRingRecord KeyRing::with_cluster_key(Random& random, std::int64_t now_ms) const {
  store::v1::KeyRingRecord next = record();
  std::uint32_t version = 0;
  for (const auto& row : next.cluster_keys()) version = std::max(version, row.version());
  ++version;
  auto* row = next.add_cluster_keys();
  row->set_version(version);
  row->set_wrapped(wrap_key(derive(root(), kWrapLabel), kRootVersion, Key::generate(random),
                            key_identity(kClusterKey, {}, version), random));
  row->set_created_at_ms(now_ms);
  return next;
}

store::v1::KeyRingRecord KeyRing::with_newest_current() const {
  store::v1::KeyRingRecord next = record();
  for (const auto& row : next.cluster_keys()) next.set_current(std::max(next.current(), row.version()));
  return next;
}

model::Result<store::v1::KeyRingRecord> KeyRing::without_cluster_key(std::uint32_t version, Random& random,
                                                                     std::int64_t now_ms) const {
  const Keys& ring = keys();
  const auto found = ring.by_version.find(version);
  if (found == ring.by_version.end() || !found->second.wrapping || version == ring.record.current()) {
    return model::Error(model::Code::invalid_argument,
                        "Cluster key version " + std::to_string(version) + " is not one that could be retired.");
  }
  const Key wrapping = derive(root(), kWrapLabel);
  store::v1::KeyRingRecord next = ring.record;
  auto* retired = next.add_retired_keys();
  next.clear_cluster_keys();
  for (const auto& row : ring.record.cluster_keys()) {
    if (row.version() != version) {
      *next.add_cluster_keys() = row;
      continue;
    }
    retired->set_created_at_ms(row.created_at_ms());
  }
  retired->set_version(version);
  retired->set_retired_at_ms(now_ms);
  retired->set_wrapped_tokens(
      wrap_key(wrapping, kRootVersion, found->second.tokens, key_identity(kTokenKey, {}, version), random));
  retired->set_wrapped_audit(
      wrap_key(wrapping, kRootVersion, found->second.audit, key_identity(kAuditKey, {}, version), random));
  return next;
}

model::Result<KeyRing::NewRoot> KeyRing::with_new_root(Random& random, std::int64_t now_ms) const {
  NewRoot made{Key::generate(random), {}};
  const Key before = [&] {  // both of one moment
    const std::lock_guard lock(shared_->mutex);
    made.record = record();
    return derive(shared_->root, kWrapLabel);
  }();
  const Key after = derive(made.root, kWrapLabel);
  const auto wrap_anew = [&](std::string* wrapped, std::string_view what, std::uint32_t version) -> model::Status {
    const std::string identity = key_identity(what, {}, version);
    const auto key = unwrap_key(before, kRootVersion, *wrapped, identity);
    if (!key.ok()) return key.error();
    *wrapped = wrap_key(after, kRootVersion, *key, identity, random);
    return {};
  };
  for (auto& row : *made.record.mutable_cluster_keys()) {
    if (auto done = wrap_anew(row.mutable_wrapped(), kClusterKey, row.version()); !done.ok()) return done.error();
  }
  for (auto& row : *made.record.mutable_retired_keys()) {
    auto done = wrap_anew(row.mutable_wrapped_tokens(), kTokenKey, row.version());
    if (done.ok()) done = wrap_anew(row.mutable_wrapped_audit(), kAuditKey, row.version());
    if (!done.ok()) return done.error();
  }
  made.record.set_root_version(std::max(1U, made.record.root_version()) + 1);
  made.record.set_root_created_at_ms(now_ms);
  return made;
}

store::v1::TenantKeysRecord KeyRing::new_tenant_keys(const model::TenantId& tenant, std::string_view owner_public_key,
                                                     Random& random, std::int64_t now_ms) const {
  constexpr std::uint32_t kFirst = 1;
  const Keys& ring = keys();
  const std::uint32_t cluster = ring.record.current();
  const Key& wrapping = ring.wrapping(cluster);
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
  const Keys& ring = keys();
  auto name_key = ring.unwrap(record.wrapped_name_key(), key_identity(kTenantNameKey, tenant.view(), kNameKeyVersion));
  if (!name_key.ok()) return name_key.error();
  TenantKeys opened{record.current(), {}, std::move(*name_key)};
  for (const auto& row : record.data_keys()) {
    auto key = ring.unwrap(row.wrapped(), key_identity(kTenantDataKey, tenant.view(), row.version()));
    if (!key.ok()) return key.error();
    if (row.version() == 0 || !opened.data_keys.emplace(row.version(), std::move(*key)).second) {
      return damaged("The record of the tenant's keys lists data key version " + std::to_string(row.version()) +
                     " wrongly.");
    }
  }
  if (!opened.data_keys.contains(opened.current))
    return damaged("The record of the tenant's keys lacks its current data key.");
  return opened;
}

model::Status KeyRing::add_data_key(const model::TenantId& tenant, store::v1::TenantKeysRecord& record, Random& random,
                                    std::int64_t now_ms) const {
  if (auto opened = open_tenant_keys(tenant, record); !opened.ok()) return opened.error();
  const Keys& ring = keys();
  const std::uint32_t cluster = ring.record.current();
  std::uint32_t version = 0;
  for (const auto& row : record.data_keys()) version = std::max(version, row.version());
  ++version;
  const Key data_key = Key::generate(random);
  auto* row = record.add_data_keys();
  row->set_version(version);
  row->set_created_at_ms(now_ms);
  row->set_wrapped(wrap_key(ring.wrapping(cluster), cluster, data_key,
                            key_identity(kTenantDataKey, tenant.view(), version), random));
  if (!record.owner_public_key().empty()) {
    auto box = seal_to_owner(record.owner_public_key(), data_key.bytes(),
                             key_identity(kOwnersDataKey, tenant.view(), version), random);
    if (!box.ok()) return box.error();
    row->set_sealed_to_owner(std::move(*box));
  }
  record.set_current(version);
  return {};
}

namespace {

/// All of a tenant's wrapped keys anew: `open` gives a key from its bytes and identity, `wrap` the new bytes.
template <class Open, class Wrap>
model::Status rewrap_all(const model::TenantId& tenant, store::v1::TenantKeysRecord& record, Open open, Wrap wrap) {
  store::v1::TenantKeysRecord next = record;
  const auto one = [&](std::string* wrapped, const std::string& identity) -> model::Status {
    const model::Result<Key> key = open(*wrapped, identity);
    if (!key.ok()) return key.error();
    *wrapped = wrap(*key, identity);
    return {};
  };
  if (auto status = one(next.mutable_wrapped_name_key(), key_identity(kTenantNameKey, tenant.view(), kNameKeyVersion));
      !status.ok()) {
    return status;
  }
  for (auto& row : *next.mutable_data_keys()) {
    if (auto status = one(row.mutable_wrapped(), key_identity(kTenantDataKey, tenant.view(), row.version()));
        !status.ok()) {
      return status;
    }
  }
  record = std::move(next);
  return {};
}

}  // namespace

model::Status KeyRing::rewrap(const model::TenantId& tenant, store::v1::TenantKeysRecord& record,
                              Random& random) const {
  const Keys& ring = keys();
  const std::uint32_t cluster = ring.record.current();
  return rewrap_all(
      tenant, record,
      [&](const std::string& wrapped, const std::string& identity) { return ring.unwrap(wrapped, identity); },
      [&](const Key& key, const std::string& identity) {
        return wrap_key(ring.wrapping(cluster), cluster, key, identity, random);
      });
}

model::Status KeyRing::rewrap_for(const Key& other, const model::TenantId& tenant, store::v1::TenantKeysRecord& record,
                                  Random& random) const {
  const Keys& ring = keys();
  return rewrap_all(
      tenant, record,
      [&](const std::string& wrapped, const std::string& identity) { return ring.unwrap(wrapped, identity); },
      [&](const Key& key, const std::string& identity) {
        return wrap_key(other, kForeignVersion, key, identity, random);
      });
}

model::Status KeyRing::rewrap_from(const Key& other, const model::TenantId& tenant, store::v1::TenantKeysRecord& record,
                                   Random& random) const {
  const Keys& ring = keys();
  const std::uint32_t cluster = ring.record.current();
  return rewrap_all(
      tenant, record,
      [&](const std::string& wrapped, const std::string& identity) {
        return unwrap_key(other, kForeignVersion, wrapped, identity);
      },
      [&](const Key& key, const std::string& identity) {
        return wrap_key(ring.wrapping(cluster), cluster, key, identity, random);
      });
}

model::Result<std::uint32_t> wrapping_version(const store::v1::TenantKeysRecord& record) {
  // All of a record's keys are wrapped at once, but for data keys that were added later: the oldest counts.
  auto oldest = sealed_key_version(record.wrapped_name_key());
  if (!oldest.ok()) return oldest;
  for (const auto& row : record.data_keys()) {
    const auto version = sealed_key_version(row.wrapped());
    if (!version.ok()) return version;
    *oldest = std::min(*oldest, *version);
  }
  return oldest;
}

Sealer KeyRing::directory_sealer(Random& random) const {
  Sealer sealer(random);
  const Keys& ring = keys();
  for (const auto& [version, keys] : ring.by_version) {
    if (keys.directory) sealer.add_key(version, *keys.directory, version == ring.record.current());
  }
  return sealer;
}

std::string KeyRing::token_mac(std::uint32_t version, std::string_view body) const {
  const Keys& ring = keys();
  const auto found = ring.by_version.find(version);
  return found == ring.by_version.end() ? std::string() : hmac_sha256(found->second.tokens, body);
}

std::uint32_t KeyRing::current_version() const { return keys().record.current(); }

model::Result<Key> KeyRing::audit_key(std::uint32_t version) const {
  const Keys& ring = keys();
  const auto found = ring.by_version.find(version);
  if (found != ring.by_version.end()) return found->second.audit.duplicate();
  return model::Error(model::Code::key_mismatch,
                      "The key ring holds no cluster key of version " + std::to_string(version) + ".");
}

bool KeyRing::has(std::uint32_t version) const { return keys().by_version.contains(version); }

bool KeyRing::is_retired(std::uint32_t version) const {
  const Keys& ring = keys();
  const auto found = ring.by_version.find(version);
  return found != ring.by_version.end() && !found->second.wrapping;
}

}  // namespace coffer::crypto

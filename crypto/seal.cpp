// What all seals share: the root key under a seal's key, and the escrow. See seal.hpp.

#include "crypto/seal.hpp"

#include "crypto/encoding.hpp"
#include "crypto/hash.hpp"
#include "crypto/wrap.hpp"

namespace coffer::crypto {
namespace {

constexpr std::uint32_t kSealRecordFormat = 1;
constexpr std::uint32_t kSealsKeyVersion = 1;
constexpr std::string_view kSealedRootKey = "root key";
constexpr std::string_view kEscrowLabel = "coffer seal keys";

std::string root_identity(std::string_view cluster_id) {
  return key_identity(kSealedRootKey, cluster_id, kSealsKeyVersion);
}
std::string escrow_identity(const store::v1::SealRecord& record, std::string_view cluster_id) {
  std::string owner;
  append_sized(owner, cluster_id);
  return key_identity("seal key", owner.append(record.kind()).append("/").append(record.name()), kSealsKeyVersion);
}

}  // namespace

void fill_seal(store::v1::SealRecord& record, const Key& seal_key, const Key& root, std::string_view cluster_id,
               Random& random) {
  record.set_format(kSealRecordFormat);
  record.set_wrapped_root_key(wrap_key(seal_key, kSealsKeyVersion, root, root_identity(cluster_id), random));
  record.set_escrowed_key(
      wrap_key(derive(root, kEscrowLabel), kSealsKeyVersion, seal_key, escrow_identity(record, cluster_id), random));
}

model::Result<Key> open_seal(const store::v1::SealRecord& record, const Key& seal_key, std::string_view cluster_id) {
  if (auto status = check_format("seal's record", record.format(), kSealRecordFormat); !status.ok())
    return status.error();
  return unwrap_key(seal_key, kSealsKeyVersion, record.wrapped_root_key(), root_identity(cluster_id));
}

model::Result<Key> escrowed_key(const store::v1::SealRecord& record, const Key& root, std::string_view cluster_id) {
  if (record.escrowed_key().empty()) {
    return model::Error(model::Code::key_mismatch,
                        "the seal " + record.name() + " was made by an older program; add it again first");
  }
  return unwrap_key(derive(root, kEscrowLabel), kSealsKeyVersion, record.escrowed_key(),
                    escrow_identity(record, cluster_id));
}

model::Result<store::v1::SealRecord> reseal_root(const store::v1::SealRecord& record, const Key& old_root,
                                                 const Key& new_root, std::string_view cluster_id, Random& random) {
  const auto seal_key = escrowed_key(record, old_root, cluster_id);
  if (!seal_key.ok()) return seal_key.error();
  store::v1::SealRecord next = record;
  fill_seal(next, *seal_key, new_root, cluster_id, random);
  return next;
}

model::Status check_seal_name(std::string_view name) {
  const bool plain = !name.empty() && name.size() <= 32 &&
                     name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
  if (plain) return {};
  return model::Error(model::Code::invalid_argument, "name: a seal's name has 1 to 32 of a-z, 0-9 and '-'");
}

// ---- shares ----------------------------------------------------------------------------------------------------

model::Result<SharedSeal> make_shamir_seal(std::string name, std::uint32_t threshold, std::uint32_t count,
                                           const Key& root, std::string_view cluster_id, Random& random) {
  if (threshold < 2 || threshold > count || count > kMostShares) {
    return model::Error(model::Code::invalid_argument,
                        "shares: between 2 and 32, of which 2 to all of them are needed");
  }
  SharedSeal made;
  made.record.set_kind(std::string(kShamirSeal));
  made.record.set_name(std::move(name));
  auto* shamir = made.record.mutable_shamir();
  shamir->set_set_id(random.bytes(kShareSetSize));
  shamir->set_threshold(threshold);
  shamir->set_shares(count);
  const Key seal_key = Key::generate(random);
  for (const Share& share : split_key(seal_key, shamir->set_id(), threshold, count, random)) {
    shamir->add_digests(share_digest(share));
    made.shares.push_back(share_text(share));
  }
  fill_seal(made.record, seal_key, root, cluster_id, random);
  return made;
}

model::Status ShareCollector::add(Share share) {
  const auto& shamir = record_.shamir();
  if (share.set != shamir.set_id()) {
    return model::Error(model::Code::unauthenticated,
                        "the share is of set " + hex(share.set) + ", and " + hex(shamir.set_id()) + " is wanted");
  }
  if (share.number > shamir.digests_size() ||
      !equal_constant_time(share_digest(share), shamir.digests(share.number - 1))) {
    return model::Error(model::Code::unauthenticated, "the share is not one of the set's own");
  }
  for (const Share& known : shares_) {
    if (known.number == share.number) return {};
  }
  if (!is_complete()) shares_.push_back(std::move(share));
  return {};
}

Key ShareCollector::seal_key() const {
  std::vector<const Share*> shares;
  for (const Share& share : shares_) shares.push_back(&share);
  return combine_shares(shares);
}

}  // namespace coffer::crypto

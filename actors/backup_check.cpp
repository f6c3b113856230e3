// See backup_check.hpp.

#include "actors/backup_check.hpp"

#include "actors/change_records.hpp"
#include "actors/cluster_records.hpp"
#include "actors/records.hpp"
#include "crypto/cluster_ca.hpp"
#include "crypto/hash.hpp"
#include "model/payload.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;
using model::Status;

namespace {

constexpr std::size_t kKind = 1, kHash = 32, kNumber = 8;

/// A version of an entry in 64 bits; versions of one entry count up from mark to mark.
std::uint64_t mark_of(std::string_view hash, std::uint64_t version) {
  return storage::read_be64(hash) + version * 0x9e3779b97f4a7c15ULL;
}

template <class Result>
Status status_of(const Result& result) {
  return result.ok() ? Status() : Status(result.error());
}

}  // namespace

RowCheck::RowCheck(const crypto::KeyRing& ring, std::string_view cluster_id, crypto::Random& random)
    : ring_(ring), cluster_name_(crypto::hex(cluster_id)), random_(random) {}

Status RowCheck::begin(const model::TenantId& tenant, model::GroupId group,
                       const std::optional<store::v1::TenantKeysRecord>& keys) {
  tenant_ = tenant;
  number_ = 0;
  expected_.clear();
  seen_ = 0;
  sealer_.reset();
  skips_ = false;
  if (tenant.is_zero()) {
    sealer_.emplace(ring_.directory_sealer(random_));
    return {};
  }
  const auto found = known_.find(tenant);
  skips_ = found == known_.end() || found->second != group;
  if (skips_) return {};
  ++counts_.tenants;
  if (!keys) return {};
  auto opened = ring_.open_tenant_keys(tenant, *keys);
  if (!opened)
    return Error(opened.error().code, "tenant " + to_string(tenant) + ": " + std::string(opened.error().message()));
  sealer_.emplace(random_);
  for (const auto& [version, key] : opened->data_keys) sealer_->add_key(version, key, version == opened->current);
  return {};
}

Status RowCheck::row(std::string_view key, std::string_view value) {
  ++number_;
  if (skips_) {
    ++counts_.skipped;
    return {};
  }
  const Status status = tenant_.is_zero() ? check_directory(key, value) : check(key, value);
  if (status) return {};
  const std::string whose = tenant_.is_zero() ? "the directory" : "tenant " + to_string(tenant_);
  return Error(Code::data_loss, "row " + std::to_string(number_) + " of " + whose + " (kind '" +
                                    std::string(key.substr(0, kKind)) +
                                    "') does not open: " + std::string(status.error().message()));
}

Status RowCheck::check(std::string_view key, std::string_view value) {
  const char kind = key.empty() ? '\0' : key.front();
  const std::string_view rest = key.substr(std::min(key.size(), kKind));
  if (key == storage::kHeaderRow) return status_of(decode_header(value));
  if (key == storage::kKeysRow) return status_of(decode_keys(value));
  if (key == storage::kMoveRow) {
    store::v1::MoveMarkRecord mark;
    return mark.ParseFromArray(value.data(), static_cast<int>(value.size())) ? Status() : Status(Code::data_loss);
  }
  if (kind == 'q')
    return value.size() == kHash + kNumber ? Status() : Status(Error(Code::data_loss, "its length is wrong"));
  if (!sealer_) return Error(Code::data_loss, "the tenant's keys are missing");
  auto opened = sealer_->open(value, crypto::row_identity(tenant_.view(), key));
  if (!opened) return opened.error();
  const std::string_view plain = opened->expose();
  switch (kind) {
    case 'e': {
      auto entry = decode_entry(plain);
      if (!entry) return entry.error();
      if (rest.size() != kHash) return Error(Code::data_loss, "its key has another length");
      return expect_values(rest, *entry);
    }
    case 'v': {
      if (rest.size() != kHash + kNumber) return Error(Code::data_loss, "its key has another length");
      see_value(mark_of(rest, storage::read_be64(rest.substr(kHash))));
      return status_of(model::decode_payload(plain));
    }
    case 'c': return status_of(decode_changes(plain));
    case 'r': return status_of(decode_request(plain));
    case 't': return status_of(decode_token(plain));
    case 'i': return status_of(decode_issuer(plain));
    case 'x': return status_of(decode_certificate_rule(plain));
    case 'p': return status_of(decode_policy(plain));
    case 'l': return status_of(decode_quota(plain));
    case 'a': return status_of(decode_audit_settings(plain));
    case 'z': return {};
    default: return Error(Code::data_loss, "there is no such kind");
  }
}

Status RowCheck::check_directory(std::string_view key, std::string_view value) {
  if (key == storage::kHeaderRow) return status_of(decode_header(value));
  if (key == storage::kClusterRow) return status_of(decode_cluster(value));
  if (key == storage::kClusterCaRow) return status_of(crypto::ClusterCa::open(value, cluster_name_, ring_));
  if (key == storage::kResealRow) return status_of(decode_reseal(value));
  if (key.starts_with(storage::kNodeRows)) return status_of(decode_node(value));
  if (key.starts_with(storage::kGroupRows)) return status_of(decode_founding(value));
  if (key.starts_with(storage::kJoinTokenRows)) return status_of(decode_join_permission(value));
  if (key == storage::kKeyRingRow) {
    store::v1::KeyRingRecord ring;
    return ring.ParseFromArray(value.data(), static_cast<int>(value.size())) ? Status() : Status(Code::data_loss);
  }
  if (key.starts_with(storage::kSealRows)) {
    store::v1::SealRecord seal;
    return seal.ParseFromArray(value.data(), static_cast<int>(value.size())) ? Status() : Status(Code::data_loss);
  }
  auto opened = sealer_->open(value, crypto::row_identity(tenant_.view(), key));
  if (!opened) return opened.error();
  if (key.starts_with(storage::kOperatorRows)) return status_of(decode_operator(opened->expose()));
  if (!key.starts_with(storage::kTenantRows)) return Error(Code::data_loss, "there is no such kind");
  auto tenant = decode_tenant(opened->expose());
  if (!tenant) return tenant.error();
  if (tenant->info.state != model::TenantState::purged) known_[tenant->info.id] = tenant->info.group;
  return {};
}

Status RowCheck::expect_values(std::string_view hash, const model::Entry& entry) {
  ++counts_.entries;
  for (const model::Version& version : entry.versions) {
    if (version.state != model::State::destroyed) expected_.push_back(mark_of(hash, version.number));  // empty or not
  }
  return {};
}

/// A value of which no version tells is passed over; one that is expected and never seen stops the walk.
void RowCheck::see_value(std::uint64_t mark) {
  ++counts_.versions;
  if (seen_ < expected_.size() && expected_[seen_] == mark) ++seen_;
}

Status RowCheck::end() {
  if (seen_ == expected_.size()) return {};
  return Error(Code::data_loss, "tenant " + to_string(tenant_) + " lacks the value of a version: " +
                                    std::to_string(expected_.size() - seen_) + " values or less are missing");
}

}  // namespace coffer::actors

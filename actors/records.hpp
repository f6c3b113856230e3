#pragma once
// Between the model's values and the stored records of proto/coffer/store/v1: every record that a shard or the
// directory seals is written and read here. Pure, any thread.

#include <string>
#include <string_view>
#include <vector>

#include "coffer/store/v1/records.pb.h"
#include "model/entry.hpp"
#include "model/operators.hpp"
#include "model/requests.hpp"
#include "model/result.hpp"
#include "model/rules.hpp"

namespace coffer::actors {

inline constexpr std::uint32_t kRecordFormat = 1;

std::string encode_entry(const model::Entry& entry);
/// Errors of every decode: data_loss, when the bytes are no record of a known format.
model::Result<model::Entry> decode_entry(std::string_view bytes);

std::string encode_token(const model::TokenInfo& token);
model::Result<model::TokenInfo> decode_token(std::string_view bytes);

std::string encode_audit_settings(const model::AuditSettings& settings);
model::Result<model::AuditSettings> decode_audit_settings(std::string_view bytes);
std::string encode_quota(const model::Quota& quota);
model::Result<model::Quota> decode_quota(std::string_view bytes);
std::string encode_issuer(const model::Issuer& issuer);
model::Result<model::Issuer> decode_issuer(std::string_view bytes);
std::string encode_certificate_rule(const model::CertificateRule& rule);
model::Result<model::CertificateRule> decode_certificate_rule(std::string_view bytes);
std::string encode_policy(const model::PolicySet& policy);
model::Result<model::PolicySet> decode_policy(std::string_view bytes);

/// A tenant in the directory, with what the directory alone knows of it.
struct DirectoryTenant {
  model::TenantInfo info;
  std::uint32_t epoch = 1;
  std::string owner_public_key;           // 32 bytes or empty
  std::string request_key, request_hash;  // of the newest change, when it had a request id
  model::NodeId importing;                // not zero: that node is importing it (directory_imports.cpp)
};
std::string encode_tenant(const DirectoryTenant& tenant);
model::Result<DirectoryTenant> decode_tenant(std::string_view bytes);

/// An operator's credential.
struct Operator {
  std::string name;
  std::string token_hash;
  model::TimeMs created_at = 0;
  bool dev_root = false;
  std::vector<std::string> capabilities{std::string(model::kEveryCapability)};
  model::TimeMs expires_at = 0;  // 0: never
  std::string created_by;        // empty: the node itself, at its first start
};
std::string encode_operator(const Operator& op);
model::Result<Operator> decode_operator(std::string_view bytes);

model::Result<store::v1::TenantHeader> decode_header(std::string_view bytes);
model::Result<store::v1::TenantKeysRecord> decode_keys(std::string_view bytes);
model::Result<store::v1::ResealRecord> decode_reseal(std::string_view bytes);
model::Result<store::v1::RequestRecord> decode_request(std::string_view bytes);

}  // namespace coffer::actors

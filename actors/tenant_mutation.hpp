#pragma once
// One mutation of a tenant while it is being decided. Shared by the sources of TenantCore that write.

#include <string>
#include <string_view>
#include <vector>

#include "actors/tenant_core.hpp"

namespace coffer::actors {

/// Everything that one request does to the tenant, while it is being decided.
struct TenantCore::Mutation {
  std::vector<storage::RowChange> rows;
  std::vector<Change> changes;
  std::vector<std::string> entry_hashes;
  std::vector<EntryPtr> entries;
  store::v1::TenantHeader header;  // as it will be
  model::TimeMs now = 0;
  std::string principal;
  std::string request_key, request_hash;
  store::v1::AuditRecord audit;
  std::string entry_hash;                              // of the secret that is being decided: a refusal is noted by it
  std::string_view token_hash;                         // of the caller's own token, in his request; empty: it is none
  std::optional<store::v1::TenantKeysRecord> keys;     // the tenant's from this write set on, unless others wait for it
  std::optional<model::Quota> quota;                   // the tenant's own, when it changes
  std::optional<model::AuditSettings> audit_settings;  // likewise
  bool touches_tokens = false, touches_policy = false;
  bool touches_trust = false;   // issuers or certificate rules
  bool touches_header = false;  // it is to be written although no row changes
  bool by_entry = true;         // no right came from the policy or a token: all from the entries themselves
};

}  // namespace coffer::actors

// See trust_lookup.hpp.

#include "actors/trust_lookup.hpp"

#include "actors/records.hpp"
#include "crypto/sealer.hpp"
#include "model/wire.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {
namespace {

template <class Row, class Decode>
model::Status read_rows(const storage::TenantRows& rows, std::string_view prefix, const model::TenantId& tenant,
                        crypto::Sealer& sealer, const Decode& decode, std::vector<Row>& out) {
  auto scan = rows.scan(prefix, storage::prefix_end(prefix));
  for (; scan->valid(); scan->next()) {
    const std::string_view key = rows.row_of(scan->key());
    auto opened = sealer.open(scan->value(), crypto::row_identity(tenant.view(), key));
    if (!opened) return opened.error();
    auto row = decode(opened->expose());
    if (!row) return row.error();
    out.push_back(std::move(*row));
  }
  return scan->status();
}

/// After the reading: what was there until then was not being removed or written.
model::Status check_whole(const storage::TenantRows& rows) {
  const auto mark = rows.get(storage::kMoveRow);
  if (!mark) return mark.error();
  if (!mark->has_value()) return {};
  return model::Error(model::Code::unavailable, "the tenant is on its way to another group", 1);
}

}  // namespace

model::Result<TenantTrust> read_trust(const storage::Engine& state, const crypto::KeyRing& ring, crypto::Random& random,
                                      model::GroupId group, model::Generation generation,
                                      const model::TenantId& tenant) {
  const storage::TenantRows rows(state, group, generation, tenant);
  TenantTrust trust;
  trust.tenant = tenant;
  auto keys_row = rows.get(storage::kKeysRow);
  if (!keys_row) return keys_row.error();
  if (!keys_row->has_value()) {
    if (auto status = check_whole(rows); !status) return status.error();
    return trust;
  }
  auto record = decode_keys(**keys_row);
  if (!record) return record.error();
  auto keys = ring.open_tenant_keys(tenant, *record);
  if (!keys) return keys.error();
  crypto::Sealer sealer(random);
  for (const auto& [version, key] : keys->data_keys) sealer.add_key(version, key, version == keys->current);
  if (auto status = read_rows(rows, storage::kIssuerRows, tenant, sealer, decode_issuer, trust.issuers); !status) {
    return status.error();
  }
  if (auto status = read_rows(rows, storage::kCertificateRuleRows, tenant, sealer, decode_certificate_rule,
                              trust.certificate_rules);
      !status) {
    return status.error();
  }
  if (auto status = check_whole(rows); !status) return status.error();
  return trust;
}

model::Secret encode_trust(const TenantTrust& trust) {
  model::Secret out;
  model::wire::Writer writer(&out);
  writer.varint(trust.issuers.size());
  for (const model::Issuer& issuer : trust.issuers) writer.bytes(encode_issuer(issuer));
  writer.varint(trust.certificate_rules.size());
  for (const model::CertificateRule& rule : trust.certificate_rules) writer.bytes(encode_certificate_rule(rule));
  return out;
}

model::Result<TenantTrust> decode_trust(const model::TenantId& tenant, std::string_view bytes) {
  model::wire::Reader reader(bytes);
  TenantTrust trust;
  trust.tenant = tenant;
  const auto read = [&reader](const auto& decode, auto& out) -> model::Status {
    for (std::size_t left = reader.count(); left > 0 && reader.ok(); --left) {
      auto row = decode(reader.bytes());
      if (!row) return row.error();
      out.push_back(std::move(*row));
    }
    return {};
  };
  if (auto status = read(decode_issuer, trust.issuers); !status) return status.error();
  if (auto status = read(decode_certificate_rule, trust.certificate_rules); !status) return status.error();
  if (!reader.ok() || !reader.at_end()) {
    return model::Error(model::Code::invalid_argument, "a peer's answer about a tenant's trust is malformed");
  }
  return trust;
}

}  // namespace coffer::actors

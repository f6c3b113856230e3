// Whom a tenant trusts to say who somebody is: its issuers of JWTs and its certificate rules. Changed by write sets like
// entries, compared with what a verified credential was verified by. See tenant_core.hpp.

#include <algorithm>

#include "actors/tenant_mutation.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::CertificateRule;
using model::Code;
using model::Error;
using model::Issuer;

namespace {

constexpr std::size_t kMaxBearers = 1024;

/// What differs between the two kinds of rows.
template <class Row>
struct RowKind;

template <>
struct RowKind<Issuer> {
  static constexpr std::string_view kDomain = "issuer";
  static constexpr std::string_view kPrefix = storage::kIssuerRows;
  static constexpr std::size_t kMost = model::kMaxIssuers;
  static constexpr char kWord[] = "issuer";
  static std::string key(std::string_view hash) { return storage::issuer_row(hash); }
  static std::string encode(const Issuer& row) { return encode_issuer(row); }
  static model::Result<Issuer> decode(std::string_view bytes) { return decode_issuer(bytes); }
};

template <>
struct RowKind<CertificateRule> {
  static constexpr std::string_view kDomain = "certificate rule";
  static constexpr std::string_view kPrefix = storage::kCertificateRuleRows;
  static constexpr std::size_t kMost = model::kMaxCertificateRules;
  static constexpr char kWord[] = "certificate rule";
  static std::string key(std::string_view hash) { return storage::certificate_rule_row(hash); }
  static std::string encode(const CertificateRule& row) { return encode_certificate_rule(row); }
  static model::Result<CertificateRule> decode(std::string_view bytes) { return decode_certificate_rule(bytes); }
};

template <class Row>
std::string key_of(crypto::NameHasher& hasher, const std::string& name) {
  return RowKind<Row>::key(hasher.hash(RowKind<Row>::kDomain, name, ""));
}

/// The dev issuer's bearers may do in every tenant what an open door may do in its own.
std::vector<model::Scope> everything_but_admin() {
  return {{model::kAllCapabilities & ~static_cast<std::uint32_t>(model::Capability::admin), {"*"}, {"*"}}};
}

}  // namespace

/// The row that a verified credential stands on.
std::string TenantCore::trust_key(const model::Credential& credential) const {
  return credential.kind == model::CredentialKind::certificate ? key_of<CertificateRule>(*hasher_, credential.issuer)
                                                               : key_of<Issuer>(*hasher_, credential.issuer);
}

/// True when authenticate_bearer() would read nothing; also of a credential that it is not asked about.
bool TenantCore::trust_in_memory(const model::Credential& credential) const {
  const bool has_row =
      (credential.kind == model::CredentialKind::jwt || credential.kind == model::CredentialKind::certificate) &&
      !credential.of_node;
  return !has_row || trust_versions_.contains(trust_key(credential));
}

/// The version of a committed row; 0 when there is none.
model::Result<std::uint64_t> TenantCore::trust_version(const std::string& key, bool is_certificate) {
  if (const auto known = trust_versions_.find(key); known != trust_versions_.end()) return known->second;
  auto sealed = row(key, false);
  if (!sealed) return sealed.error();
  std::uint64_t version = 0;
  if (sealed->has_value()) {
    auto opened = sealer_.open(**sealed, crypto::row_identity(identity_.tenant.view(), key));
    if (!opened) return opened.error();
    if (is_certificate) {
      auto rule = decode_certificate_rule(opened->expose());
      if (!rule) return rule.error();
      version = rule->version;
    } else {
      auto issuer = decode_issuer(opened->expose());
      if (!issuer) return issuer.error();
      version = issuer->version;
    }
  }
  // As many as there can be rows; beyond that somebody asks for names that do not exist.
  if (trust_versions_.size() > model::kMaxIssuers + model::kMaxCertificateRules) trust_versions_.clear();
  trust_versions_.emplace(key, version);
  return version;
}

/// What net verified still holds when the row that it verified by is still that row, and its time is not over.
model::Result<TenantCore::Caller> TenantCore::authenticate_bearer(const model::Credential& credential) {
  const bool is_certificate = credential.kind == model::CredentialKind::certificate;
  if (credential.expires_at != 0 && credential.expires_at <= now()) {
    return Error(Code::unauthenticated, is_certificate ? "the client certificate has expired" : "the JWT has expired");
  }
  if (credential.of_node) return bearer(credential);
  if (credential.tenant != identity_.tenant) return Error(Code::permission_denied);
  const auto version = trust_version(trust_key(credential), is_certificate);
  if (!version) return version.error();
  if (*version == 0) return Error(Code::unauthenticated);
  if (*version != credential.issuer_version) {
    return Error(Code::unavailable, "what the tenant trusts has changed meanwhile; nothing was done, try again");
  }
  return bearer(credential);
}

/// Who a credential is that holds. Remembered, because what the policy says of it is a look at every binding.
model::Result<TenantCore::Caller> TenantCore::bearer(const model::Credential& credential) {
  // At the doors of Tapis and Cloudforet users are to be told apart in --dev, too: there it counts whose a secret is and
  // what a token's role lets its bearer do.
  const bool by_dev_issuer = credential.of_node && credential.kind == model::CredentialKind::jwt &&
                             credential.door != model::Door::tapis && credential.door != model::Door::cloudforet;
  std::string key(1, by_dev_issuer ? 'd' : 'b');
  key.append(credential.principal);
  for (const std::string& role : credential.roles) key.append("\n").append(role);  // neither has a line end
  auto found = bearers_.find(key);
  if (found == bearers_.end()) {
    model::Principal principal;
    principal.name = credential.principal;
    principal.roles = credential.roles;
    if (by_dev_issuer) principal.scopes = everything_but_admin();
    auto made = resolve(std::move(principal));
    if (!made) return made.error();
    if (bearers_.size() >= kMaxBearers) bearers_.clear();
    found = bearers_.emplace(std::move(key), std::move(*made)).first;
  }
  return Caller{found->second, false};
}

/// Committed rows, by name.
template <class Row>
model::Result<std::vector<Row>> TenantCore::trust_rows() {
  std::map<std::string, std::string> sealed;
  const std::string_view prefix = RowKind<Row>::kPrefix;
  auto scan = rows_.scan(prefix, storage::prefix_end(prefix));
  for (; scan->valid(); scan->next()) sealed[std::string(rows_.row_of(scan->key()))] = std::string(scan->value());
  if (auto status = scan->status(); !status) return status.error();
  overlay_.each_committed(prefix, [&](std::string_view key, const std::optional<std::string>& value) {
    if (value) {
      sealed[std::string(key)] = *value;
    } else {
      sealed.erase(std::string(key));
    }
  });
  std::vector<Row> rows;
  for (const auto& [key, value] : sealed) {
    auto opened = sealer_.open(value, crypto::row_identity(identity_.tenant.view(), key));
    if (!opened) return opened.error();
    auto decoded = RowKind<Row>::decode(opened->expose());
    if (!decoded) return decoded.error();
    rows.push_back(std::move(*decoded));
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.name < b.name; });
  return rows;
}

template <class Row>
model::Result<Row> TenantCore::put_trust(Row changed, Mutation& mutation) {
  std::string key = key_of<Row>(*hasher_, changed.name);
  auto current = row(key, true);
  if (!current) return current.error();
  if (!current->has_value()) {
    auto rows = trust_rows<Row>();
    if (!rows) return rows.error();
    const auto waiting =
        std::count_if(pending_.begin(), pending_.end(), [](const Pending& p) { return p.touches_trust; });
    if (rows->size() + static_cast<std::size_t>(waiting) >= RowKind<Row>::kMost) {
      return Error(Code::quota_exceeded, "a tenant has at most " + std::to_string(RowKind<Row>::kMost) + " of these (" +
                                             RowKind<Row>::kWord + "); delete one");
    }
  }
  changed.version = mutation.header.revision() + 1;  // the revision of this write set
  changed.changed_at = mutation.now;
  changed.changed_by = mutation.principal;
  std::string sealed = sealer_.seal(RowKind<Row>::encode(changed), crypto::row_identity(identity_.tenant.view(), key));
  mutation.rows.push_back({std::move(key), std::move(sealed)});
  mutation.touches_trust = true;
  return changed;
}

template <class Row>
model::Result<Row> TenantCore::delete_trust(const std::string& name, Mutation& mutation) {
  const std::string key = key_of<Row>(*hasher_, name);
  auto current = row(key, true);
  if (!current) return current.error();
  if (!current->has_value())
    return Error(Code::entry_not_found, std::string("there is no such ") + RowKind<Row>::kWord);
  auto opened = sealer_.open(**current, crypto::row_identity(identity_.tenant.view(), key));
  if (!opened) return opened.error();
  auto deleted = RowKind<Row>::decode(opened->expose());
  if (!deleted) return deleted.error();
  mutation.rows.push_back({key, std::nullopt});
  mutation.touches_trust = true;
  return deleted;
}

model::Result<model::ReplyBody> TenantCore::change_trust(const Caller& caller, model::TenantOperation& operation,
                                                         Mutation& mutation) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  const auto reply = []<class Reply, class Row>(std::type_identity<Reply>,
                                                model::Result<Row> row) -> model::Result<model::ReplyBody> {
    if (!row) return row.error();
    return model::ReplyBody(Reply{std::move(*row)});
  };
  constexpr std::type_identity<model::IssuerReply> kIssuer;
  constexpr std::type_identity<model::CertificateRuleReply> kRule;
  // Copies: the request may be repeated after a failover, and must be the same then.
  if (auto* put = std::get_if<model::PutIssuer>(&operation)) {
    return reply(kIssuer, put_trust(put->issuer, mutation));
  }
  if (auto* del = std::get_if<model::DeleteIssuer>(&operation)) {
    return reply(kIssuer, delete_trust<Issuer>(del->name, mutation));
  }
  if (auto* put = std::get_if<model::PutCertificateRule>(&operation)) {
    return reply(kRule, put_trust(put->rule, mutation));
  }
  if (auto* del = std::get_if<model::DeleteCertificateRule>(&operation)) {
    return reply(kRule, delete_trust<CertificateRule>(del->name, mutation));
  }
  return Error(Code::internal);
}

model::Result<model::ReplyBody> TenantCore::list_trust(const Caller& caller, const model::TenantOperation& operation) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  if (std::holds_alternative<model::ListIssuers>(operation)) {
    auto rows = trust_rows<Issuer>();
    if (!rows) return rows.error();
    return model::ReplyBody(model::IssuersReply{std::move(*rows)});
  }
  if (std::holds_alternative<model::ListCertificateRules>(operation)) {
    auto rows = trust_rows<CertificateRule>();
    if (!rows) return rows.error();
    return model::ReplyBody(model::CertificateRulesReply{std::move(*rows)});
  }
  return Error(Code::internal);
}

}  // namespace coffer::actors

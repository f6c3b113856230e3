// Canonical bytes of operations and stored bytes of replies; any thread. Integers are varints (times zigzag), strings
// stand behind their length, lists and maps behind their count, optional fields behind a presence byte.
//
//   request := %x01 kind fields            kinds: request_kind() below
//   reply   := %x01 kind fields            kinds: ReplyKind below
//
// The numbers of kinds are never reused. Changing any of these bytes breaks the stored request ids of a running cluster.

#include "model/codec.hpp"

#include <cassert>

#include "model/wire.hpp"

namespace coffer::model {
namespace {

constexpr std::uint8_t kFormat = 1;

// Writes values of every type that operations and replies consist of.
class Encoder {
 public:
  explicit Encoder(Secret* out) : writer_(out) {}

  void put(bool value) { writer_.boolean(value); }
  void put(std::uint64_t value) { writer_.varint(value); }
  void put(std::uint32_t value) { writer_.varint(value); }
  void put(TimeMs value) { writer_.signed_varint(value); }
  void put(const std::string& value) { writer_.bytes(value); }
  void put(const Secret& value) { writer_.bytes(value.expose()); }
  void put(State value) { writer_.varint(static_cast<std::uint64_t>(value)); }

  template <class A, class B>
  void put(const std::pair<A, B>& pair) {
    put(pair.first);
    put(pair.second);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T, std::size_t N>
  void put(const std::array<T, N>& values) {
    put(static_cast<std::uint64_t>(N));
    for (const T& value : values) put(value);
  }
  template <class T>
  void put(const std::vector<T>& values) {
    put(static_cast<std::uint64_t>(values.size()));
    for (const T& value : values) put(value);
  }
  void put(const std::map<std::string, std::string>& pairs) {
    put(static_cast<std::uint64_t>(pairs.size()));
    for (const auto& pair : pairs) put(pair);
  }

  void put(const Payload& payload) {
    put(static_cast<std::uint64_t>(payload.kind));
    put(payload.content);
    put(payload.map);
  }
  void put(const Scope& scope) { fields(scope.capabilities, scope.spaces, scope.names); }
  void put(const Grant& g) {
    fields(static_cast<std::uint64_t>(g.effect), g.capabilities, g.spaces, g.names, g.period);
  }
  void put(const Period& p) { fields(p.not_before, p.expires_at); }
  void put(const Role& r) { fields(r.name, r.description, r.grants); }
  void put(const Binding& b) { fields(b.role, b.subjects, b.period); }
  void put(const Permission& p) { fields(p.subject, static_cast<std::uint64_t>(p.level)); }
  void put(const Version& v) { fields(v.number, v.state, v.created_at, v.created_by, v.deleted_at, v.payload_bytes); }
  void put(const Entry& e) {
    fields(e.space, e.name, e.description, e.owner, e.tags, e.attributes, e.created_at, e.updated_at, e.created_by,
           e.expires_at, e.max_versions, e.last_version, e.versions, e.write_only, e.read_only);
  }
  void put(const TokenInfo& t) {
    fields(t.id, t.description, t.created_by, t.scopes, t.created_at, t.expires_at, t.revoked_at);
  }

  void put(const ClaimMapping& c) { fields(c.tenant, c.principal, c.roles, c.kind, c.service); }
  void put(const Issuer& i) {
    fields(i.name, i.iss, i.public_keys, i.jwks, i.jwks_url, i.jwks_ca, i.audiences, i.algorithms, i.clock_skew_s,
           i.mapping, i.claims, i.version, i.changed_at, i.changed_by);
  }
  void put(const CertificateRule& r) {
    fields(r.name, r.san, r.principal, r.roles, r.version, r.changed_at, r.changed_by);
  }

  void put(const Quota& q) { fields(q.values, q.version, q.changed_at, q.changed_by); }
  void put(const AuditSettings& a) { fields(a.strict, a.clear_names, a.version, a.changed_at, a.changed_by); }

  // Operations. A field that is added to one of them must be added here: a test changes each and compares. What came
  // later has a kind of its own or stands behind the rest of a whole request, and only when it is used: the bytes of
  // older requests stay what they were.
  void put(const Put& o) {
    fields(o.space, o.name, o.payload, o.cas, o.create_only, o.tags, o.description, o.expires_at, o.attributes);
    if (request_kind(o) == 27) fields(o.caller_owns, o.must_exist, o.write_only, o.read_only);
  }
  void put(const Get& o) { fields(o.space, o.name, o.version, o.with_payload); }
  void put(const UpdateMetadata& o) {
    fields(o.space, o.name, o.set_tags, o.remove_tags, o.description, o.expires_at, o.max_versions, o.cas);
  }
  void put(const Delete& o) { fields(o.space, o.name, o.versions, o.cas, o.only_if_attribute, o.missing_is_ok); }
  void put(const Undelete& o) { fields(o.space, o.name, o.versions); }
  void put(const Destroy& o) {
    fields(o.space, o.name, o.versions);
    if (request_kind(o) == 64) fields(o.must_exist, o.only_if_attribute);
  }
  void put(const History& o) { fields(o.space, o.name); }
  void put(const List& o) {
    fields(o.space, o.prefix, o.tags, o.attribute, o.after, o.limit, o.with_payload, o.byte_limit);
  }
  void put(const BatchGet& o) { fields(o.items); }
  void put(const Check& o) { fields(o.space, o.name, o.version); }
  void put(const Transact& o) { fields(o.operations); }
  void put(const CreateToken& o) {
    fields(o.description, o.scopes, o.expires_at);
    if (!o.addresses.empty() || o.renewable || o.max_ttl != 0) fields(o.addresses, o.renewable, o.max_ttl);
  }
  void put(const ListTokens&) {}
  void put(const RevokeToken& o) { fields(o.id); }
  void put(const PutIssuer& o) { fields(o.issuer); }
  void put(const DeleteIssuer& o) { fields(o.name); }
  void put(const ListIssuers&) {}
  void put(const PutCertificateRule& o) { fields(o.rule); }
  void put(const DeleteCertificateRule& o) { fields(o.name); }
  void put(const ListCertificateRules&) {}
  void put(const SetPermission& o) {
    fields(o.space, o.name, o.subject, o.level ? static_cast<std::uint64_t>(*o.level) : std::uint64_t{0});
  }
  void put(const GetQuota&) {}
  void put(const Watch& o) { fields(o.space, o.prefix, to_number(o.from), o.wait_ms, o.limit); }
  void put(const TendTenant& o) { fields(static_cast<std::uint64_t>(o.what), o.rows); }
  void put(const KeyVersionInfo& v) { fields(v.version, v.created_at, v.current); }
  void put(const SetQuota::Change& c) { fields(static_cast<std::uint64_t>(c.limit), c.value); }
  void put(const SetQuota& o) { fields(o.changes); }
  void put(const ChangeDocument& o) {
    fields(static_cast<std::uint64_t>(o.kind), o.action, o.space, o.name, o.payload, o.attributes, o.where, o.unique,
           o.reference, o.reference_space, o.list);
  }
  void put(const ChangeDocument::ListChange& c) { fields(c.attribute, c.item, c.adds); }
  void put(const Restriction& r) { fields(r.attribute, r.values, r.or_absent); }
  void put(const std::map<std::string, std::optional<std::string>>& pairs) {
    put(static_cast<std::uint64_t>(pairs.size()));
    for (const auto& [key, value] : pairs) fields(key, value);
  }
  // Reads are never compared with a retried one.
  void put(const ReadDocument& o) { fields(o.action, o.space, o.name); }
  void put(const Query& o) { fields(o.action, o.space); }
  void put(const GetAudit& o) { fields(o.space, o.name); }
  void put(const SetAudit& o) { fields(o.strict, o.clear_names); }
  void put(const FenceTenant& o) { fields(o.number, o.to.value, o.trace, o.since, o.after); }
  void put(const ReadMoving& o) { fields(o.number, o.after, o.bytes, o.live, o.changed, o.trace, o.since); }
  void put(const LookupSelf&) {}
  void put(const RenewSelf& o) { fields(o.ttl); }
  void put(const RevokeSelf&) {}
  void put(const GetPolicy&) {}
  void put(const ApplyPolicy& o) { fields(o.policy.roles, o.policy.bindings, o.expected, o.dry_run); }
  void put(const std::variant<Put, Delete, Check, Destroy>& operation) {
    std::visit([this](const auto& o) { put(request_kind(o)), put(o); }, operation);
  }

  static std::uint64_t request_kind(const Put& o) {
    if (o.must_exist || o.write_only || o.read_only) return 27;
    return o.caller_owns ? 26 : 1;
  }
  static std::uint64_t request_kind(const Get& o) { return o.inject ? 28 : 2; }
  static std::uint64_t request_kind(const UpdateMetadata&) { return 3; }
  static std::uint64_t request_kind(const Delete&) { return 4; }
  static std::uint64_t request_kind(const Undelete&) { return 5; }
  static std::uint64_t request_kind(const Destroy& o) { return o.only_if_attribute ? 64 : o.must_exist ? 29 : 6; }
  static std::uint64_t request_kind(const History&) { return 7; }
  static std::uint64_t request_kind(const List&) { return 8; }
  static std::uint64_t request_kind(const BatchGet&) { return 9; }
  static std::uint64_t request_kind(const Transact&) { return 10; }
  static std::uint64_t request_kind(const CreateToken&) { return 11; }
  static std::uint64_t request_kind(const ListTokens&) { return 12; }
  static std::uint64_t request_kind(const RevokeToken&) { return 13; }
  static std::uint64_t request_kind(const Check&) { return 14; }
  static std::uint64_t request_kind(const PutIssuer&) { return 40; }
  static std::uint64_t request_kind(const DeleteIssuer&) { return 41; }
  static std::uint64_t request_kind(const ListIssuers&) { return 42; }
  static std::uint64_t request_kind(const PutCertificateRule&) { return 43; }
  static std::uint64_t request_kind(const DeleteCertificateRule&) { return 44; }
  static std::uint64_t request_kind(const ListCertificateRules&) { return 45; }
  static std::uint64_t request_kind(const TendTenant&) { return 50; }
  static std::uint64_t request_kind(const GetQuota&) { return 60; }
  static std::uint64_t request_kind(const Watch&) { return 70; }
  static std::uint64_t request_kind(const SetQuota&) { return 61; }
  static std::uint64_t request_kind(const ChangeDocument&) { return 80; }
  static std::uint64_t request_kind(const ReadDocument&) { return 81; }
  static std::uint64_t request_kind(const Query&) { return 82; }
  static std::uint64_t request_kind(const GetAudit&) { return 75; }
  static std::uint64_t request_kind(const SetAudit&) { return 76; }
  static std::uint64_t request_kind(const FenceTenant&) { return 90; }
  static std::uint64_t request_kind(const ReadMoving&) { return 91; }
  static std::uint64_t request_kind(const GetPolicy&) { return 20; }
  static std::uint64_t request_kind(const ApplyPolicy&) { return 21; }
  static std::uint64_t request_kind(const SetPermission&) { return 22; }
  static std::uint64_t request_kind(const LookupSelf&) { return 23; }
  static std::uint64_t request_kind(const RenewSelf&) { return 24; }
  static std::uint64_t request_kind(const RevokeSelf&) { return 25; }

  template <class... Fields>
  void fields(const Fields&... values) {
    (put(values), ...);
  }

 private:
  wire::Writer writer_;
};

// Reads what the Encoder wrote of replies.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : reader_(bytes) {}
  bool finished() const { return reader_.ok() && reader_.at_end(); }

  void get(bool& value) { value = reader_.boolean(); }
  void get(std::uint64_t& value) { value = reader_.varint(); }
  void get(std::uint32_t& value) {
    const std::uint64_t wide = reader_.varint();
    if (wide > UINT32_MAX) reader_.fail();
    value = static_cast<std::uint32_t>(wide);
  }
  void get(TimeMs& value) { value = reader_.signed_varint(); }
  void get(std::string& value) { value = reader_.string(); }
  void get(State& value) {
    const std::uint64_t number = reader_.varint();
    if (number < 1 || number > 3) reader_.fail();
    value = static_cast<State>(number);
  }
  template <class T>
  void get(std::optional<T>& value) {
    if (reader_.boolean()) get(value.emplace());
  }
  /// A limit that came later is not in an older reply.
  template <class T, std::size_t N>
  void get(std::array<T, N>& values) {
    const std::size_t n = reader_.count();
    if (n > N) reader_.fail();
    for (std::size_t i = 0; i < n && reader_.ok(); ++i) get(values[i]);
  }
  template <class T>
  void get(std::vector<T>& values) {
    const std::size_t n = reader_.count();
    for (std::size_t i = 0; i < n && reader_.ok(); ++i) get(values.emplace_back());
  }
  void get(std::map<std::string, std::string>& pairs) {
    const std::size_t n = reader_.count();
    for (std::size_t i = 0; i < n && reader_.ok(); ++i) {
      std::string key = reader_.string();
      if (!pairs.empty() && !(pairs.rbegin()->first < key)) reader_.fail();
      pairs.emplace_hint(pairs.end(), std::move(key), reader_.string());
    }
  }
  void get(Level& level) {
    const std::uint64_t number = reader_.varint();
    if (number < 1 || number > 3) reader_.fail();
    level = static_cast<Level>(number);
  }
  void get(Permission& p) { fields(p.subject, p.level); }
  void get(Scope& scope) { fields(scope.capabilities, scope.spaces, scope.names); }
  void get(Version& v) { fields(v.number, v.state, v.created_at, v.created_by, v.deleted_at, v.payload_bytes); }
  void get(Entry& e) {
    fields(e.space, e.name, e.description, e.owner, e.tags, e.attributes, e.created_at, e.updated_at, e.created_by,
           e.expires_at, e.max_versions, e.last_version, e.versions, e.write_only, e.read_only);
  }
  void get(TokenInfo& t) {
    fields(t.id, t.description, t.created_by, t.scopes, t.created_at, t.expires_at, t.revoked_at);
  }

  void get(ClaimMapping& c) { fields(c.tenant, c.principal, c.roles, c.kind, c.service); }
  void get(Issuer& i) {
    fields(i.name, i.iss, i.public_keys, i.jwks, i.jwks_url, i.jwks_ca, i.audiences, i.algorithms, i.clock_skew_s,
           i.mapping, i.claims, i.version, i.changed_at, i.changed_by);
  }
  void get(KeyVersionInfo& v) { fields(v.version, v.created_at, v.current); }
  void get(Quota& q) { fields(q.values, q.version, q.changed_at, q.changed_by); }
  void get(AuditSettings& a) { fields(a.strict, a.clear_names, a.version, a.changed_at, a.changed_by); }
  void get(CertificateRule& r) { fields(r.name, r.san, r.principal, r.roles, r.version, r.changed_at, r.changed_by); }

  template <class... Fields>
  void fields(Fields&... values) {
    (get(values), ...);
  }

 private:
  wire::Reader reader_;
};

// The kinds with "_more" are those without it and what came to them later; a reply that does not need that is written
// in the older form.
enum class ReplyKind : std::uint8_t {
  entry = 1,
  del = 2,
  transact = 3,
  token = 4,
  policy = 20,
  entry_more = 21,  // permissions
  token_more = 22,  // addresses, renewable, ttl, max_expires_at
  issuer = 40,
  certificate_rule = 41,
  tenant_keys = 50,
  quota = 60,
  audit = 75,
};

void put_header(Secret* out, std::uint64_t kind) {
  const char header[2] = {static_cast<char>(kFormat), static_cast<char>(kind)};
  out->append({header, sizeof header});
}

Error damaged(const char* what) { return {Code::data_loss, std::string("stored reply: ") + what}; }

// Most of a request is its payload: with room for it, a request is copied once.
std::size_t size_hint(const TenantOperation& operation) {
  constexpr std::size_t kRest = 256;
  const auto* put = std::get_if<Put>(&operation);
  if (const auto* change = std::get_if<ChangeDocument>(&operation)) {
    return kRest + (change->payload ? change->payload->size() : 0);
  }
  return kRest + (put ? put->payload.size() + 4 * put->payload.map.size() : 0);
}

}  // namespace

Secret canonical_request(const TenantOperation& operation) {
  Secret out;
  out.reserve(size_hint(operation));
  std::visit(
      [&](const auto& o) {
        put_header(&out, Encoder::request_kind(o));
        Encoder(&out).put(o);
      },
      operation);
  return out;
}

Secret encode_reply(const ReplyBody& body) {
  Secret out;
  Encoder encoder(&out);
  const auto header = [&](ReplyKind kind) { put_header(&out, static_cast<std::uint64_t>(kind)); };
  if (const auto* entry = std::get_if<EntryReply>(&body)) {
    const bool more = !entry->entry.permissions.empty();
    header(more ? ReplyKind::entry_more : ReplyKind::entry);
    encoder.fields(entry->entry, entry->version);
    if (more) encoder.fields(entry->entry.permissions);
  } else if (const auto* del = std::get_if<DeleteReply>(&body)) {
    header(ReplyKind::del);
    encoder.fields(del->count, del->entry);
  } else if (const auto* transact = std::get_if<TransactReply>(&body)) {
    header(ReplyKind::transact);
    encoder.fields(transact->versions);
  } else if (const auto* token = std::get_if<TokenReply>(&body)) {
    const TokenInfo& t = token->token;
    const bool more = !t.addresses.empty() || t.renewable;
    header(more ? ReplyKind::token_more : ReplyKind::token);
    encoder.fields(t);
    if (more) encoder.fields(t.addresses, t.renewable, t.ttl, t.max_expires_at);
  } else if (const auto* policy = std::get_if<PolicyReply>(&body)) {
    header(ReplyKind::policy);
    encoder.fields(policy->policy.version, policy->policy.changed_at, policy->policy.changed_by, policy->difference);
  } else if (const auto* issuer = std::get_if<IssuerReply>(&body)) {
    header(ReplyKind::issuer);
    encoder.fields(issuer->issuer);
  } else if (const auto* rule = std::get_if<CertificateRuleReply>(&body)) {
    header(ReplyKind::certificate_rule);
    encoder.fields(rule->rule);
  } else if (const auto* quota = std::get_if<QuotaReply>(&body)) {
    header(ReplyKind::quota);
    encoder.fields(quota->own, quota->limits.values, quota->entries, quota->bytes);
  } else if (const auto* keys = std::get_if<TenantKeysReply>(&body)) {
    header(ReplyKind::tenant_keys);
    encoder.fields(keys->data_keys, keys->cluster_key, keys->seals, keys->seal_limit, keys->rows, keys->more);
  } else if (const auto* audit = std::get_if<AuditReply>(&body)) {
    header(ReplyKind::audit);
    encoder.fields(audit->settings);
  } else {
    assert(false && "only replies of mutations are stored");
  }
  return out;
}

Result<ReplyBody> decode_reply(std::string_view bytes) {
  if (bytes.size() < 2) return damaged("it is cut");
  if (static_cast<unsigned char>(bytes[0]) != kFormat) return damaged("its format is not known to this program");
  Decoder decoder(bytes.substr(2));
  ReplyBody body;
  const auto kind = static_cast<ReplyKind>(bytes[1]);
  switch (kind) {
    case ReplyKind::entry:
    case ReplyKind::entry_more: {
      auto& reply = body.emplace<EntryReply>();
      decoder.fields(reply.entry, reply.version);
      if (kind == ReplyKind::entry_more) {
        decoder.fields(reply.entry.permissions);
        if (reply.entry.permissions.empty()) return damaged("it has a longer form than it needs");
      }
      break;
    }
    case ReplyKind::del: {
      auto& reply = body.emplace<DeleteReply>();
      decoder.fields(reply.count, reply.entry);
      break;
    }
    case ReplyKind::transact: decoder.fields(body.emplace<TransactReply>().versions); break;
    case ReplyKind::token:
    case ReplyKind::token_more: {
      TokenInfo& t = body.emplace<TokenReply>().token;
      decoder.fields(t);
      if (kind == ReplyKind::token_more) {
        decoder.fields(t.addresses, t.renewable, t.ttl, t.max_expires_at);
        if (t.addresses.empty() && !t.renewable) return damaged("it has a longer form than it needs");
      }
      break;
    }
    case ReplyKind::policy: {
      auto& reply = body.emplace<PolicyReply>();
      decoder.fields(reply.policy.version, reply.policy.changed_at, reply.policy.changed_by, reply.difference);
      break;
    }
    case ReplyKind::issuer: decoder.fields(body.emplace<IssuerReply>().issuer); break;
    case ReplyKind::certificate_rule: decoder.fields(body.emplace<CertificateRuleReply>().rule); break;
    case ReplyKind::tenant_keys: {
      auto& reply = body.emplace<TenantKeysReply>();
      decoder.fields(reply.data_keys, reply.cluster_key, reply.seals, reply.seal_limit, reply.rows, reply.more);
      break;
    }
    case ReplyKind::audit: decoder.fields(body.emplace<AuditReply>().settings); break;
    case ReplyKind::quota: {
      auto& reply = body.emplace<QuotaReply>();
      decoder.fields(reply.own, reply.limits.values, reply.entries, reply.bytes);
      break;
    }
    default: return damaged("its kind is not known to this program");
  }
  if (!decoder.finished()) return damaged("its fields are cut or malformed");
  return body;
}

}  // namespace coffer::model

// See replies.hpp.

#include "net/native/replies.hpp"

#include "crypto/hash.hpp"
#include "net/page_token.hpp"
#include "net/timestamps.hpp"

namespace coffer::net::native {
namespace {

/// The fields that Metadata and Secret share, whose names are the same in both.
template <class Out>
void write_metadata(const model::Entry& entry, std::uint64_t number, Out* out) {
  const model::Version* version = entry.find(number);
  out->set_name(entry.name);
  out->set_space(entry.space);
  out->set_version(number);
  out->set_state(std::string(model::to_string(version ? version->state : entry.state())));
  out->mutable_tags()->insert(entry.tags.begin(), entry.tags.end());
  out->set_description(entry.description);
  if (entry.expires_at > 0) to_timestamp(entry.expires_at, out->mutable_expires_at());
  if (entry.created_at > 0) to_timestamp(entry.created_at, out->mutable_created_at());
  if (entry.updated_at > 0) to_timestamp(entry.updated_at, out->mutable_updated_at());
  out->set_created_by(entry.created_by);
  out->set_max_versions(entry.max_versions);
}

/// Each part behind its length, so that no two states read alike.
void append_part(std::string_view part, std::string* out) {
  out->append(std::to_string(part.size())).append(":").append(part);
}

/// What a Get shows beside the payload, which its version and the secret's time of making tell. The times alone would
/// not do: a clock may stand still, and two changes may fall into one millisecond.
std::string shown_metadata(const model::EntryReply& reply) {
  const model::Entry& entry = reply.entry;
  const model::Version* version = entry.find(reply.version);
  std::string out;
  for (const std::int64_t time : {entry.created_at, entry.updated_at, entry.expires_at}) {
    append_part(std::to_string(time), &out);
  }
  append_part(std::to_string(entry.max_versions), &out);
  append_part(model::to_string(version ? version->state : entry.state()), &out);
  append_part(entry.created_by, &out);
  append_part(entry.description, &out);
  for (const auto& [key, value] : entry.tags) {
    append_part(key, &out);
    append_part(value, &out);
  }
  return out;
}

void write_payload(const model::Payload& payload, v1::Secret* out) {
  switch (payload.kind) {
    case model::PayloadKind::map:
      for (const auto& [key, value] : payload.map) (*out->mutable_data())[key] = std::string(value.expose());
      return;
    case model::PayloadKind::bytes: out->set_value_base64(std::string(payload.content.expose())); return;
    case model::PayloadKind::text:
    case model::PayloadKind::json: out->set_value(std::string(payload.content.expose())); return;
  }
}

}  // namespace

void to_message(const model::Entry& entry, std::uint64_t version, v1::Metadata* out) {
  write_metadata(entry, version, out);
}

void to_message(const model::EntryReply& reply, v1::Secret* out) {
  write_metadata(reply.entry, reply.version, out);
  if (reply.payload) write_payload(*reply.payload, out);
}

void to_message(const model::HistoryReply& reply, v1::HistoryResponse* out) {
  for (const model::Version& version : reply.versions) {
    auto* row = out->add_versions();
    row->set_version(version.number);
    row->set_state(std::string(model::to_string(version.state)));
    if (version.created_at > 0) to_timestamp(version.created_at, row->mutable_created_at());
    row->set_created_by(version.created_by);
  }
}

void to_message(const model::ListReply& reply, model::Revision revision, const v1::ListRequest& in,
                v1::ListResponse* out) {
  out->set_revision(model::to_number(revision));
  for (const model::EntryReply& entry : reply.entries) write_metadata(entry.entry, entry.version, out->add_secrets());
  if (reply.more && !reply.entries.empty()) {
    out->set_next_page_token(
        make_page_token({in.tenant(), in.space(), in.prefix(), in.filter()}, reply.entries.back().entry.name));
  }
}

void to_message(const model::BatchGetReply& reply, const v1::BatchGetRequest& in, v1::BatchGetResponse* out) {
  for (int i = 0; i < in.secrets_size(); ++i) {
    auto* row = out->add_results();
    row->set_space(in.secrets(i).space());
    row->set_name(in.secrets(i).name());
    const auto& result = reply.results[static_cast<std::size_t>(i)];
    if (result.ok()) {
      to_message(result.value(), row->mutable_secret());
    } else {
      row->mutable_error()->set_code(std::string(model::info(result.error().code).name));
      row->mutable_error()->set_message(std::string(result.error().message()));
    }
  }
}

void to_message(const model::TransactReply& reply, model::Revision revision, v1::TransactResponse* out) {
  out->set_revision(model::to_number(revision));
  for (std::uint64_t version : reply.versions) out->add_results()->set_version(version);
}

std::string entity_tag(const model::EntryReply& reply) {
  constexpr std::size_t kTagBytes = 8;  // of the hash: enough for the few states that a version's metadata has
  const std::string seen = crypto::sha256(shown_metadata(reply));
  return '"' + std::to_string(reply.version) + '-' + crypto::hex(std::string_view(seen).substr(0, kTagBytes)) + '"';
}

bool matches_entity_tag(std::string_view if_none_match, std::string_view tag) {
  while (!if_none_match.empty()) {
    const std::size_t comma = if_none_match.find(',');  // none of our tags holds one
    std::string_view one = if_none_match.substr(0, comma);
    if_none_match.remove_prefix(comma == std::string_view::npos ? if_none_match.size() : comma + 1);
    while (!one.empty() && (one.front() == ' ' || one.front() == '\t')) one.remove_prefix(1);
    while (!one.empty() && (one.back() == ' ' || one.back() == '\t')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == tag) return true;
  }
  return false;
}

void to_message(const model::Entry& entry, v1::Permissions* out) {
  out->set_owner(entry.owner);
  for (const model::Permission& permission : entry.permissions) {
    auto* row = out->add_permissions();
    row->set_subject(permission.subject);
    row->set_level(std::string(model::to_string(permission.level)));
  }
}

void to_message(const model::TokenInfo& token, v1::Token* out) {
  out->set_id(token.id);
  out->set_description(token.description);
  for (const model::Scope& scope : token.scopes) {
    auto* row = out->add_scopes();
    for (std::uint32_t bit = 1; bit <= model::kAllCapabilities; bit <<= 1) {
      if ((scope.capabilities & bit) == 0) continue;
      row->add_capabilities(std::string(model::to_string(static_cast<model::Capability>(bit))));
    }
    row->mutable_spaces()->Assign(scope.spaces.begin(), scope.spaces.end());
    row->mutable_names()->Assign(scope.names.begin(), scope.names.end());
  }
  if (token.created_at > 0) to_timestamp(token.created_at, out->mutable_created_at());
  if (token.expires_at > 0) to_timestamp(token.expires_at, out->mutable_expires_at());
  if (token.max_expires_at > 0) to_timestamp(token.max_expires_at, out->mutable_max_expires_at());
  if (token.revoked_at > 0) to_timestamp(token.revoked_at, out->mutable_revoked_at());
  out->set_renewable(token.renewable);
  out->mutable_addresses()->Assign(token.addresses.begin(), token.addresses.end());
  out->set_created_by(token.created_by);
}

}  // namespace coffer::net::native

// How a tenant is audited: its settings, one sealed row, and what the audit trail is told of a request beyond who asked
// and what came out. See tenant_core.hpp.

#include <algorithm>
#include <cstring>

#include "actors/tenant_mutation.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

/// So many secrets of one request are named; beyond, the record says how many there were.
constexpr std::size_t kMostItems = 1000;

void add_word(std::string& details, std::string_view key, std::string_view value) {
  if (!details.empty()) details += ' ';
  details.append(key).append("=").append(value);
}
void add_word(std::string& details, std::string_view key, bool value) {
  add_word(details, key, std::string_view(value ? "true" : "false"));
}

}  // namespace

model::Result<model::AuditSettings> TenantCore::stored_audit(bool latest) {
  auto sealed = row(storage::kAuditRow, latest);
  if (!sealed) return sealed.error();
  if (!sealed->has_value()) return model::AuditSettings{};
  auto opened = sealer_.open(**sealed, crypto::row_identity(identity_.tenant.view(), storage::kAuditRow));
  if (!opened) return opened.error();
  return decode_audit_settings(opened->expose());
}

/// Errors: data_loss, disk_error.
model::Status TenantCore::load_audit() {
  auto stored = stored_audit(false);
  if (!stored) return stored.error();
  audit_ = std::move(*stored);
  return {};
}

/// From here on whatever the call is answered is noted. `principal` is null when nobody was recognised.
void TenantCore::note(AuditNote& note, std::shared_ptr<const model::Principal> principal) const {
  if (deps_.audit == nullptr) return;
  note.port = deps_.audit;
  note.tenant = identity_.tenant;
  note.principal = std::move(principal);
  note.strict = audit_.strict;
  note.clear_names = audit_.clear_names;
}

void TenantCore::note_entry(AuditNote& note, const std::string& hash) const {
  if (note.port == nullptr || hash.size() != note.entry.size()) return;
  std::memcpy(note.entry.data(), hash.data(), note.entry.size());
  note.has_entry = true;
}

void TenantCore::note_item(AuditNote& note, const std::string& hash, Code code) const {
  if (note.port == nullptr || hash.size() != model::NameHash{}.size() || note.items.size() >= kMostItems) return;
  model::AuditItem& item = note.items.emplace_back();
  std::memcpy(item.entry.data(), hash.data(), item.entry.size());
  item.code = code;
}

/// What the write set's record says of a change besides the entry: never a value, and names only on the tenant's wish.
void TenantCore::describe(const model::TenantOperation& operation, Mutation& mutation) const {
  std::string details;
  std::string_view space, name;
  if (const auto* put = std::get_if<model::Put>(&operation)) {
    space = put->space, name = put->name;
    if (put->space == model::kTapisSpace) {
      const auto pod = put->attributes.find("pod_id");
      const bool of_pod = pod != put->attributes.end() && !pod->second.empty();
      add_word(details, "scope", std::string_view(of_pod ? "pod" : "user"));
      if (of_pod) add_word(details, "pod_id", pod->second);
      add_word(details, "readable", !put->write_only);
      add_word(details, "writable", !put->read_only);
    }
  } else if (const auto* del = std::get_if<model::Delete>(&operation)) {
    space = del->space, name = del->name;
  } else if (const auto* several = std::get_if<model::Transact>(&operation)) {
    add_word(details, "operations", std::to_string(several->operations.size()));
  } else if (const auto* permission = std::get_if<model::SetPermission>(&operation)) {
    space = permission->space, name = permission->name;
  } else if (const auto* update = std::get_if<model::UpdateMetadata>(&operation)) {
    space = update->space, name = update->name;
  } else if (const auto* destroy = std::get_if<model::Destroy>(&operation)) {
    space = destroy->space, name = destroy->name;
  } else if (const auto* undelete = std::get_if<model::Undelete>(&operation)) {
    space = undelete->space, name = undelete->name;
  } else if (const auto* audit = std::get_if<model::SetAudit>(&operation)) {
    if (audit->strict) add_word(details, "strict", *audit->strict);
    if (audit->clear_names) add_word(details, "clear_names", *audit->clear_names);
  }
  if (!details.empty() && mutation.audit.details().empty()) mutation.audit.set_details(std::move(details));
  if (!audit_.clear_names || name.empty()) return;
  mutation.audit.set_space(std::string(space));
  mutation.audit.set_name(std::string(name));
}

model::Result<model::ReplyBody> TenantCore::get_audit(const Caller& caller, const model::GetAudit& get) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  return model::ReplyBody(model::AuditReply{audit_, get.name.empty() ? "" : entry_hash(get.space, get.name)});
}

/// Takes effect with the next request that is decided after the commit.
model::Result<model::ReplyBody> TenantCore::set_audit(const Caller& caller, const model::SetAudit& set,
                                                      Mutation& mutation) {
  if (!caller.may_administer) return Error(Code::permission_denied);
  auto settings = stored_audit(true);
  if (!settings) return settings.error();
  settings->strict = set.strict.value_or(settings->strict);
  settings->clear_names = set.clear_names.value_or(settings->clear_names);
  ++settings->version;
  settings->changed_at = mutation.now;
  settings->changed_by = mutation.principal;
  mutation.rows.push_back(
      {storage::kAuditRow, sealer_.seal(encode_audit_settings(*settings),
                                        crypto::row_identity(identity_.tenant.view(), storage::kAuditRow))});
  mutation.audit_settings = *settings;
  return model::ReplyBody(model::AuditReply{std::move(*settings), {}});
}

}  // namespace coffer::actors

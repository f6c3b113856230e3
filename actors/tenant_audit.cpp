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

/// What a Tapis secret is like, in its contract's words.
void add_secret(std::string& details, const model::Entry& entry) {
  const auto pod = entry.attributes.find("pod_id");
  const bool of_pod = pod != entry.attributes.end() && !pod->second.empty();
  add_word(details, "scope", std::string_view(of_pod ? "pod" : "user"));
  if (of_pod) add_word(details, "pod_id", pod->second);
  add_word(details, "readable", !entry.write_only);
  add_word(details, "writable", !entry.read_only);
}

/// The method of the Tapis door that makes such an operation.
std::string_view method_of(const model::TenantOperation& operation) {
  if (std::holds_alternative<model::Destroy>(operation)) return "DELETE";
  const auto* put = std::get_if<model::Put>(&operation);
  const bool updates = std::holds_alternative<model::UpdateMetadata>(operation) || (put != nullptr && put->must_exist);
  return updates ? "PUT" : "POST";
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

void TenantCore::note_item(AuditNote& note, const std::string& hash, Code code, std::string_view action) const {
  if (note.port == nullptr || hash.size() != model::NameHash{}.size() || note.items.size() >= kMostItems) return;
  model::AuditItem& item = note.items.emplace_back();
  std::memcpy(item.entry.data(), hash.data(), item.entry.size());
  item.code = code;
  item.action = action;
}

/// Of a render each token is noted, with what became of it; `codes` are those of the batch's items.
void TenantCore::note_render(AuditNote& note, const model::BatchGet& batch, std::string_view actor,
                             const std::vector<Code>& codes) {
  if (note.port == nullptr) return;
  for (const model::RenderNote& one : batch.notes) {
    const bool foreign = !one.owner.empty() && one.owner != actor;
    const std::size_t before = note.items.size();
    if (one.item != 0 && one.item <= batch.items.size()) {
      const model::Get& get = batch.items[one.item - 1];
      note_item(note, entry_hash(get.space, get.name), foreign ? Code::not_owned : codes[one.item - 1],
                foreign ? "validate" : model::operation_name(get));
    } else if ((one.owner.empty() || foreign) && before < kMostItems) {
      model::AuditItem& item = note.items.emplace_back();
      item.has_entry = false;
      item.code = foreign ? Code::not_owned : Code::invalid_argument;
      item.action = one.invalid || foreign ? "validate" : "resolve";
    }
    if (note.items.size() == before) continue;
    note.items.back().details = one.details;
    if (foreign) add_word(note.items.back().details, "owner", one.owner);
  }
}

/// Of a request through the Tapis door its contract also wants to know what the secret is like.
void TenantCore::note_secret(AuditNote& note, const model::Request& request, const EntryPtr& entry) const {
  if (note.port == nullptr || request.info.door != model::Door::tapis || !entry) return;
  const auto* operation = std::get_if<model::TenantOperation>(&request.operation);
  if (operation != nullptr && model::is_mutation(*operation)) add_word(note.details, "method", method_of(*operation));
  add_secret(note.details, *entry);
}

/// What the write set's record says of a change besides the entry: never a value, and names only on the tenant's wish.
void TenantCore::describe(const model::TenantOperation& operation, const model::ReplyBody& reply,
                          Mutation& mutation) const {
  std::string details;
  std::string_view space, name;
  if (const auto* put = std::get_if<model::Put>(&operation)) {
    space = put->space, name = put->name;
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
  if (const auto* of = std::get_if<model::EntryReply>(&reply); of != nullptr && space == model::kTapisSpace) {
    // A secret is made by a Put of its own kind, so that every other one changes the value.
    const auto* put = std::get_if<model::Put>(&operation);
    if (put == nullptr ? std::holds_alternative<model::UpdateMetadata>(operation) : !put->create_only) {
      add_word(details, "updated_value", put != nullptr);
    }
    if (!std::holds_alternative<model::SetPermission>(operation)) add_secret(details, of->entry);
  }
  if (!details.empty() && mutation.audit.details().empty()) mutation.audit.set_details(std::move(details));
  if (!audit_.clear_names || name.empty()) return;
  mutation.audit.set_space(std::string(space));
  mutation.audit.set_name(std::string(name));
}

/// One secret of a change that concerns several. The record is about all of them then, none stands for the others.
void TenantCore::audit_operation(std::string_view action, const std::string& space, const std::string& name,
                                 std::uint64_t version, Mutation& mutation) {
  mutation.audit.clear_space_hash();
  mutation.audit.clear_entry_hash();
  mutation.audit.clear_version();
  store::v1::AuditedOperation& one = *mutation.audit.add_operations();
  one.set_action(std::string(action));
  one.set_entry_hash(entry_hash(space, name));
  one.set_version(version);
  if (!audit_.clear_names) return;
  one.set_space(space);
  one.set_name(name);
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

// What the audit trail is told when a call is answered; see call_handle.hpp. Any thread.

#include <new>

#include "actors/call_handle.hpp"
#include "crypto/hash.hpp"
#include "model/operators.hpp"
#include "model/rules.hpp"

namespace coffer::actors {
namespace {

using model::Code;
using model::CredentialKind;

std::string_view action_of(const model::Request& request) {
  if (const auto* tenant = std::get_if<model::TenantOperation>(&request.operation)) {
    return model::operation_name(*tenant);
  }
  struct Namer {
    std::string_view operator()(const model::CreateTenant&) const { return "create_tenant"; }
    std::string_view operator()(const model::GetTenant&) const { return "get_tenant"; }
    std::string_view operator()(const model::ListTenants&) const { return "list_tenants"; }
    std::string_view operator()(const model::DeleteTenant&) const { return "delete_tenant"; }
    std::string_view operator()(const model::OpenDoor&) const { return "open_door"; }
    std::string_view operator()(const model::GetClusterStatus&) const { return "get_cluster_status"; }
    std::string_view operator()(const model::CreateJoinToken&) const { return "create_join_token"; }
    std::string_view operator()(const model::JoinNode&) const { return "join_node"; }
    std::string_view operator()(const model::RenewNodeCertificate&) const { return "renew_node_certificate"; }
    std::string_view operator()(const model::AnnounceNode&) const { return "announce_node"; }
    std::string_view operator()(const model::DrainNode&) const { return "drain_node"; }
    std::string_view operator()(const model::RemoveNode&) const { return "remove_node"; }
    std::string_view operator()(const model::BalanceCluster&) const { return "balance_cluster"; }
    std::string_view operator()(const model::TransferLeadership&) const { return "transfer_leadership"; }
    std::string_view operator()(const model::UndeleteTenant&) const { return "undelete_tenant"; }
    std::string_view operator()(const model::PurgeTenant&) const { return "purge_tenant"; }
    std::string_view operator()(const model::ChangeKeys&) const { return "change_keys"; }
    std::string_view operator()(const model::AddOperator&) const { return "add_operator"; }
    std::string_view operator()(const model::AdoptTenant&) const { return "adopt_tenant"; }
    std::string_view operator()(const model::CreateOperator&) const { return "create_operator"; }
    std::string_view operator()(const model::ListOperators&) const { return "list_operators"; }
    std::string_view operator()(const model::RevokeOperator&) const { return "revoke_operator"; }
    std::string_view operator()(const model::GetSeals&) const { return "get_seals"; }
    std::string_view operator()(const model::Unseal&) const { return "unseal"; }
    std::string_view operator()(const model::SealNode&) const { return "seal_node"; }
    std::string_view operator()(const model::AddSeal&) const { return "add_seal"; }
    std::string_view operator()(const model::VerifyShare&) const { return "verify_share"; }
    std::string_view operator()(const model::RemoveSeal&) const { return "remove_seal"; }
    std::string_view operator()(const model::RegenerateToken&) const { return "regenerate_token"; }
    std::string_view operator()(const model::GetKeys&) const { return "get_keys"; }
    std::string_view operator()(const model::RotateKeys&) const { return "rotate_keys"; }
    std::string_view operator()(const model::SetReseal&) const { return "set_reseal"; }
    std::string_view operator()(const model::StartBackup&) const { return "start_backup"; }
    std::string_view operator()(const model::ExportTenant&) const { return "export_tenant"; }
    std::string_view operator()(const model::ReadBackup&) const { return "read_backup"; }
    std::string_view operator()(const model::ImportTenant&) const { return "import_tenant"; }
    std::string_view operator()(const model::WriteImport&) const { return "write_import"; }
    std::string_view operator()(const model::FinishImport&) const { return "finish_import"; }
    std::string_view operator()(const model::MoveTenant&) const { return "move_tenant"; }
    std::string_view operator()(const model::AdvanceMove&) const { return "advance_move"; }
    std::string_view operator()(const model::PauseMoves&) const { return "pause_moves"; }
    std::string_view operator()(const model::AddGroups&) const { return "add_groups"; }
    std::string_view operator()(const model::TendKeys&) const { return "tend_keys"; }
  };
  if (const auto* directory = std::get_if<model::DirectoryOperation>(&request.operation)) {
    return std::visit(Namer{}, *directory);
  }
  return std::visit(Namer{}, std::get<model::KeeperOperation>(request.operation));
}

/// Who presented the credential, when the shard did not come to recognise him. Empty: nobody can say.
std::string claimed_principal(const model::Credential& credential) {
  constexpr std::size_t kShown = 8;  // bytes of a token's hash that its id shows
  switch (credential.kind) {
    case CredentialKind::token: return "token:" + crypto::hex(credential.token_hash.substr(0, kShown));
    case CredentialKind::operator_:
    case CredentialKind::dev_root: return model::operator_principal(credential);
    case CredentialKind::jwt:
    case CredentialKind::certificate:
    case CredentialKind::node: return credential.principal;
    case CredentialKind::open_door: return "door:" + std::string(to_string(credential.door));
    case CredentialKind::presented:
    case CredentialKind::none: break;
  }
  return {};
}

/// The one secret that the request names, for a tenant that wants its names in clear.
void name_entry(const model::Request& request, model::AuditEvent& event) {
  const auto* tenant = std::get_if<model::TenantOperation>(&request.operation);
  if (tenant == nullptr) return;
  std::visit(
      [&event]<class T>(const T& operation) {
        if constexpr (requires { operation.space, operation.name; }) {
          event.space = operation.space;
          event.name = operation.name;
        } else if constexpr (std::is_same_v<T, model::List>) {
          event.space = operation.space;
        }
      },
      *tenant);
}

/// Answered to anybody, like a probe.
bool asks_for_seals(const model::Request& request) {
  const auto* keeper = std::get_if<model::KeeperOperation>(&request.operation);
  return keeper != nullptr && std::holds_alternative<model::GetSeals>(*keeper);
}

/// A stranger at the peers' port: whoever reaches it may show tokens for as long as he likes.
bool is_refused_join(const model::Request& request, bool ok) {
  const auto* directory = std::get_if<model::DirectoryOperation>(&request.operation);
  return !ok && directory != nullptr && std::holds_alternative<model::JoinNode>(*directory);
}

void answer_strict(void* context, bool on_disk) {
  auto* call = static_cast<Call*>(context);
  if (!on_disk && call->reply.ok()) {
    // A change that was made stays made; of a read nothing was shown.
    call->reply = model::Error(call->audit.in_write_set ? Code::outcome_unknown : Code::unavailable,
                               "the audit record could not be written, and this tenant's answers wait for theirs");
  }
  call->complete();
}

}  // namespace

void complete_audited(Call* call) noexcept {
  const AuditNote& note = call->audit;
  const bool ok = call->reply.ok();
  if (ok && note.in_write_set && !note.strict) return call->complete();
  // What a node asks itself, to tend keys and backups, is no request; what it changes is in the write sets.
  const model::Credential& credential = call->request.credential;
  if (credential.kind == CredentialKind::operator_ && credential.of_node) return call->complete();
  if (credential.kind == CredentialKind::none && asks_for_seals(call->request)) return call->complete();
  bool given = false;  // to the audit's thread, which completes the call
  try {
    const model::Request& request = call->request;
    model::AuditEvent event;
    std::string claimed;
    if (!note.principal) claimed = claimed_principal(request.credential);
    event.door = request.info.door;
    event.tenant = note.tenant;
    event.principal = note.principal ? std::string_view(note.principal->name) : std::string_view(claimed);
    event.action = action_of(request);
    event.code = ok ? Code::ok : call->reply.error().code;
    event.entry = note.has_entry ? &note.entry : nullptr;
    event.version = note.version;
    if (ok && event.version == 0) {
      if (const auto* entry = std::get_if<model::EntryReply>(&call->reply->body)) event.version = entry->version;
    }
    if (note.clear_names) name_entry(request, event);
    event.address = request.info.address;
    event.request_id = request.info.request_id;
    event.trace = request.info.trace;
    event.details = note.details;
    event.items = note.items.empty() ? nullptr : &note.items;
    // Of what needs no token, holders of shares are known by what they give; a refusal may be anybody's.
    const bool nameless = !note.principal && claimed.empty();
    if (nameless && ok) event.principal = "seal-holder";
    if (event.code == Code::unauthenticated || (nameless && !ok) || is_refused_join(request, ok)) {
      note.port->refused(event);
    } else if (note.strict) {
      note.port->record_strictly(event, call, answer_strict);
      given = true;
    } else {
      note.port->record(event);
    }
  } catch (const std::bad_alloc&) {
    if (note.strict) return answer_strict(call, false);
  }
  if (!given) call->complete();
}

}  // namespace coffer::actors

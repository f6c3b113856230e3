// Who may ask the directory for what, and its calls about operators: who they are and which calls of the admin API each
// may make. Whether an operator may make a call is looked at by the listener (net/admin/capabilities.hpp). See
// directory_core.hpp.

#include <algorithm>

#include "actors/directory_core.hpp"
#include "crypto/hash.hpp"
#include "crypto/token.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::size_t kMostOperators = 1000;
constexpr std::size_t kShownBytes = 8;  // of the token's hash, as its id

model::OperatorInfo info_of(const Operator& op) {
  return {crypto::hex(op.token_hash.substr(0, kShownBytes)),
          op.name,
          op.capabilities,
          op.created_at,
          op.expires_at,
          op.created_by};
}

bool is_full(const Operator& op, model::TimeMs now) {
  return model::operator_may(op.capabilities, model::kEveryCapability) && (op.expires_at == 0 || op.expires_at > now);
}

}  // namespace

/// The principal's name, when he may do it. Doors that are open (--dev) may create and delete through themselves.
model::Result<std::string> DirectoryCore::authorize(const model::Request& request) const {
  const auto& operation = std::get<model::DirectoryOperation>(request.operation);
  switch (request.credential.kind) {
    case model::CredentialKind::node:
      if (std::holds_alternative<model::JoinNode>(operation) ||
          std::holds_alternative<model::RenewNodeCertificate>(operation) ||
          std::holds_alternative<model::AnnounceNode>(operation)) {
        return request.credential.principal;
      }
      return Error(Code::permission_denied);
    case model::CredentialKind::dev_root: return std::string("dev-root");
    case model::CredentialKind::operator_:
      if (request.credential.of_node) return std::string("node");
      if (const auto* purge = std::get_if<model::PurgeTenant>(&operation); purge != nullptr && purge->done) {
        return Error(Code::permission_denied);
      }
      if (std::holds_alternative<model::ChangeKeys>(operation) ||
          std::holds_alternative<model::AddOperator>(operation) ||
          std::holds_alternative<model::AdoptTenant>(operation) ||
          std::holds_alternative<model::AdvanceMove>(operation) ||
          std::holds_alternative<model::PauseMoves>(operation) || std::holds_alternative<model::TendKeys>(operation)) {
        return Error(Code::permission_denied);
      }
      return model::operator_principal(request.credential);
    case model::CredentialKind::open_door:
      if (std::holds_alternative<model::CreateTenant>(operation) ||
          std::holds_alternative<model::DeleteTenant>(operation)) {
        return "door:" + std::string(to_string(request.credential.door));
      }
      return Error(Code::permission_denied);
    case model::CredentialKind::jwt:
      // The dev issuer's bearer makes his tenant at first use; nothing lets him create one by a call.
      if (request.credential.of_node && std::holds_alternative<model::CreateTenant>(operation)) {
        return request.credential.principal;
      }
      return Error(Code::permission_denied);
    case model::CredentialKind::token:
    case model::CredentialKind::certificate: return Error(Code::permission_denied);
    case model::CredentialKind::presented:
    case model::CredentialKind::none: break;
  }
  return Error(Code::unauthenticated);
}

bool DirectoryCore::is_of_operators(const model::DirectoryOperation& operation) {
  return std::holds_alternative<model::CreateOperator>(operation) ||
         std::holds_alternative<model::ListOperators>(operation) ||
         std::holds_alternative<model::RevokeOperator>(operation);
}

void DirectoryCore::run_operators(CallHandle call, const std::string& principal, std::vector<Submission>& out) {
  const auto& operation = std::get<model::DirectoryOperation>(call.request().operation);
  if (std::holds_alternative<model::ListOperators>(operation)) {
    model::OperatorsReply reply;
    for (const auto& op : deps_.operators.all()) reply.operators.push_back(info_of(*op));
    std::ranges::sort(reply.operators, {}, &model::OperatorInfo::name);
    return call.finish(model::Reply{{header_.epoch(), header_.revision()}, std::move(reply)});
  }
  Pending pending;
  std::vector<storage::RowChange> rows;
  const auto* create = std::get_if<model::CreateOperator>(&operation);
  const model::Status decided = create != nullptr
                                    ? create_operator(*create, principal, pending, rows)
                                    : revoke_operator(std::get<model::RevokeOperator>(operation), pending, rows);
  if (!decided) return call.finish(decided.error());
  const auto& info = std::get<model::OperatorReply>(pending.reply.body).info;
  pending.details = "operator=" + info.id + " name=" + info.name + " capabilities=";
  for (const std::string& one : info.capabilities) pending.details += (&one == &info.capabilities[0] ? "" : ",") + one;
  pending.call = std::move(call);
  submit(std::move(pending), std::move(rows), create != nullptr ? "create-operator" : "revoke-operator", principal,
         out);
}

void DirectoryCore::add_operator(const Operator& op, std::vector<Submission>& out) {
  Pending pending;
  pending.op = std::make_shared<const Operator>(op);
  std::vector<storage::RowChange> rows;
  rows.push_back(sealed_row(storage::operator_row(op.token_hash), encode_operator(op)));
  submit(std::move(pending), std::move(rows), "add-operator", "node", out);
}

model::Status DirectoryCore::create_operator(const model::CreateOperator& create, const std::string& principal,
                                             Pending& pending, std::vector<storage::RowChange>& rows) {
  if (auto status = model::check_operator(create.name, create.capabilities); !status) return status;
  const model::TimeMs now = std::max<model::TimeMs>(deps_.wall_clock(), header_.leader_time_ms());
  if (create.expires_at != 0 && create.expires_at <= now) {
    return Error(Code::invalid_argument, "expires_at: it is over already");
  }
  const auto all = deps_.operators.all();
  if (all.size() >= kMostOperators) {
    return Error(Code::quota_exceeded, "there are 1000 operators; revoke those that are not needed");
  }
  const auto has_name = [&](const std::shared_ptr<const Operator>& op) { return op && op->name == create.name; };
  if (std::ranges::any_of(all, has_name) || std::ranges::any_of(pending_, has_name, &Pending::op)) {
    return Error(Code::entry_exists, "an operator of this name exists; revoke it first, or choose another name");
  }
  crypto::MintedToken minted = crypto::mint_token(deps_.ring, model::TenantId{}, deps_.random);
  Operator op{create.name, minted.id_hash, now, false, create.capabilities, create.expires_at, principal};
  rows.push_back(sealed_row(storage::operator_row(op.token_hash), encode_operator(op)));
  pending.reply.body = model::OperatorReply{info_of(op), std::move(minted.text)};
  pending.op = std::make_shared<const Operator>(std::move(op));
  return {};
}

model::Status DirectoryCore::revoke_operator(const model::RevokeOperator& revoke, Pending& pending,
                                             std::vector<storage::RowChange>& rows) const {
  const auto all = deps_.operators.all();
  const auto found = std::ranges::find_if(all, [&](const auto& op) { return info_of(*op).id == revoke.id; });
  if (found == all.end()) {
    return Error(Code::token_not_found, "no operator has this id; see the list of operators");
  }
  const model::TimeMs now = deps_.wall_clock();
  const auto goes = [&](const Operator& op) {
    return crypto::equal_constant_time(op.token_hash, (*found)->token_hash) ||
           std::ranges::any_of(
               pending_, [&](const Pending& other) { return std::ranges::count(other.revoked, op.token_hash) > 0; });
  };
  // One that expires is no other one for long.
  const bool expires = (*found)->expires_at != 0;
  const bool another = std::ranges::any_of(
      all, [&](const auto& op) { return is_full(*op, now) && (expires || op->expires_at == 0) && !goes(*op); });
  if (is_full(**found, now) && !another) {
    return Error(Code::permission_denied, "this is the last operator who may do everything; make another one first");
  }
  rows.push_back({storage::operator_row((*found)->token_hash), std::nullopt});
  pending.revoked.push_back((*found)->token_hash);
  pending.reply.body = model::OperatorReply{info_of(**found), {}};
  return {};
}

}  // namespace coffer::actors

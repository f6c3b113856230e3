// See retrying_call.hpp.

#include "actors/retrying_call.hpp"

#include "actors/own_request_id.hpp"
#include "cluster/formats.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr model::TimeMs kDefaultPatience = 15'000;  // of calls without a deadline, which only the node itself makes
constexpr model::TimeMs kLastMoment = 5;            // too late to begin another try

template <class T, class... Types>
constexpr bool kIsOneOf = (std::is_same_v<T, Types> || ...);

/// A status is told by the node that leads the directory, and says which node was asked.
void name_the_asked_node(model::Reply& reply, model::NodeId asked) {
  if (auto* status = std::get_if<model::ClusterStatusReply>(&reply.body)) status->self = asked;
}

}  // namespace

bool is_change(const model::Request& request) {
  if (const auto* operation = std::get_if<model::TenantOperation>(&request.operation)) {
    return model::is_mutation(*operation);
  }
  return std::visit(
      []<class T>(const T& one) {
        if constexpr (std::is_same_v<T, model::TendKeys>) {
          return one.paused || one.rows_per_second || one.tenants_done != 0 || one.rows_done != 0 ||
                 one.reseal_rows != 0;
        } else {
          return !kIsOneOf<T, model::GetTenant, model::ListTenants, model::GetClusterStatus, model::ListOperators>;
        }
      },
      std::get<model::DirectoryOperation>(request.operation));
}

bool is_repeatable(const model::Request& request) {
  if (const auto* operation = std::get_if<model::TenantOperation>(&request.operation)) {
    return !std::holds_alternative<model::CreateToken>(*operation);  // the secret is shown once
  }
  const auto& operation = std::get<model::DirectoryOperation>(request.operation);
  if (const auto* create = std::get_if<model::CreateTenant>(&operation)) return !create->with_owner_key;
  // Those whose repetition is told apart by their request id, or leaves what the first one made as it is.
  return std::visit(
      []<class T>(const T&) {
        return kIsOneOf<T, model::DeleteTenant, model::OpenDoor, model::CreateJoinToken, model::JoinNode,
                        model::RenewNodeCertificate, model::AnnounceNode, model::DrainNode, model::RemoveNode,
                        model::BalanceCluster, model::TransferLeadership, model::MoveTenant, model::AdvanceMove,
                        model::PauseMoves, model::AddGroups, model::PurgeTenant>;
      },
      operation);
}

RetryingCall::RetryingCall(Context& context, Call* client) : context_(context), client_(client) {
  request = std::move(client->request);
  survives = true;
  looked_up = client->looked_up;
  const model::TimeMs now = context.wall_clock();
  deadline_ = request.info.deadline != 0 ? request.info.deadline : now + kDefaultPatience;
  if (request.info.request_id.empty() && is_change(request)) {
    const bool ordered = context.nodes.common_format() >= cluster::kOrderedIdsFormat;
    request.info.request_id = own_request_id(context.request_ids_start, context.next_request_id++, ordered);
    gave_id_ = first_try = true;
  }
}

void RetryingCall::complete() noexcept {
  if (!must_ask_again()) return give_back();
  if (context_.wall_clock() + kLastMoment >= deadline_) {
    reply = Error(Code::unavailable, "no node could answer for the tenant's group in time");
    decided = false;
    return give_back();
  }
  reply = Error(Code::unavailable);
  reroutes = 0;
  life = {};
  confirmed = looked_up = decided = first_try = false;
  ++context_.counters.retried;
  caf::anon_send(context_.forwarder, Again{context_.parcel(CallHandle(this))});
}

bool RetryingCall::must_ask_again() {
  if (!context_.accepting) return false;
  const Code code = reply.ok() ? Code::ok : reply.error().code;
  switch (code) {
    case Code::unavailable: return !decided;
    case Code::outcome_unknown: may_be_done_ = is_change(request); return is_repeatable(request);
    case Code::overloaded:
    case Code::deadline_exceeded:
    case Code::sealed:
    case Code::disk_error: return false;
    case Code::ok:
      if (is_change(request)) return false;  // it is committed
      break;
    default: break;  // a refusal tells what was read, too
  }
  return !confirmed && !context_.boards[group.value].holds_lease_of(*this);
}

/// Refused before anybody looked whether an earlier try was done.
bool RetryingCall::says_nothing_of_earlier_tries() const {
  if (reply.ok()) return false;
  switch (reply.error().code) {
    case Code::unavailable: return !decided;
    case Code::overloaded:
    case Code::too_large:  // for the way to another node
    case Code::deadline_exceeded:
    case Code::quota_exceeded:
    case Code::sealed:
    case Code::disk_error: return true;
    default: return false;
  }
}

void RetryingCall::give_back() noexcept {
  if (may_be_done_ && says_nothing_of_earlier_tries()) reply = Error(Code::outcome_unknown);
  if (gave_id_) request.info.request_id.clear();
  client_->request = std::move(request);
  client_->reply = std::move(reply);
  client_->decided = decided;
  if (client_->reply.ok()) name_the_asked_node(*client_->reply, context_.self);
  client_->audit.elsewhere = audit.elsewhere || audit.port != nullptr;  // this call noted itself, or another node did
  Call* client = client_;
  delete this;
  client->complete();
}

}  // namespace coffer::actors

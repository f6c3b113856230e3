// See operators.hpp.

#include "net/admin/operators.hpp"

#include <algorithm>
#include <utility>

#include "coffer/admin/v1/operators.pb.h"
#include "model/operators.hpp"
#include "model/text.hpp"
#include "net/admin/capabilities.hpp"
#include "net/admin/directory_method.hpp"
#include "net/timestamps.hpp"

namespace coffer::net::admin {
namespace {

namespace api = ::coffer::admin::v1;
using model::Code;
using model::DirectoryOperation;
using model::Error;
using model::Result;
using model::Status;

void to_message(const model::OperatorInfo& info, api::Operator* out) {
  out->set_id(info.id);
  out->set_name(info.name);
  for (const std::string& capability : info.capabilities) out->add_capabilities(capability);
  if (info.created_at > 0) to_timestamp(info.created_at, out->mutable_created_at());
  if (info.expires_at > 0) to_timestamp(info.expires_at, out->mutable_expires_at());
  out->set_created_by(info.created_by);
}

bool exists(std::string_view wanted) {
  if (wanted == model::kEveryCapability) return true;
  return std::ranges::any_of(capabilities(), [&](const std::string& one) {
    return one == wanted || std::string_view(one).substr(0, one.find('.')) == wanted;
  });
}

/// Nobody gives what he has not.
Status check_gift(const model::Credential& giver, const std::vector<std::string>& gift) {
  for (const std::string& one : gift) {
    if (!exists(one)) {
      return Error(Code::invalid_argument,
                   "capabilities: there is no \"" + one + "\"; coffer admin operators capabilities lists them");
    }
    if (const Status ok = check_capability(giver, one); !ok) {
      return Error(Code::permission_denied,
                   "capabilities: you cannot give " + one + ", which you do not have yourself");
    }
  }
  return {};
}

Result<DirectoryOperation> to_create(const api::CreateOperatorRequest& in, const model::Credential& giver) {
  model::CreateOperator create{in.name(), {in.capabilities().begin(), in.capabilities().end()}, 0};
  if (const Status ok = model::check_operator(create.name, create.capabilities); !ok) return ok.error();
  if (const Status ok = check_gift(giver, create.capabilities); !ok) return ok.error();
  if (in.has_expires_at()) {
    const auto time = from_timestamp(in.expires_at(), "expires_at");
    if (!time) return time.error();
    create.expires_at = *time;
  }
  if (giver.expires_at != 0 && (create.expires_at == 0 || create.expires_at > giver.expires_at)) {
    return Error(Code::permission_denied, "expires_at: you cannot give more time than you have, which is until " +
                                              model::rfc3339(giver.expires_at));
  }
  return DirectoryOperation(std::move(create));
}

const google::protobuf::ServiceDescriptor& operators_service() {
  return *api::Operator::descriptor()->file()->FindServiceByName("Operators");
}

}  // namespace

void add_operator_methods(const OpenCall& open, const Failure& fail, std::vector<Method>& methods) {
  methods.push_back(directory_method<api::CreateOperatorRequest, api::CreateOperatorResponse, model::OperatorReply>(
      operators_service(), "Create", open, fail, to_create,
      [](const model::OperatorReply& reply, api::CreateOperatorResponse& out) {
        to_message(reply.info, out.mutable_operator_());
        out.set_token(std::string(reply.token.expose()));
      }));
  methods.push_back(directory_method<api::ListOperatorsRequest, api::ListOperatorsResponse, model::OperatorsReply>(
      operators_service(), "List", open, fail,
      [](const auto&, const auto&) -> Result<DirectoryOperation> { return {model::ListOperators{}}; },
      [](const model::OperatorsReply& reply, api::ListOperatorsResponse& out) {
        for (const model::OperatorInfo& info : reply.operators) to_message(info, out.add_operators());
      }));
  methods.push_back(directory_method<api::RevokeOperatorRequest, api::Operator, model::OperatorReply>(
      operators_service(), "Revoke", open, fail,
      [](const auto& in, const auto&) -> Result<DirectoryOperation> {
        if (in.id().empty())
          return Error(Code::invalid_argument, "id is missing: it names the operator as the list shows");
        return {model::RevokeOperator{in.id()}};
      },
      [](const model::OperatorReply& reply, api::Operator& out) { to_message(reply.info, &out); }));
}

}  // namespace coffer::net::admin

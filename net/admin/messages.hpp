#pragma once
// Between the admin API's messages and the directory's and the tenants' values. Used by the admin door; pure.

#include "actors/gateway.hpp"
#include "coffer/admin/v1/admin.pb.h"
#include "model/requests.hpp"
#include "model/result.hpp"
#include "net/rpc.hpp"

namespace coffer::net::admin {

namespace api = ::coffer::admin::v1;

/// A refusal of this API: the catalogue's category and words.
WireStatus make_failure(const model::Error& error);

/// Errors: invalid_argument for a door that no external id can lead to.
model::Result<model::DoorName> to_door_name(const api::Door& in);
/// Errors: invalid_argument, with the number of the scope.
model::Result<std::vector<model::Scope>> to_scopes(const google::protobuf::RepeatedPtrField<api::Scope>& in);

/// Errors: invalid_argument, with the path of what is wrong ("roles[2].grants[0]: ...").
model::Result<model::PolicySet> to_policy(const api::Policy& in);
void to_message(const model::PolicySet& policy, api::Policy* out);

void to_message(const model::TenantInfo& tenant, api::Tenant* out);
/// `now` tells whether the token is expired.
void to_message(const model::TokenInfo& token, model::TimeMs now, api::Token* out);
void to_message(const actors::NodeStatus& status, api::StatusResponse* out);

}  // namespace coffer::net::admin

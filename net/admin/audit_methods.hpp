#pragma once
// The admin API's Audit service: reading the node's audit trail, and how a tenant is audited. Used by the admin door.

#include <functional>
#include <string>
#include <vector>

#include "net/rpc.hpp"

namespace coffer::net::admin {

/// Takes the operator's credential and the request id of a call. Errors: unauthenticated, permission_denied.
using OpenCall = std::function<model::Status(Rpc& rpc, std::string request_id)>;

/// REQUIRES: gateway outlives the methods.
void add_audit_methods(actors::Gateway& gateway, const OpenCall& open, std::vector<Method>& methods);

}  // namespace coffer::net::admin

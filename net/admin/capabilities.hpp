#pragma once
// Who may make which call of the admin API: a capability for each, named after the call (model/operators.hpp). The admin
// listener's doors put the check before every method that they make; io threads.

#include <string>
#include <vector>

#include <google/protobuf/descriptor.h>

#include "net/rpc.hpp"

namespace coffer::net::admin {

/// "tenants.create" of coffer.admin.v1.Tenants.Create.
std::string capability_of(const google::protobuf::MethodDescriptor& method);

/// Of every call that needs one, in the order of their services.
const std::vector<std::string>& capabilities();

/// Takes the caller's credential into the request. Errors: unauthenticated; sealed; permission_denied: it is no operator's,
/// or lacks the capability.
model::Status admit_operator(Rpc& rpc, const actors::Gateway& gateway, std::string_view capability);

/// permission_denied unless the operator holds it, with what to do about it.
model::Status check_capability(const model::Credential& credential, std::string_view capability);

/// Puts admit_operator before the method's decode. REQUIRES: the gateway outlives the method.
void guard(Method& method, const actors::Gateway& gateway);

}  // namespace coffer::net::admin

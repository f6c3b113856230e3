#pragma once
// What an audit record says besides its action: which token, policy, issuer, rule, limits or permission was changed, as
// key=value words. The record stands in the log in clear, so there are ids and versions only (the version of an issuer or
// a rule is the revision that made it and names it), never names of secrets, patterns or values. Used by the shard when a
// mutation was decided; pure.

#include <string>

#include "model/requests.hpp"

namespace coffer::actors {

/// Empty for operations of which the record's other fields say everything.
std::string audit_details(const model::TenantOperation& operation, const model::ReplyBody& reply);

}  // namespace coffer::actors

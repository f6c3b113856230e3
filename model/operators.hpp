#pragma once
// What an operator may do. Each call of the admin API has a capability of its own, "tenants.create"; the service's name
// alone, "tenants", is all of its calls, and "*" is everything. Used by net, which checks every admin call before it is
// decoded, and by the directory, which keeps the operators. Pure, any thread.

#include <string>
#include <string_view>
#include <vector>

#include "model/access.hpp"
#include "model/result.hpp"

namespace coffer::model {

inline constexpr std::string_view kEveryCapability = "*";

/// Does what is held include `wanted`: a call's capability, a service's, or "*"?
bool operator_may(const std::vector<std::string>& held, std::string_view wanted);

/// An operator's name has the form of a tenant's; 1 to 256 capabilities of the form above. Errors: invalid_argument.
Status check_operator(const std::string& name, const std::vector<std::string>& capabilities);

/// How records name the operator: "operator:<name>", "dev-root". REQUIRES: an operator's credential.
std::string operator_principal(const Credential& credential);

}  // namespace coffer::model

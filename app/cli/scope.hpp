#pragma once
// A token's scope as operators write and read it: CAPABILITIES:SPACES:NAMES, each a list with commas, such as
// "list,read-value:kv:app/*". Pure.

#include <string>
#include <string_view>

#include "coffer/admin/v1/admin.grpc.pb.h"
#include "model/result.hpp"

namespace coffer::app::cli {

/// A name may contain ':', but not ','. Errors: invalid_argument that shows the form or names the unknown capability.
model::Result<::coffer::admin::v1::Scope> parse_scope(std::string_view text);
/// The scopes of a token, separated by spaces.
std::string show_scopes(const ::coffer::admin::v1::Token& token);

}  // namespace coffer::app::cli

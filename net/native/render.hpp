#pragma once
// Render of the native API: net/rendering.hpp in this API's messages. The request is read when it comes in, to know which
// secrets it needs, and again when they are there. Used by the native door; pure.

#include "coffer/v1/secrets.pb.h"
#include "model/requests.hpp"
#include "model/result.hpp"

namespace coffer::net::native {

/// Errors: invalid_argument (mode, keys), too_large.
model::Result<model::TenantOperation> to_operation(const v1::RenderRequest& in);

/// `reply` is the answer to the operation. An owner in a token must be the secret's; without one the caller's rights
/// decide alone. Errors: permission_denied (something may not be injected); when strict, invalid_argument with everything
/// that is not resolved.
model::Status to_message(const v1::RenderRequest& in, const model::ReplyBody& reply, v1::RenderResponse* out);

}  // namespace coffer::net::native

#pragma once
// The native API's Watch: its request as a tenant's operation, and a reply as a part of the stream. Used by the native
// door on the listeners' threads; pure.

#include "coffer/v1/secrets.pb.h"
#include "model/requests.hpp"
#include "net/rpc.hpp"

namespace coffer::net::native {

/// The first request of a stream: it waits for nothing, so that the client learns at once whether it is listened to.
/// `last_event_id` is what an event source sends when it comes back (empty: nothing), and wins over from_revision.
/// Errors: invalid_argument.
model::Result<model::TenantOperation> to_operation(const v1::WatchRequest& in, std::string_view last_event_id);

/// See Method::advance.
model::Result<StreamPart> advance(const model::Reply& reply, model::Request& next);

}  // namespace coffer::net::native

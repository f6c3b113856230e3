#pragma once
// DELETE /pods/secrets?pod_id=: a pod's secrets go with it. One list, then one write set that destroys all of them or
// none. Used by the door's routes.

#include "net/rpc.hpp"

namespace coffer::net::tapis {

/// Destroys the secrets of the pod that the caller owns, or all of them when he acts as pods_admin, and completes the
/// exchange with a ListReply of what is gone. The exchange's request says who asks, and when it must be done.
/// REQUIRES: the gateway outlives the exchange.
void delete_of_pod(HttpExchange& exchange, actors::Gateway& gateway, std::string pod_id);

}  // namespace coffer::net::tapis

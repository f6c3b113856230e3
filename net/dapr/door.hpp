#pragma once
// The Dapr door: the secrets, health and metadata parts of Dapr's runtime API over HTTP and gRPC, as a client's sidecar
// would serve them. Made once by net/doors.cpp; its functions run where rpc.hpp says. README.md beside it says where it
// deviates and why.

#include <memory>

#include "net/rpc.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// The gateway must outlive the door.
std::unique_ptr<Door> make_dapr_door(const Doors& settings, actors::Gateway& gateway);

}  // namespace coffer::net

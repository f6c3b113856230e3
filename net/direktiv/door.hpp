#pragma once
// The Direktiv door: secrets.SecretsService of Direktiv v0.1.1 to v0.2.0, gRPC only. Made once by net/doors.cpp; its
// functions run where rpc.hpp says. README.md beside it says where it deviates and why.

#include <memory>

#include "net/rpc.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// The gateway must outlive the door.
std::unique_ptr<Door> make_direktiv_door(const Doors& settings, actors::Gateway& gateway);

}  // namespace coffer::net

#pragma once
// The native door: coffer.v1.Secrets over gRPC and REST. Made once by net/doors.cpp; its functions run where rpc.hpp
// says. README.md beside it says what clients see.

#include <memory>

#include "net/rpc.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// The gateway must outlive the door.
std::unique_ptr<Door> make_native_door(const Doors& settings, actors::Gateway& gateway);

}  // namespace coffer::net

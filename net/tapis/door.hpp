#pragma once
// The Tapis door: the Pods service's secrets over HTTP, under /pods and /v3/pods. Made once by net/doors.cpp; its
// functions run where rpc.hpp says. README.md beside it says what is decided where upstream is silent or at odds.

#include <memory>

#include "net/rpc.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// The gateway must outlive the door.
std::unique_ptr<Door> make_tapis_door(const Doors& settings, actors::Gateway& gateway);

}  // namespace coffer::net

#pragma once
// The admin door: coffer.admin.v1 on its own listener, gRPC only, for operators. Made once by net/doors.cpp; its functions run where rpc.hpp says.

#include <functional>
#include <memory>

#include "net/rpc.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// The gateway must outlive the door. `clock` is the wall clock, by which a token is shown as expired.
std::unique_ptr<Door> make_admin_door(const Doors& settings, actors::Gateway& gateway,
                                      std::function<model::TimeMs()> clock, std::function<std::string()> metrics = {});

}  // namespace coffer::net

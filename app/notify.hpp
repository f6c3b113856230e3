#pragma once
// What the service manager is told (sd_notify(3)'s protocol): one datagram to the socket in $NOTIFY_SOCKET. A few lines
// instead of libsystemd, because nothing else of it is needed. Main's thread; without a manager nothing happens.

#include <chrono>
#include <optional>
#include <string_view>

namespace coffer::app {

/// "READY=1", "STOPPING=1", "STATUS=...": variables, one in a line.
void notify_manager(std::string_view variables);
/// RELOADING=1 with the time that systemd wants with it.
void notify_reloading();
/// How often the manager wants to hear "WATCHDOG=1", halved as it recommends; nothing: never.
std::optional<std::chrono::milliseconds> watchdog_interval();

}  // namespace coffer::app

#pragma once
// The server half of the program: everything from opening the data directory to the drain on SIGTERM. Called once by
// `coffer server` on main's thread, which it keeps until the server has stopped.

#include "app/config.hpp"

namespace coffer::app {

/// Runs one node. `config` is complete: the file was read, `overrides` are applied to it and validate() found nothing;
/// the overrides come along for what is said at start-up. Returns the process's exit code (app/exit.hpp); what went
/// wrong was written to stderr in one sentence.
int run_server(const Config& config, const ServerOverrides& overrides);

}  // namespace coffer::app

#pragma once
// The program's log: one line per event on stderr, as text or as JSON. Set up once by main's thread before anything
// else starts; spdlog's functions are then safe from any thread. What is logged never carries a name, a value, a key or
// a token: spdlog is seen by app/ only, and what reaches it are the sentences of model::Error and counts.

#include <string>
#include <vector>

#include "app/config.hpp"
#include "model/result.hpp"

namespace coffer::app {

/// trace, debug, info, warn, error, off.
const std::vector<std::string>& log_levels();

/// Changes the level of the log that is set up. Errors: invalid_argument.
model::Status set_log_level(const std::string& level);
/// A line for a request that was answered.
void log_call(LogFormat format, const net::CallLine& line);

/// Makes spdlog's default logger write to stderr, without ever waiting for its reader (log_sink.hpp). JSON lines have "time", "level" and "message".
/// Errors: invalid_argument for an unknown level.
model::Status set_up_log(const LogSettings& settings);

}  // namespace coffer::app

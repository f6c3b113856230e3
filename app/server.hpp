#pragma once
// The server half of the program: everything from opening the data directory to the drain on SIGTERM. Called once by
// `coffer server` on main's thread, which it keeps until the server has stopped.

#include "app/config.hpp"

namespace coffer::app {

/// Runs one node. `config` is complete: the file was read, `overrides` are applied to it and validate() found nothing;
/// the overrides come along for what is said at start-up. Returns the process's exit code (app/exit.hpp); what went
/// wrong was written to stderr in one sentence.
int run_server(const Config& config, const ServerOverrides& overrides);

/// Makes a cluster of one node in config.data_dir: keys under config.seal_key_file (made, 0600, when it is missing) and
/// the first operator's token in `operator_token_file` (made, 0600). Listens nowhere. Returns the exit code.
int init_node(const Config& config, const std::string& operator_token_file);

/// Gives the stopped node in config.data_dir a new certificate, when the old one has expired while it was down. Returns
/// the exit code.
int reissue_node(const Config& config);

/// Makes the stopped node in config.data_dir a cluster of its own, when most of the others are lost for ever
/// (actors/offline.hpp). Returns the exit code.
int recover_node(const Config& config);

}  // namespace coffer::app

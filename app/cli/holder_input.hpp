#pragma once
// What a holder of a seal gives: a share or a passphrase, from a file or typed without echo, never from the command line,
// where other users of the machine would see it. Main's thread.

#include <string>

#include <CLI/CLI.hpp>

#include "app/cli/io.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::app::cli {

struct HolderOptions {
  std::string share_file, passphrase_file;
};
/// Adds --share-file and --passphrase-file; "-" is stdin.
void add_holder(CLI::App* command, HolderOptions& options);

struct HolderInput {
  model::Secret share, passphrase;
};
/// Asks on the terminal when no file is given: what begins with cfs_ is a share. Errors: invalid_argument.
model::Result<HolderInput> read_holder(const HolderOptions& options, Io& io);

/// The first line of a file or of stdin ("-"). Errors: invalid_argument.
model::Result<model::Secret> read_line_of(const std::string& path, Io& io);

}  // namespace coffer::app::cli

#pragma once
// Which file an operator may name for a key file on a node: one in the directory that the node's configuration gives for
// that, and nothing beyond it. What arrives through an API is never a free path (docs/threat-model.md, F). The keeper's thread.

#include <string>

#include "model/result.hpp"

namespace coffer::actors {

/// The path of the file that `name` means: a name is taken below `directory`, an absolute path must lie below it. The folder
/// of the file must be there and be below `directory` with every link resolved, and the file itself must be no link.
/// Errors: invalid_argument, with what the configuration allows.
model::Result<std::string> key_file_place(const std::string& directory, const std::string& name);

}  // namespace coffer::actors

#pragma once
// Starts another program with secrets: in its environment, and in files on a file system in memory that it and its
// children see. Used by `coffer run`, on main's thread, when nothing is left to do but that.

#include <optional>
#include <string>
#include <vector>

#include "app/exit.hpp"
#include "model/render.hpp"

namespace coffer::app::cli {

struct Launch {
  std::vector<std::string> program;  // and its arguments
  model::Texts environment;
  model::Texts files;               // by path below the folder that COFFER_FILES names
  std::optional<std::string> base;  // where that folder is made; none: a place is looked for
};

/// Without files the program takes this process's place. With files it runs in a mount namespace of its own, whose tmpfs
/// ends with it, where the system lets users make one; else in a folder (0700) on a tmpfs that is there already, which is
/// removed when the program has ended. This process then hands signals on and ends as the program does.
/// Comes back only when the program was not started; nothing is left behind then.
Failure launch(const Launch& launch);

/// A relative path of plain segments ("etc/app.conf"; a leading '/' is dropped). Errors: invalid_argument.
model::Result<std::string> file_path(std::string_view path);

}  // namespace coffer::app::cli

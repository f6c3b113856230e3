#pragma once
// Everything a command reads from and writes to, passed in so that tests can stand in for the terminal, the environment
// and the clock. One per process, made by main(); main's thread.

#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "model/entry.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::app::cli {

struct Io {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  std::function<std::optional<std::string>(const char* name)> env;
  /// Asks on the terminal, without echo; the line without its end. Errors: invalid_argument (interrupted, end of input).
  std::function<model::Result<model::Secret>(const std::string& prompt)> read_hidden;
  std::function<model::TimeMs()> now;
};

/// The process's own: std::cin, std::cout, std::cerr, its environment and clock.
Io system_io();

}  // namespace coffer::app::cli

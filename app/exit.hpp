#pragma once
// How the program ends: the exit codes that scripts rely on, and an expected failure with its sentence and its advice.
// Used by every command; values, main's thread. The numbers are a promise and stand in `coffer --help`.

#include <optional>
#include <string>
#include <string_view>

#include "model/errors.hpp"

namespace coffer::app {

enum class Exit : int {
  ok = 0,
  failed = 1,       // anything that no other code names
  usage = 2,        // the command line, a file or the configuration is wrong; retrying is pointless
  not_found = 3,    // no such secret, version, tenant or token
  conflict = 4,     // --cas did not match, it exists already, or its state forbids it
  denied = 5,       // not authenticated, or not permitted
  unavailable = 6,  // not reachable, or no answer in time; the outcome of a change may be unknown
  limit = 7,        // a quota or a size limit
};

Exit exit_of(model::Category category);
/// The table of exit codes for --help.
std::string_view exit_code_help();

/// Why a command did not do its work, and what the user can do about it (may be empty).
struct Failure {
  Exit exit = Exit::failed;
  std::string what;
  std::string advice;

  Failure(Exit e, std::string w, std::string a = {}) : exit(e), what(std::move(w)), advice(std::move(a)) {}
  Failure(const model::Error& error) : exit(exit_of(error.category())), what(error.message()) {}  // NOLINT: implicit
};

/// Nothing: it worked.
using Outcome = std::optional<Failure>;

}  // namespace coffer::app

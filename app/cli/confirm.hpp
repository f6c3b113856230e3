#pragma once
// Asks before something that cannot be undone. Main's thread.

#include <string>

#include "app/cli/io.hpp"
#include "app/exit.hpp"

namespace coffer::app::cli {

/// Nothing when `yes`, or when the user typed `word` at a terminal; else the failure to end with. Without a terminal
/// nobody can be asked, and a script has to say --yes.
Outcome confirm(bool yes, const std::string& what_happens, const std::string& word, Io& io);

}  // namespace coffer::app::cli

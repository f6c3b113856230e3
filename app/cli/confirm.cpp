// Confirmation; see confirm.hpp.

#include "app/cli/confirm.hpp"

#include "app/text.hpp"

namespace coffer::app::cli {

Outcome confirm(bool yes, const std::string& what_happens, const std::string& word, Io& io) {
  if (yes) return std::nullopt;
  if (!io.in_is_terminal) return Failure(Exit::usage, what_happens, "say --yes if that is wanted");
  io.err << printable(what_happens) << "\nType '" << printable(word) << "' to go on: " << std::flush;
  std::string answer;
  std::getline(io.in, answer);
  if (answer == word) return std::nullopt;
  return Failure(Exit::failed, "nothing was changed");
}

}  // namespace coffer::app::cli

// The prompt for a value, on a real pseudo-terminal.

#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/cli/io.hpp"

namespace coffer::app {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Typed {
  std::string screen;
  int code = -1;
};

/// Runs the prompt in a child on a terminal of its own and types `keys` once it asks. The child's exit code: 0 it read
/// "pass word", 1 it read something else, 2 it gave up with the terminal as before, 3 the terminal stayed silent.
Typed type(const std::string& keys) {
  int terminal = -1;
  const pid_t child = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    const auto typed = cli::system_io().read_hidden("Value: ");
    termios after{};
    tcgetattr(STDIN_FILENO, &after);
    if ((after.c_lflag & ECHO) == 0) _exit(3);
    _exit(!typed.ok() ? 2 : typed->expose() == "pass word" ? 0 : 1);
  }
  Typed result;
  std::array<char, 256> buffer{};
  bool sent = false;
  for (ssize_t n = 0; (n = read(terminal, buffer.data(), buffer.size())) > 0;) {
    result.screen.append(buffer.data(), static_cast<std::size_t>(n));
    if (sent || result.screen.find("Value: ") == std::string::npos) continue;
    termios state{};
    // Echo goes off only after the question is on the screen; typing before that would be shown by the terminal. A
    // prompt that leaves it on is typed at nevertheless, and shows.
    for (int i = 0; i < 5000 && tcgetattr(terminal, &state) == 0 && (state.c_lflag & ECHO) != 0; ++i) usleep(1000);
    EXPECT_EQ(write(terminal, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
    sent = true;
  }
  int status = 0;
  waitpid(child, &status, 0);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  close(terminal);
  return result;
}

TEST(Prompt, ReadsALineWithoutShowingIt) {
  const auto typed = type("pass word\n");
  EXPECT_EQ(typed.code, 0);
  EXPECT_THAT(typed.screen, Not(HasSubstr("pass")));
}

TEST(Prompt, GivesUpOnCtrlCAndLeavesAWorkingTerminal) { EXPECT_EQ(type("pass\x03").code, 2); }

TEST(Prompt, GivesUpAtTheEndOfInput) { EXPECT_EQ(type("\x04").code, 2); }

}  // namespace
}  // namespace coffer::app

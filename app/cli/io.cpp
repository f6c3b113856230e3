// The real terminal, environment and clock.

#include "app/cli/io.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <poll.h>
#include <termios.h>
#include <unistd.h>

namespace coffer::app::cli {
namespace {

constexpr int kPasted = 100;  // milliseconds until what was pasted behind a line is there

volatile std::sig_atomic_t interrupted = 0;

/// Echo off and Ctrl-C caught while it lives, so that an interrupted prompt leaves a working terminal.
class SilentTerminal {
 public:
  SilentTerminal() {
    interrupted = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = 1; };  // no SA_RESTART: read() comes back
    sigaction(SIGINT, &action, &before_interrupt_);
    tcgetattr(STDIN_FILENO, &before_);
    auto silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  ~SilentTerminal() {
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    sigaction(SIGINT, &before_interrupt_, nullptr);
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  termios before_{};
  struct sigaction before_interrupt_ {};
};

model::Result<model::Secret> read_hidden(const std::string& prompt) {
  std::cerr << prompt << std::flush;
  model::Secret line;
  bool complete = false, is_more = false;
  {
    const SilentTerminal silent;
    char c = 0;
    while (interrupted == 0 && read(STDIN_FILENO, &c, 1) == 1) {
      if (c == '\n') {
        complete = true;
        break;
      }
      line.append({&c, 1});
    }
    model::wipe(&c, 1);
    // What was pasted behind the line would be lost with the terminal's mode, and of a line the terminal takes 4,095 bytes.
    pollfd more{STDIN_FILENO, POLLIN, 0};
    is_more = complete && (line.size() >= 4095 || ::poll(&more, 1, kPasted) == 1);
  }
  std::cerr << "\n";
  if (is_more) {
    return model::Error(model::Code::invalid_argument,
                        "more was entered than one line of 4,094 bytes; put it into a file or a pipe");
  }
  if (!complete) return model::Error(model::Code::invalid_argument, "nothing was entered");
  return line;
}

}  // namespace

Io system_io() {
  return {std::cin,
          std::cout,
          std::cerr,
          isatty(STDIN_FILENO) == 1,
          [](const char* name) -> std::optional<std::string> {
            const char* value = std::getenv(name);
            return value ? std::optional<std::string>(value) : std::nullopt;
          },
          read_hidden,
          [] {
            using namespace std::chrono;
            return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
          }};
}

}  // namespace coffer::app::cli

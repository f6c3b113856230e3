// See launch.hpp. The child of the fork makes the files, so that a namespace of its own is all that ever saw them; what
// fails there comes back through a pipe that the program's start closes.

#include "app/cli/launch.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/magic.h>

#include "app/text.hpp"

namespace coffer::app::cli {
namespace {

using model::Code;
using model::Error;
using model::Status;

constexpr char kNoNamespace = 'n';  // opens what the child tells: try again without a namespace
constexpr char kFailed = 'f';       // and this: it is over

Error problem(std::string what) { return {Code::invalid_argument, std::move(what) + ": " + std::strerror(errno)}; }

bool is_in_memory(const std::string& folder) {
  struct statfs about {};
  if (statfs(folder.c_str(), &about) != 0) return false;
  const auto type = static_cast<unsigned long>(about.f_type);
  return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

bool may_write(const std::string& folder) { return access(folder.c_str(), W_OK | X_OK) == 0; }

/// The folder below which the files' own is made: in memory when there is such a place.
model::Result<std::string> find_base(const std::optional<std::string>& given) {
  if (given) return may_write(*given) ? model::Result<std::string>(*given) : problem("'" + *given + "'");
  std::vector<std::string> places;
  for (const char* name : {"XDG_RUNTIME_DIR", "TMPDIR"}) {
    if (const char* value = std::getenv(name); value && *value == '/') places.emplace_back(value);
  }
  for (const char* place : {"/dev/shm", "/tmp"}) places.emplace_back(place);
  for (const bool in_memory : {true, false}) {
    for (const std::string& place : places) {
      if (may_write(place) && (!in_memory || is_in_memory(place))) return place;
    }
  }
  return Error(Code::invalid_argument, "there is no folder that may be written to");
}

Status write_whole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return problem("write");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Status write_file(const std::string& path, std::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return problem("'" + path + "'");
  const Status written = write_whole(fd, bytes);
  if (close(fd) != 0 && written.ok()) return problem("'" + path + "'");
  return written;
}

Status write_files(const std::string& folder, const model::Texts& files) {
  for (const auto& [path, content] : files) {
    for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
      const std::string parent = folder + "/" + path.substr(0, at);
      if (mkdir(parent.c_str(), 0700) != 0 && errno != EEXIST) return problem("'" + parent + "'");
    }
    if (Status status = write_file(folder + "/" + path, content.expose()); !status) return status;
  }
  return {};
}

/// A mount namespace; without the right to one, in a user namespace where this user is himself.
Status enter_namespace() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return problem("unshare");
    const auto map = [](const char* file, const std::string& line) -> Status {
      const int fd = open(file, O_WRONLY | O_CLOEXEC);
      if (fd < 0) return problem(file);
      const Status written = write_whole(fd, line);
      close(fd);
      return written;
    };
    // An old kernel has no setgroups file; a new one wants it denied before the map of groups.
    (void)map("/proc/self/setgroups", "deny");
    const std::string users = std::to_string(user), groups = std::to_string(group);
    if (Status status = map("/proc/self/uid_map", users + " " + users + " 1"); !status) return status;
    if (Status status = map("/proc/self/gid_map", groups + " " + groups + " 1"); !status) return status;
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return problem("mount");
  return {};
}

Status mount_memory(const std::string& folder) {
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  // `noswap` is known from Linux 6.4 on, and not to every user.
  for (const char* options : {"mode=0700,noswap", "mode=0700"}) {
    if (mount("tmpfs", folder.c_str(), "tmpfs", kFlags, options) == 0) return {};
  }
  return problem("mount");
}

void set_environment(const model::Texts& environment) {
  for (const auto& [name, value] : environment) setenv(name.c_str(), std::string(value.expose()).c_str(), 1);
  unsetenv("COFFER_TOKEN");  // the program gets what the map says, not the means to ask for more
}

/// Comes back only when it failed.
Error start(const std::vector<std::string>& program) {
  std::vector<char*> arguments;
  for (const std::string& argument : program) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  return {Code::internal, "'" + printable(program[0]) + "' cannot be started: " + std::strerror(errno)};
}

[[noreturn]] void tell(int pipe, char kind, std::string_view what) {
  (void)write_whole(pipe, std::string(1, kind).append(what));
  _exit(127);
}

[[noreturn]] void be_child(const Launch& launch, const std::string& folder, bool with_namespace, int pipe) {
  if (with_namespace) {
    if (const Status status = enter_namespace(); !status) tell(pipe, kNoNamespace, status.error().message());
    if (const Status status = mount_memory(folder); !status) tell(pipe, kNoNamespace, status.error().message());
  }
  if (const Status status = write_files(folder, launch.files); !status) tell(pipe, kFailed, status.error().message());
  set_environment(launch.environment);
  setenv("COFFER_FILES", folder.c_str(), 1);
  tell(pipe, kFailed, start(launch.program).message());
}

/// What the child told; empty when its program runs.
std::string read_told(int pipe) {
  std::string told;
  char part[PIPE_BUF];
  ssize_t n = 0;
  while ((n = read(pipe, part, sizeof part)) > 0 || (n < 0 && errno == EINTR)) {
    if (n > 0) told.append(part, static_cast<std::size_t>(n));
  }
  return told;
}

struct Signals {
  Signals() {
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD}) sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, &before);
  }
  void restore() const { sigprocmask(SIG_SETMASK, &before, nullptr); }
  sigset_t set{}, before{};
};

/// Hands signals on until the child has ended. What a terminal sends, it sends to the child, too.
int wait_for(pid_t child, const Signals& signals) {
  for (;;) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) return status;
    siginfo_t info{};
    const int signal = sigwaitinfo(&signals.set, &info);
    if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL) kill(child, signal);
  }
}

[[noreturn]] void end_as(int status, const Signals& signals) {
  if (WIFSIGNALED(status)) {
    std::signal(WTERMSIG(status), SIG_DFL);
    signals.restore();
    raise(WTERMSIG(status));
  }
  std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void remove_folder(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

/// Comes back with what the child told when its program does not run.
std::string run_child(const Launch& launch, const std::string& folder, bool with_namespace, const Signals& signals) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return kFailed + std::string(std::strerror(errno));
  const pid_t child = fork();
  if (child == 0) {
    signals.restore();
    be_child(launch, folder, with_namespace, ends[1]);
  }
  const std::string reason = std::strerror(errno);
  close(ends[1]);
  std::string told = child < 0 ? kFailed + reason : read_told(ends[0]);
  close(ends[0]);
  if (child < 0) return told;
  const int status = wait_for(child, signals);
  if (!told.empty()) return told;
  remove_folder(folder);
  end_as(status, signals);
}

Failure launch_with_files(const Launch& launch) {
  const auto base = find_base(launch.base);
  if (!base) return Failure(base.error());
  std::string folder = *base + "/coffer-run-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return Failure(problem("'" + folder + "'"));
  const Signals signals;
  std::string told = run_child(launch, folder, true, signals);
  if (!told.empty() && told.front() == kNoNamespace) {
    if (is_in_memory(folder)) {
      told = run_child(launch, folder, false, signals);
    } else {
      told = kFailed + ("'" + *base + "' is on a disk, and this system lets no user mount a file system in memory (" +
                        told.substr(1) + ")");
    }
  }
  remove_folder(folder);
  signals.restore();
  return {Exit::failed, told.substr(1), "--files DIR names a folder on a tmpfs, as $XDG_RUNTIME_DIR and /dev/shm are"};
}

}  // namespace

Failure launch(const Launch& launch) {
  if (!launch.files.empty()) return launch_with_files(launch);
  set_environment(launch.environment);
  return {Exit::failed, std::string(start(launch.program).message())};
}

model::Result<std::string> file_path(std::string_view path) {
  const std::string_view plain = path.starts_with('/') ? path.substr(1) : path;
  std::string_view rest = plain;
  for (bool more = true; more;) {
    const std::size_t end = rest.find('/');
    const std::string_view segment = rest.substr(0, end);
    more = end != std::string_view::npos;
    rest.remove_prefix(more ? end + 1 : rest.size());
    if (segment.empty() || segment == "." || segment == ".." || segment.size() > 255 ||
        segment.find('\0') != std::string_view::npos) {
      return Error(Code::invalid_argument,
                   "volume_mounts: '" + printable(path) +
                       "' is no path of a file: names that '/' parts, none of them '.' or '..'");
    }
  }
  return std::string(plain);
}

}  // namespace coffer::app::cli

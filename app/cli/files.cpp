// Reading and writing files; see files.hpp.

#include "app/cli/files.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <istream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/parse.hpp"

namespace coffer::app::cli {
namespace {

using model::Code;
using model::Error;

Error failed(const std::string& path, const char* what, int reason) {
  return {Code::invalid_argument, "'" + path + "' " + what + ": " + std::strerror(reason)};
}

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// By a link, which is refused where a file is. A file system that has no links takes the name all the same: what is to be
/// kept is there once, and check_new_file() has looked.
bool place(const std::string& temporary, const std::string& path, Existing existing) {
  if (existing == Existing::kept) {
    if (::link(temporary.c_str(), path.c_str()) == 0) return true;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) return false;
  }
  return ::rename(temporary.c_str(), path.c_str()) == 0;
}

}  // namespace

bool is_readable(const std::string& path) { return access(path.c_str(), R_OK) == 0; }

model::Result<model::Secret> read_stream(std::istream& in, std::size_t most, const std::string& name) {
  model::Secret bytes;
  std::array<char, 16384> buffer{};
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0) {
    bytes.append({buffer.data(), static_cast<std::size_t>(in.gcount())});
    if (bytes.size() > most) break;
  }
  model::wipe(buffer.data(), buffer.size());
  if (bytes.size() > most) return Error(Code::quota_exceeded, name + " is larger than " + format_size(most));
  if (in.bad()) return Error(Code::invalid_argument, name + " could not be read to its end");
  return bytes;
}

model::Result<model::Secret> read_file(const std::string& path, std::size_t most) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) return failed(path, "cannot be read", errno);
  if (in.peek() == std::ifstream::traits_type::eof() && errno == EISDIR) return failed(path, "cannot be read", EISDIR);
  in.clear();
  return read_stream(in, most, "'" + path + "'");
}

model::Status check_new_file(const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return {};
  return Error(Code::invalid_argument, "'" + path + "' is there already; remove it, or name another file");
}

model::Status write_private_file(const std::string& path, std::string_view bytes, Existing existing) {
  std::string temporary = path + ".XXXXXX";
  const int file = mkostemp(temporary.data(), O_CLOEXEC);  // mode 0600
  if (file < 0) return failed(path, "cannot be written", errno);
  const bool complete = write_all(file, bytes) && fsync(file) == 0;
  const int reason = errno;
  const bool placed = close(file) == 0 && complete && place(temporary, path, existing);
  const int later = errno;
  unlink(temporary.c_str());  // after a rename there is none
  return placed ? model::Status() : failed(path, "cannot be written", complete ? later : reason);
}

}  // namespace coffer::app::cli

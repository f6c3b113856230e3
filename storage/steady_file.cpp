// See steady_file.hpp.

#include "storage/steady_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace coffer::storage {

using model::Code;
using model::Error;

model::Result<SteadyFile> SteadyFile::create(const std::string& path) {
  SteadyFile file(path, -1);
  file.fd_ = ::open(file.partial().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file.fd_ < 0) return file.failed();
  return file;
}

SteadyFile::SteadyFile(SteadyFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_(other.size_),
      writeback_(other.writeback_) {}

SteadyFile::~SteadyFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(partial().c_str());
}

Error SteadyFile::failed() const { return {Code::disk_error, "cannot write " + path_ + ": " + std::strerror(errno)}; }

model::Status SteadyFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed();
    bytes.remove_prefix(static_cast<std::size_t>(n));
    size_ += static_cast<std::uint64_t>(n);
  }
  writeback_.advance(fd_, size_);
  return {};
}

model::Status SteadyFile::finish() {
  if (::fsync(fd_) != 0 || std::rename(partial().c_str(), path_.c_str()) != 0) return failed();
  ::close(std::exchange(fd_, -1));
  return {};
}

}  // namespace coffer::storage

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

namespace {

constexpr std::uint64_t kStride =
    1 << 20;  // bytes that may wait for the disk, twice: a sync of the log waits for no more

}  // namespace

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
      handed_(other.handed_),
      done_(other.done_) {}

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
  if (size_ - handed_ < kStride) return {};
  // Advice: what fails here (a file system without it, a pipe) fails again at finish() if it matters.
  const auto at = [](std::uint64_t offset) { return static_cast<off64_t>(offset); };
  ::sync_file_range(fd_, at(handed_), at(size_ - handed_), SYNC_FILE_RANGE_WRITE);
  if (handed_ > done_) {
    ::sync_file_range(fd_, at(done_), at(handed_ - done_),
                      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  }
  done_ = std::exchange(handed_, size_);
  return {};
}

model::Status SteadyFile::finish() {
  if (::fsync(fd_) != 0 || std::rename(partial().c_str(), path_.c_str()) != 0) return failed();
  ::close(std::exchange(fd_, -1));
  return {};
}

}  // namespace coffer::storage

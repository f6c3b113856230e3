// See storage/data_dir.hpp.

#include "storage/data_dir.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace coffer::storage {
namespace {

/// Closes unless released.
struct OpenFile {
  int fd;
  ~OpenFile() {
    if (fd >= 0) ::close(fd);
  }
  int release() { return std::exchange(fd, -1); }
};

model::Error data_dir_error(const std::string& sentence) { return {model::Code::disk_error, sentence}; }

/// The sentence of a system call on the directory that failed with `number`.
model::Error data_dir_failure(const std::string& path, int number) {
  if (number == ENOSPC || number == EDQUOT) {
    return data_dir_error("No space is left on the disk of the data directory " + path + ".");
  }
  if (number == EACCES || number == EPERM) {
    return data_dir_error("This user has no permission to use the data directory " + path + ".");
  }
  if (number == EROFS) return data_dir_error("The file system of the data directory " + path + " is read-only.");
  if (number == ENOTDIR) return data_dir_error("The data directory " + path + " is not a directory.");
  return data_dir_error("The data directory " + path + " cannot be used: " + std::strerror(number) + ".");
}

/// Makes the directory, and its name durable, unless something of that name is there.
model::Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) {
    if (errno == EEXIST) return {};
    if (errno == ENOENT) {
      return data_dir_error("The data directory " + path + " cannot be made, for its parent directory is missing.");
    }
    return data_dir_failure(path, errno);
  }
  const std::string parent = std::filesystem::absolute(path).parent_path().string();
  OpenFile directory{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  // A parent that may be entered but not read cannot be synced; the directory is there all the same.
  if (directory.fd >= 0 && ::fsync(directory.fd) != 0 && errno != EINVAL) return data_dir_failure(path, errno);
  return {};
}

bool is_empty_directory(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_empty(path, error) && !error;
}

/// A directory that others may enter is closed when it is empty, as a package or a volume makes it, and refused when
/// it holds something, for then it may be another one than was meant.
model::Status keep_others_out(const std::string& path, int directory) {
  struct stat info;
  if (::fstat(directory, &info) != 0) return data_dir_failure(path, errno);
  if ((info.st_mode & 077) == 0) return {};
  if (!is_empty_directory(path)) {
    return data_dir_error("The data directory " + path + " is open to other users; run: chmod 700 " + path);
  }
  if (::fchmod(directory, 0700) != 0) return data_dir_failure(path, errno);
  return {};
}

/// The process id that the holder wrote into the lock file, as text; empty when there is none.
std::string holder_of(int lock) {
  char text[24];
  const ssize_t size = ::pread(lock, text, sizeof text, 0);
  std::string digits;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) digits += text[i];
  return digits;
}

model::Status take_lock(const std::string& path, int lock) {
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return data_dir_failure(path, errno);
    const std::string holder = holder_of(lock);
    return data_dir_error("The data directory " + path + " is in use by another coffer server" +
                          (holder.empty() ? "" : " (process " + holder + ")") + ".");
  }
  const std::string self = std::to_string(::getpid()) + "\n";
  // Writing it also shows that the directory's disk takes writes.
  const ssize_t written = ::pwrite(lock, self.data(), self.size(), 0);
  if (written < 0) return data_dir_failure(path, errno);
  if (written != static_cast<ssize_t>(self.size())) return data_dir_failure(path, ENOSPC);
  if (::ftruncate(lock, written) != 0 || ::fsync(lock) != 0) return data_dir_failure(path, errno);
  return {};
}

}  // namespace

model::Result<DataDir> DataDir::open(const std::string& path, std::uint64_t least_free_bytes) {
  if (auto status = make_directory(path); !status.ok()) return status.error();
  OpenFile directory{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd < 0) return data_dir_failure(path, errno);
  if (auto status = keep_others_out(path, directory.fd); !status.ok()) return status.error();
  OpenFile lock{::openat(directory.fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (lock.fd < 0) return data_dir_failure(path, errno);
  if (auto status = take_lock(path, lock.fd); !status.ok()) return status.error();

  DataDir opened(path, lock.release());
  const auto free = opened.free_bytes();
  if (!free.ok()) return free.error();
  if (*free < least_free_bytes) {
    return data_dir_error("The disk of the data directory " + path + " has only " + std::to_string(*free >> 20) +
                          " MiB free, and Coffer needs " + std::to_string(least_free_bytes >> 20) + " MiB to start.");
  }
  return opened;
}

DataDir::DataDir(DataDir&& other) noexcept : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

DataDir::~DataDir() {
  if (lock_ >= 0) ::close(lock_);
}

model::Result<std::uint64_t> DataDir::free_bytes() const { return storage::free_bytes(path_); }

model::Result<std::uint64_t> free_bytes(const std::string& path) {
  struct statvfs info;
  if (::statvfs(path.c_str(), &info) != 0) return data_dir_failure(path, errno);
  return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

model::Result<std::uint64_t> spare_bytes(const std::string& path, const std::string& data, std::uint64_t reserve) {
  const auto free = free_bytes(path);
  if (!free) return free;
  struct stat here, there;
  if (::stat(path.c_str(), &here) != 0) return data_dir_failure(path, errno);
  if (::stat(data.c_str(), &there) != 0) return data_dir_failure(data, errno);
  if (here.st_dev != there.st_dev) return free;
  return *free - std::min(*free, reserve);
}

}  // namespace coffer::storage

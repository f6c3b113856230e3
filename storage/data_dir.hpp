#pragma once
// The directory of one node's data: made with mode 0700, locked so that a second server is refused, and watched for
// free space. The composition root opens it before any database and keeps it open for the life of the process.
// open() by one thread; free_bytes() by any.

#include <cstdint>
#include <string>

#include "model/result.hpp"

namespace coffer::storage {

class DataDir {
 public:
  /// Below this the databases could not even be opened safely.
  static constexpr std::uint64_t kLeastFreeBytes = 64 << 20;

  /// Makes the directory when it is missing (its parent must be there) and takes the lock `<path>/lock`.
  /// disk_error, with one sentence that says what to do: another server holds it (with its process id), it is no
  /// directory, no permission, others may enter it, no space.
  static model::Result<DataDir> open(const std::string& path, std::uint64_t least_free_bytes = kLeastFreeBytes);

  DataDir(DataDir&& other) noexcept;
  DataDir& operator=(DataDir&&) = delete;
  ~DataDir();

  const std::string& path() const { return path_; }
  /// Where the two databases stand.
  std::string log_path() const { return path_ + "/log"; }
  std::string state_path() const { return path_ + "/state"; }
  /// Bytes that this process may still write to the directory's file system.
  model::Result<std::uint64_t> free_bytes() const;

 private:
  DataDir(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;  // the open lock file; the kernel drops the lock with the process, however it ends
};

/// The same of any directory. Any thread.
model::Result<std::uint64_t> free_bytes(const std::string& path);
/// What files in `path` may take so that `reserve` bytes stay free on the file system of `data`, which may be another one.
model::Result<std::uint64_t> spare_bytes(const std::string& path, const std::string& data, std::uint64_t reserve);

}  // namespace coffer::storage

#pragma once
// A large file that is either whole under its name or not there, mode 0600. It is handed to the disk as it grows
// (writeback.hpp). Used for backups, by the keeper's thread and the command line; one thread per object, which it blocks.

#include <cstdint>
#include <string>
#include <string_view>

#include "model/result.hpp"
#include "storage/writeback.hpp"

namespace coffer::storage {

class SteadyFile {
 public:
  /// Writes `path`.partial until finish(). Errors of all: disk_error, which names the file.
  static model::Result<SteadyFile> create(const std::string& path);
  SteadyFile(SteadyFile&& other) noexcept;
  SteadyFile& operator=(SteadyFile&&) = delete;
  /// What was not finished is removed.
  ~SteadyFile();

  model::Status write(std::string_view bytes);
  /// Synced, and under its name from now on.
  model::Status finish();

 private:
  SteadyFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  std::string partial() const { return path_ + ".partial"; }
  model::Error failed() const;

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
  Writeback writeback_{1 << 20};  // bytes that may wait for the disk, twice: a sync of the log waits for no more
};

}  // namespace coffer::storage

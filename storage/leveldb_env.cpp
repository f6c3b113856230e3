// See storage/leveldb_env.hpp.

#include "storage/leveldb_env.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace coffer::storage {
namespace {

/// A write-ahead log. LevelDB syncs the directory only for its MANIFEST, so POSIX allows a freshly rotated log to lose
/// its name although its content was synced; the first sync of each log therefore syncs the directory as well.
class NamedLogFile final : public leveldb::WritableFile {
 public:
  NamedLogFile(std::unique_ptr<leveldb::WritableFile> file, std::string name)
      : file_(std::move(file)), name_(std::move(name)) {}
  leveldb::Status Append(const leveldb::Slice& data) override { return file_->Append(data); }
  leveldb::Status Close() override { return file_->Close(); }
  leveldb::Status Flush() override { return file_->Flush(); }
  leveldb::Status Sync() override {
    if (!name_durable_) {
      if (leveldb::Status status = sync_directory(); !status.ok()) return status;
      name_durable_ = true;
    }
    return file_->Sync();
  }

 private:
  leveldb::Status sync_directory() const {
    const std::string directory = name_.substr(0, name_.rfind('/'));
    const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return leveldb::Status::IOError(directory, std::strerror(errno));
    const int failed = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    return failed == 0 ? leveldb::Status::OK() : leveldb::Status::IOError(directory, std::strerror(failed));
  }

  std::unique_ptr<leveldb::WritableFile> file_;
  std::string name_;
  bool name_durable_ = false;
};

}  // namespace

leveldb::Status LevelDbEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** result) {
  leveldb::Status status = target()->NewWritableFile(name, result);
  if (!status.ok() || !std::string_view(name).ends_with(".log")) return status;
  *result = new NamedLogFile(std::unique_ptr<leveldb::WritableFile>(*result), name);
  logs_begun_.fetch_add(1, std::memory_order_release);
  return status;
}

}  // namespace coffer::storage

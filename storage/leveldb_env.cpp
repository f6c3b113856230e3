// See storage/leveldb_env.hpp.

#include "storage/leveldb_env.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "storage/writeback.hpp"

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

/// A table, which a compaction writes whole and syncs at its end: megabytes that each sync of the log beside it would wait
/// for. Seen here (./dev bench --only put): syncs of 5 to 18 ms during a compaction instead of 0.2.
class SteadyTable final : public leveldb::WritableFile {
 public:
  SteadyTable(std::unique_ptr<leveldb::WritableFile> file, int fd) : file_(std::move(file)), fd_(fd) {}
  ~SteadyTable() override {
    if (fd_ >= 0) ::close(fd_);
  }
  leveldb::Status Append(const leveldb::Slice& data) override {
    leveldb::Status status = file_->Append(data);
    size_ += data.size();
    // What LevelDB holds in its own buffer is not in the file yet; the next stride takes it.
    if (fd_ >= 0) writeback_.advance(fd_, size_);
    return status;
  }
  leveldb::Status Close() override { return file_->Close(); }
  // LevelDB asks for it after each block, which would be a write of 4 KiB; nobody reads a table before its Sync().
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return file_->Sync(); }

 private:
  std::unique_ptr<leveldb::WritableFile> file_;
  const int fd_;  // the same file; -1: it could not be opened twice, and everything waits for Sync()
  std::uint64_t size_ = 0;
  Writeback writeback_{256 << 10};
};

}  // namespace

LevelDbEnv::~LevelDbEnv() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LevelDbEnv::Schedule(void (*work)(void*), void* argument) {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  scheduled_.emplace_back(work, argument);
  changed_.notify_one();
}

void LevelDbEnv::run() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ending_ || !scheduled_.empty(); });
    if (scheduled_.empty()) return;
    const auto [work, argument] = scheduled_.front();
    scheduled_.pop_front();
    lock.unlock();
    work(argument);
  }
}

leveldb::Status LevelDbEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** result) {
  leveldb::Status status = target()->NewWritableFile(name, result);
  if (!status.ok()) return status;
  if (std::string_view(name).ends_with(".ldb")) {
    *result =
        new SteadyTable(std::unique_ptr<leveldb::WritableFile>(*result), ::open(name.c_str(), O_WRONLY | O_CLOEXEC));
  }
  if (!std::string_view(name).ends_with(".log")) return status;
  *result = new NamedLogFile(std::unique_ptr<leveldb::WritableFile>(*result), name);
  logs_begun_.fetch_add(1, std::memory_order_release);
  return status;
}

}  // namespace coffer::storage

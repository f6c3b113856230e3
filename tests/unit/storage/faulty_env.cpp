// See faulty_env.hpp.

#include "tests/unit/storage/faulty_env.hpp"

#include <filesystem>
#include <memory>

namespace coffer::test {

class FaultyEnv::TrackedFile final : public leveldb::WritableFile {
 public:
  TrackedFile(FaultyEnv& env, std::string name, std::unique_ptr<leveldb::WritableFile> file)
      : env_(env), name_(std::move(name)), file_(std::move(file)) {}

  leveldb::Status Append(const leveldb::Slice& data) override {
    std::lock_guard lock(env_.mutex_);
    const bool had_power = env_.power_;
    leveldb::Status status = env_.change(Op::append, name_);
    // Power that fails during an append leaves a part of it.
    const std::size_t size = status.ok()                 ? data.size()
                             : had_power && !env_.power_ ? env_.random_() % (data.size() + 1)
                                                         : 0;
    if (size > 0) {
      if (leveldb::Status appended = file_->Append({data.data(), size}); !appended.ok()) return appended;
      env_.files_[name_].written += size;
    }
    return status;
  }
  leveldb::Status Close() override { return file_->Close(); }
  leveldb::Status Flush() override { return file_->Flush(); }
  leveldb::Status Sync() override {
    std::lock_guard lock(env_.mutex_);
    if (leveldb::Status status = env_.change(Op::sync, name_); !status.ok()) return status;
    Length& length = env_.files_[name_];
    length.synced = length.written;
    return file_->Flush();
  }

 private:
  FaultyEnv& env_;
  const std::string name_;
  std::unique_ptr<leveldb::WritableFile> file_;
};

leveldb::Status FaultyEnv::change(Op op, const std::string& name) {
  if (power_ && countdown_ != 0 && --countdown_ == 0) power_ = false;
  if (!power_) return leveldb::Status::IOError(name, "power is lost");
  return fault_ ? fault_(op, name) : leveldb::Status::OK();
}

void FaultyEnv::lose_power_after(std::uint64_t operations) {
  std::lock_guard lock(mutex_);
  countdown_ = operations;
}

void FaultyEnv::lose_power() {
  std::lock_guard lock(mutex_);
  power_ = false;
}

bool FaultyEnv::has_power() const {
  std::lock_guard lock(mutex_);
  return power_;
}

void FaultyEnv::restore_power() {
  std::lock_guard lock(mutex_);
  for (const auto& [name, length] : files_) {
    std::uint64_t keep = length.synced;
    switch (random_() % 3) {
      case 0: break;
      case 1: keep = length.written; break;
      default: keep += random_() % (length.written - length.synced + 1);
    }
    std::filesystem::resize_file(name, keep);
  }
  files_.clear();
  countdown_ = 0;
  power_ = true;
}

void FaultyEnv::set_fault(Fault fault) {
  std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
}

leveldb::Status FaultyEnv::NewWritableFile(const std::string& name, leveldb::WritableFile** result) {
  std::lock_guard lock(mutex_);
  *result = nullptr;
  if (leveldb::Status status = change(Op::create, name); !status.ok()) return status;
  leveldb::Status status = target()->NewWritableFile(name, result);
  if (!status.ok()) return status;
  files_[name] = {};
  *result = new TrackedFile(*this, name, std::unique_ptr<leveldb::WritableFile>(*result));
  return status;
}

leveldb::Status FaultyEnv::NewAppendableFile(const std::string& name, leveldb::WritableFile** result) {
  *result = nullptr;
  return leveldb::Status::NotSupported(name, "files are never continued");
}

leveldb::Status FaultyEnv::NewRandomAccessFile(const std::string& name, leveldb::RandomAccessFile** result) {
  std::lock_guard lock(mutex_);
  *result = nullptr;
  if (fault_) {
    if (leveldb::Status status = fault_(Op::open, name); !status.ok()) return status;
  }
  return target()->NewRandomAccessFile(name, result);
}

leveldb::Status FaultyEnv::RemoveFile(const std::string& name) {
  std::lock_guard lock(mutex_);
  if (leveldb::Status status = change(Op::remove, name); !status.ok()) return status;
  files_.erase(name);
  return target()->RemoveFile(name);
}

leveldb::Status FaultyEnv::RenameFile(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  if (leveldb::Status status = change(Op::rename, from); !status.ok()) return status;
  if (auto moved = files_.extract(from); !moved.empty()) {
    moved.key() = to;
    files_.erase(to);
    files_.insert(std::move(moved));
  }
  return target()->RenameFile(from, to);
}

}  // namespace coffer::test

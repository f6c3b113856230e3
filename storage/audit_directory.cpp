// See audit_directory.hpp.

#include "storage/audit_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

namespace coffer::storage {
namespace {

using model::Code;
using model::Error;
using model::Status;

constexpr std::string_view kPrefix = "audit-", kSuffix = ".jsonl";
constexpr std::size_t kDigits = 20;
constexpr std::size_t kReadBytes = 256 << 10;

Error failed(const std::string& what) { return {Code::disk_error, what + ": " + std::strerror(errno)}; }

std::string name_of(std::uint64_t first) {
  const std::string digits = std::to_string(first);
  return std::string(kPrefix) + std::string(kDigits - digits.size(), '0') + digits + std::string(kSuffix);
}

/// 0: it is none of the trail's files.
std::uint64_t first_of(std::string_view name) {
  if (name.size() != kPrefix.size() + kDigits + kSuffix.size()) return 0;
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return 0;
  std::uint64_t first = 0;
  for (const char c : name.substr(kPrefix.size(), kDigits)) {
    if (c < '0' || c > '9') return 0;
    first = first * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return first;
}

Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed("cannot write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

model::Result<AuditDirectory> AuditDirectory::open(std::string path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return failed("cannot make the audit folder " + path);
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return failed("cannot look at the audit folder " + path);
  if (!S_ISDIR(info.st_mode)) return Error(Code::disk_error, path + " is no folder; audit files go into one");
  if ((info.st_mode & 077) != 0) {
    return Error(Code::disk_error, "others may enter the audit folder " + path + ": chmod 700 it");
  }
  return AuditDirectory(std::move(path));
}

AuditDirectory::AuditDirectory(AuditDirectory&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

AuditDirectory::~AuditDirectory() {
  if (fd_ >= 0) ::close(fd_);
}

model::Result<std::vector<AuditDirectory::File>> AuditDirectory::files() const {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path_.c_str()), ::closedir);
  if (!folder) return failed("cannot read the audit folder " + path_);
  std::vector<File> files;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::uint64_t first = first_of(entry->d_name);
    struct stat info {};
    if (first == 0 || ::fstatat(::dirfd(folder.get()), entry->d_name, &info, 0) != 0) continue;
    files.push_back({first, entry->d_name, static_cast<std::uint64_t>(info.st_size),
                     static_cast<std::int64_t>(info.st_mtim.tv_sec)});
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.first < b.first; });
  return files;
}

Status AuditDirectory::each_line(const std::string& name, const std::function<bool(const Line& line)>& take) const {
  const std::string path = path_ + "/" + name;
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return failed("cannot read " + path);
  std::string buffer;
  std::uint64_t begin = 0;     // of the buffer, in the file
  std::uint64_t left_out = 0;  // bytes of the buffer's first line that are not kept
  for (;;) {
    const std::size_t held = buffer.size();
    buffer.resize(held + kReadBytes);
    const ssize_t n = ::read(fd.get(), buffer.data() + held, kReadBytes);
    if (n < 0) return failed("cannot read " + path);
    buffer.resize(held + static_cast<std::size_t>(n));
    std::size_t at = 0;
    for (std::size_t end = buffer.find('\n', held); end != std::string::npos; end = buffer.find('\n', at)) {
      const bool is_whole = left_out == 0 && end - at <= kMostLineBytes;
      begin += std::exchange(left_out, 0);
      const std::string_view text = std::string_view(buffer).substr(at, std::min(end - at, kMostLineBytes));
      if (!take({text, begin + end + 1, is_whole ? Ending::whole : Ending::too_long})) return {};
      at = end + 1;
    }
    buffer.erase(0, at);
    begin += at;
    if (n == 0) {
      if (!buffer.empty()) take({buffer, begin + left_out + buffer.size(), Ending::torn});
      return {};
    }
    // Only an end of the file ends the reading: lines may stand behind one that no record can be as long as.
    if (buffer.size() > kMostLineBytes) {
      left_out += buffer.size() - kMostLineBytes;
      buffer.resize(kMostLineBytes);
    }
  }
}

Status AuditDirectory::cut(const File& file, std::uint64_t bytes) const {
  const Descriptor fd(::open((path_ + "/" + file.name).c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.get() < 0) return failed("cannot open " + file.name);
  if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) return failed("cannot cut " + file.name);
  if (::fdatasync(fd.get()) != 0) return failed("cannot sync " + file.name);
  return {};
}

Status AuditDirectory::begin(std::uint64_t first, std::string_view text) {
  // Under another name until it is whole: a full disk must not leave a file behind that is in the next try's way, nor one
  // without its begin.
  const std::string path = path_ + "/" + name_of(first), temporary = path_ + "/begun";
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && info.st_size != 0) {
    return Error(Code::disk_error, path + " is there already; nothing is written over it");
  }
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return failed("cannot make " + temporary);
  Status status = write_all(fd, text, temporary);
  if (status && ::fdatasync(fd) != 0) status = failed("cannot sync " + temporary);
  if (status && ::rename(temporary.c_str(), path.c_str()) != 0) status = failed("cannot rename " + temporary);
  if (!status) {
    ::unlink(temporary.c_str());
  } else if (status = sync_folder(); !status) {
    ::unlink(path.c_str());
  }
  if (!status) {
    ::close(fd);
    return status;
  }
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
  size_ = text.size();
  return {};
}

Status AuditDirectory::append(std::string_view bytes) {
  if (auto status = write_all(fd_, bytes, path_); !status) {
    // A record that is there in part would be taken for damage; what came before it stays.
    if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) return failed("cannot undo a torn write in " + path_);
    return status;
  }
  size_ += bytes.size();
  return {};
}

Status AuditDirectory::sync() {
  if (fd_ >= 0 && ::fdatasync(fd_) != 0) return failed("cannot sync the audit file in " + path_);
  return {};
}

Status AuditDirectory::remove(const File& file) {
  if (::unlink((path_ + "/" + file.name).c_str()) != 0) return failed("cannot remove " + file.name);
  return sync_folder();
}

Status AuditDirectory::sync_folder() const {
  const Descriptor folder(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return failed("cannot sync the audit folder " + path_);
  return {};
}

Status AuditDirectory::write_head(std::string_view text) {
  const std::string path = path_ + "/head", temporary = path + ".new";
  {
    const Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (fd.get() < 0) return failed("cannot make " + temporary);
    if (auto status = write_all(fd.get(), text, temporary); !status) return status;
    if (::fdatasync(fd.get()) != 0) return failed("cannot sync " + temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("cannot rename " + temporary);
  return sync_folder();
}

std::string AuditDirectory::head() const {
  const Descriptor fd(::open((path_ + "/head").c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(512, '\0');
  const ssize_t n = fd.get() < 0 ? 0 : ::read(fd.get(), text.data(), text.size());
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

}  // namespace coffer::storage

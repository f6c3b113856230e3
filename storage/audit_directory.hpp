#pragma once
// The files of the audit trail on disk: a folder (0700) of append-only files (0600), named by the number of their first
// record, and a small file that says how far the trail goes. What the lines mean is actors/audit_trail's. One thread
// writes; reading opens files anew and may go on meanwhile, on any thread.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.hpp"

namespace coffer::storage {

class AuditDirectory {
 public:
  struct File {
    std::uint64_t first = 0;  // number of its first record
    std::string name;         // "audit-00000000000000000001.jsonl"
    std::uint64_t bytes = 0;
    std::int64_t written_at = 0;  // seconds since 1970
  };

  /// Makes the folder when it is missing. Errors: disk_error, one sentence that names it.
  static model::Result<AuditDirectory> open(std::string path);
  AuditDirectory(AuditDirectory&& other) noexcept;
  AuditDirectory& operator=(AuditDirectory&&) = delete;
  ~AuditDirectory();

  const std::string& path() const { return path_; }
  /// In the order of their records. Errors: disk_error.
  model::Result<std::vector<File>> files() const;
  /// Records are an eighth of it at most (actors/audit_format); programs before 2026-11-22 wrote some of several MiB.
  static constexpr std::size_t kMostLineBytes = 8 << 20;
  enum class Ending {
    whole,     // a line as it was written
    torn,      // what stands behind the last end of a line: a crash cut it off
    too_long,  // no record is; `text` is its begin, and lines follow
  };
  struct Line {
    std::string_view text;  // without its end
    std::uint64_t end = 0;  // the byte of the file behind it and its end
    Ending ending = Ending::whole;
  };
  /// Calls `take` with each line of the file; stops when it answers false.
  model::Status each_line(const std::string& name, const std::function<bool(const Line& line)>& take) const;

  /// Leaves so much of a file; on disk when it returns.
  model::Status cut(const File& file, std::uint64_t bytes) const;
  /// A new file that begins with this text, for appending; both are on disk when this returns. On an error there is no
  /// such file, and what was appended to goes on.
  model::Status begin(std::uint64_t first, std::string_view text);
  /// REQUIRES: begin() has succeeded.
  model::Status append(std::string_view bytes);
  model::Status sync();
  std::uint64_t size() const { return size_; }
  model::Status remove(const File& file);

  /// Replaces what head() answers; on disk when it returns.
  model::Status write_head(std::string_view text);
  /// Empty when there is none.
  std::string head() const;

 private:
  explicit AuditDirectory(std::string path) : path_(std::move(path)) {}
  model::Status sync_folder() const;

  std::string path_;
  int fd_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace coffer::storage

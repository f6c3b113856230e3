// Sorts LevelDB's failures by their text, for its Status tells no more than "IO error" or "Corruption" apart.

#include <cerrno>
#include <cstring>

#include <leveldb/status.h>

#include "storage/leveldb_engine.hpp"

namespace coffer::storage {
namespace {

/// LevelDB writes strerror()'s text into its statuses; asking strerror() again finds it in any locale.
bool mentions_errno(const std::string& text, int number) {
  return text.find(std::strerror(number)) != std::string::npos;
}

/// LevelDB may quote a raw key; what cannot be printed has no place in a sentence.
std::string printable(std::string text) {
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text;
}

/// "lock <path>/LOCK: ..." is a refused lock; "<path>/LOCK: ..." is a lock file that could not be opened.
bool is_refused_lock(const std::string& text) {
  return text.starts_with("IO error: lock ") && (text.find("already held by process") != std::string::npos ||
                                                 mentions_errno(text, EAGAIN) || mentions_errno(text, EACCES));
}

}  // namespace

model::Error leveldb_error(const leveldb::Status& status, const std::string& path) {
  using model::Code;
  const std::string text = printable(status.ToString());
  const std::string database = "the database " + path;
  if (status.IsCorruption()) return {Code::data_loss, "The database " + path + " is damaged (" + text + ")."};
  if (is_refused_lock(text)) return {Code::disk_error, "The database " + path + " is in use by another process."};
  if (mentions_errno(text, ENOSPC) || mentions_errno(text, EDQUOT)) {
    return {Code::disk_error, "No space is left on the disk for " + database + "."};
  }
  if (mentions_errno(text, EACCES) || mentions_errno(text, EPERM)) {
    return {Code::disk_error, "This user has no permission to use " + database + " (" + text + ")."};
  }
  if (mentions_errno(text, EROFS)) {
    return {Code::disk_error, "The file system of " + database + " is mounted read-only."};
  }
  if (mentions_errno(text, EMFILE) || mentions_errno(text, ENFILE)) {
    return {Code::disk_error, "Too many files are open to use " + database + "; raise the limit (ulimit -n)."};
  }
  return {Code::disk_error, "The disk failed under " + database + " (" + text + ")."};
}

}  // namespace coffer::storage

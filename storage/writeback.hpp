#pragma once
// Hands a file to the disk as it grows. Used for whatever is large and written while the log is: a sync of one file also
// waits for what others of the same file system have left to be written, so megabytes that come all at once hold up every
// acknowledgement. One thread per object, which it blocks while more than two strides are on their way.

#include <cstdint>

namespace coffer::storage {

class Writeback {
 public:
  /// `stride`: bytes that are handed over at a time.
  explicit Writeback(std::uint64_t stride) : stride_(stride) {}
  /// `fd` has `size` bytes by now. Advice to the kernel (sync_file_range(2)): what fails here, on a file system without it or
  /// a pipe, fails again at the sync of the file if it matters.
  void advance(int fd, std::uint64_t size);

 private:
  const std::uint64_t stride_;
  std::uint64_t handed_ = 0;  // bytes whose writing was begun
  std::uint64_t done_ = 0;    // bytes whose writing was waited for
};

}  // namespace coffer::storage

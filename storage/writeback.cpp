// See writeback.hpp.

#include "storage/writeback.hpp"

#include <fcntl.h>

#include <utility>

namespace coffer::storage {

void Writeback::advance(int fd, std::uint64_t size) {
  if (size - handed_ < stride_) return;
  const auto at = [](std::uint64_t offset) { return static_cast<off64_t>(offset); };
  ::sync_file_range(fd, at(handed_), at(size - handed_), SYNC_FILE_RANGE_WRITE);
  if (handed_ > done_) {
    ::sync_file_range(fd, at(done_), at(handed_ - done_),
                      SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  }
  done_ = std::exchange(handed_, size);
}

}  // namespace coffer::storage

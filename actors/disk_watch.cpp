// See disk_watch.hpp.

#include "actors/disk_watch.hpp"

#include <string>

namespace coffer::actors {

DiskWatch::DiskWatch(DiskLimits limits, FreeBytes free_bytes, std::function<void(std::string_view)> log,
                     std::chrono::milliseconds interval)
    : limits_(limits), ask_(std::move(free_bytes)), log_(std::move(log)) {
  look();  // before the first change is taken
  thread_ = std::thread([this, interval] {
    std::unique_lock lock(mutex_);
    while (!stopped_.wait_for(lock, interval, [this] { return stop_; })) look();
  });
}

DiskWatch::~DiskWatch() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

void DiskWatch::look() {
  const std::lock_guard lock(looking_);
  const auto free = ask_();
  if (!free) return;  // nobody knows: what was decided stands
  free_bytes_ = *free;
  full_ = *free < limits_.full_below();
  const bool was = read_only_;
  const bool is = is_read_only(was, *free, limits_);
  if (is == was) return;
  read_only_ = is;
  const std::string mib = std::to_string(*free >> 20) + " MiB are free";
  log_(is ? "the disk is nearly full (" + mib + "): this node takes no changes until there is room again"
          : "there is room on the disk again (" + mib + "): this node takes changes");
}

}  // namespace coffer::actors

#pragma once
// The entries of a group's log that are still needed in memory: for peers that lack them and for the state that has not
// applied them. It mirrors libraft's trail, which keeps only terms. Contiguous. Used by GroupCore only.

#include <deque>
#include <memory>

#include "cluster/log_room.hpp"
#include "storage/log_store.hpp"

namespace coffer::cluster {

class LogCache {
 public:
  struct Slot {
    storage::LogEntry entry;
    std::uint64_t cookie = 0;
    bool pending = false;  // proposed by this life of the core and not answered yet
  };

  /// `room` counts the trail; null: nobody does.
  explicit LogCache(std::shared_ptr<LogRoom> room = nullptr) : room_(std::move(room)) {}
  ~LogCache() { shrink_trail(trail_bytes_); }
  LogCache(const LogCache&) = delete;
  LogCache& operator=(const LogCache&) = delete;

  /// Forgets everything; the next entry is `first`.
  void reset(std::uint64_t first) {
    slots_.clear();
    first_ = first;
    covered_ = first - 1;
    shrink_trail(trail_bytes_);
  }
  std::uint64_t first() const { return first_; }
  /// first() - 1 when empty.
  std::uint64_t last() const { return first_ + slots_.size() - 1; }
  bool contains(std::uint64_t index) const { return index >= first_ && index <= last(); }
  /// REQUIRES: entry.index == last() + 1.
  void push(Slot slot) { slots_.push_back(std::move(slot)); }
  /// REQUIRES: contains(index).
  Slot& at(std::uint64_t index) { return slots_[index - first_]; }
  const Slot& at(std::uint64_t index) const { return slots_[index - first_]; }
  /// The state on the disk holds everything up to `index`: what stays of that is the trail, kept for peers alone.
  /// REQUIRES: index <= last().
  void cover(std::uint64_t index) {
    for (; covered_ < index; ++covered_) {
      const std::size_t bytes = size_of(at(covered_ + 1));
      trail_bytes_ += bytes;
      if (room_) room_->took(bytes);
    }
  }
  /// Of the entries' data.
  std::size_t trail_bytes() const { return trail_bytes_; }
  /// Drops `index` and what follows it. REQUIRES: it is behind what is covered.
  void truncate_from(std::uint64_t index) {
    while (!slots_.empty() && last() >= index) {
      slots_.pop_back();
    }
  }
  /// Drops what stands before `first`, which is covered.
  void trim_before(std::uint64_t first) {
    while (!slots_.empty() && first_ < first) {
      shrink_trail(size_of(slots_.front()));
      slots_.pop_front();
      ++first_;
    }
    first_ = slots_.empty() && first_ < first ? first : first_;
  }

 private:
  static std::size_t size_of(const Slot& slot) { return slot.entry.data ? slot.entry.data->size() : 0; }
  void shrink_trail(std::size_t bytes) {
    trail_bytes_ -= bytes;
    if (room_) room_->gave_back(bytes);
  }

  std::shared_ptr<LogRoom> room_;
  std::deque<Slot> slots_;
  std::uint64_t first_ = 1;
  std::uint64_t covered_ = 0;
  std::size_t trail_bytes_ = 0;
};

}  // namespace coffer::cluster

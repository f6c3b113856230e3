#pragma once
// The entries of a group's log that are still needed in memory: for peers that lack them and for the state that has not
// applied them. It mirrors libraft's trail, which keeps only terms. Contiguous. Used by GroupCore only.

#include <deque>

#include "storage/log_store.hpp"

namespace coffer::cluster {

class LogCache {
 public:
  struct Slot {
    storage::LogEntry entry;
    std::uint64_t cookie = 0;
    bool pending = false;  // proposed by this life of the core and not answered yet
  };

  /// Forgets everything; the next entry is `first`.
  void reset(std::uint64_t first) {
    slots_.clear();
    first_ = first;
    bytes_ = 0;
  }
  std::uint64_t first() const { return first_; }
  /// first() - 1 when empty.
  std::uint64_t last() const { return first_ + slots_.size() - 1; }
  /// Of the entries' data.
  std::size_t bytes() const { return bytes_; }
  bool contains(std::uint64_t index) const { return index >= first_ && index <= last(); }
  /// REQUIRES: entry.index == last() + 1.
  void push(Slot slot) {
    bytes_ += size_of(slot);
    slots_.push_back(std::move(slot));
  }
  /// REQUIRES: contains(index).
  Slot& at(std::uint64_t index) { return slots_[index - first_]; }
  const Slot& at(std::uint64_t index) const { return slots_[index - first_]; }
  /// Drops `index` and what follows it.
  void truncate_from(std::uint64_t index) {
    while (!slots_.empty() && last() >= index) {
      bytes_ -= size_of(slots_.back());
      slots_.pop_back();
    }
  }
  /// Drops what stands before `first`.
  void trim_before(std::uint64_t first) {
    while (!slots_.empty() && first_ < first) {
      bytes_ -= size_of(slots_.front());
      slots_.pop_front();
      ++first_;
    }
    first_ = slots_.empty() && first_ < first ? first : first_;
  }

 private:
  static std::size_t size_of(const Slot& slot) { return slot.entry.data ? slot.entry.data->size() : 0; }

  std::deque<Slot> slots_;
  std::uint64_t first_ = 1;
  std::size_t bytes_ = 0;
};

}  // namespace coffer::cluster

#pragma once
// Memory for keys: 32-byte slots in pages that are locked against swapping, left out of core dumps and fenced by
// unreadable pages. Used by Key only (and by its test). Thread-safe.

#include <cstddef>
#include <mutex>
#include <vector>

namespace coffer::crypto {

class KeyArena {
 public:
  static constexpr std::size_t kSlotSize = 32;
  /// mlock's signature; tests pass one that refuses.
  using Lock = int (*)(const void* address, std::size_t size);

  explicit KeyArena(Lock lock);
  KeyArena(const KeyArena&) = delete;
  KeyArena& operator=(const KeyArena&) = delete;
  /// Wipes and unmaps everything. REQUIRES: no slot is used after it.
  ~KeyArena();

  /// A zeroed slot. Throws std::bad_alloc when the kernel has no page left, as operator new does.
  unsigned char* allocate();
  /// Wipes the slot before another caller can get it. The memory stays mapped.
  void release(unsigned char* slot) noexcept;
  /// True when every page so far is really locked.
  bool locked();

 private:
  void grow();  // REQUIRES: mutex_ held

  const Lock lock_;
  std::mutex mutex_;
  std::vector<unsigned char*> regions_;  // each with its two guards
  std::vector<unsigned char*> free_;     // capacity for every slot, so that release never allocates
  bool locked_ = true;
};

/// The process's arena. Never destroyed: keys in static objects may outlive main().
KeyArena& key_arena();

}  // namespace coffer::crypto

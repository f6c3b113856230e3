// Pages for keys. A region is: guard page, 16 KiB of slots, guard page. Regions are small so that the first ones can be
// locked even under a limit of 64 KiB, and big enough that 100,000 open tenants stay far below the kernel's mapping limit.

#include "crypto/arena.hpp"

#include <new>

#include <sys/mman.h>
#include <unistd.h>
#include <openssl/crypto.h>

namespace coffer::crypto {
namespace {

constexpr std::size_t kRegionBytes = 16 * 1024;

std::size_t guard_bytes() {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return page;
}
// Whole pages, also where a page is 64 KiB.
std::size_t slot_bytes() { return kRegionBytes < guard_bytes() ? guard_bytes() : kRegionBytes; }

}  // namespace

KeyArena::KeyArena(Lock lock) : lock_(lock) {}

KeyArena::~KeyArena() {
  for (unsigned char* region : regions_) {
    OPENSSL_cleanse(region + guard_bytes(), slot_bytes());
    ::munmap(region, slot_bytes() + 2 * guard_bytes());
  }
}

void KeyArena::grow() {
  const std::size_t slots = slot_bytes() / kSlotSize;
  regions_.reserve(regions_.size() + 1);
  free_.reserve((regions_.size() + 1) * slots);
  const std::size_t size = slot_bytes() + 2 * guard_bytes();
  void* mapped = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  auto* region = static_cast<unsigned char*>(mapped);
  unsigned char* first = region + guard_bytes();
  if (::mprotect(first, slot_bytes(), PROT_READ | PROT_WRITE) != 0) {
    ::munmap(mapped, size);
    throw std::bad_alloc();
  }
  // Advice that an old kernel may not know; core dumps are off for the whole process as well (process.hpp).
  ::madvise(first, slot_bytes(), MADV_DONTDUMP);
  if (lock_(first, slot_bytes()) != 0) locked_ = false;
  regions_.push_back(region);
  for (std::size_t i = slots; i-- > 0;) free_.push_back(first + i * kSlotSize);
}

unsigned char* KeyArena::allocate() {
  const std::lock_guard guard(mutex_);
  if (free_.empty()) grow();
  unsigned char* slot = free_.back();
  free_.pop_back();
  return slot;
}

void KeyArena::release(unsigned char* slot) noexcept {
  OPENSSL_cleanse(slot, kSlotSize);
  const std::lock_guard guard(mutex_);
  free_.push_back(slot);
}

bool KeyArena::locked() {
  const std::lock_guard guard(mutex_);
  if (regions_.empty()) grow();  // the answer must come from the kernel, not from hope
  return locked_;
}

KeyArena& key_arena() {
  static KeyArena* const arena = new KeyArena(::mlock);
  return *arena;
}

}  // namespace coffer::crypto

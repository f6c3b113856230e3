// Key memory: locked, fenced, not dumped, wiped on release. The tests look at the arena's own memory, which stays mapped
// after a release, and at what the kernel says of it.

#include "crypto/key.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include <sys/mman.h>

#include "crypto/arena.hpp"
#include "support.hpp"

namespace coffer::crypto {
namespace {

/// One mapping of /proc/self/smaps.
struct Mapping {
  std::uintptr_t begin = 0, end = 0;
  std::string access, flags;
};

std::vector<Mapping> mappings() {
  std::vector<Mapping> all;
  std::ifstream in("/proc/self/smaps");
  for (std::string line; std::getline(in, line);) {
    unsigned long begin = 0, end = 0;
    char access[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, access) == 3) all.push_back({begin, end, access, ""});
    if (line.starts_with("VmFlags:") && !all.empty()) all.back().flags = line.substr(8) + " ";
  }
  return all;
}

constexpr std::string_view kZeros("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Key::kSize);

TEST(KeyMemory, IsFencedAndLeftOutOfCoreDumps) {
  const Key key = Key::generate(system_random());
  const auto address = reinterpret_cast<std::uintptr_t>(key.bytes().data());
  const auto all = mappings();
  std::size_t at = 0;
  while (at < all.size() && !(all[at].begin <= address && address < all[at].end)) ++at;
  ASSERT_LT(at, all.size());
  EXPECT_EQ(all[at].access, "rw-p");
  EXPECT_NE(all[at].flags.find(" dd "), std::string::npos) << all[at].flags;
  ASSERT_GT(at, 0U);
  ASSERT_LT(at + 1, all.size());
  EXPECT_EQ(all[at - 1].end, all[at].begin);
  EXPECT_EQ(all[at - 1].access, "---p");
  EXPECT_EQ(all[at + 1].begin, all[at].end);
  EXPECT_EQ(all[at + 1].access, "---p");
#ifndef COFFER_SANITIZED  // their runtimes make mlock a no-op
  EXPECT_EQ(all[at].flags.find(" lo ") != std::string::npos, key_memory_is_locked()) << all[at].flags;
#endif
}

TEST(KeyMemory, IsWipedWhenAKeyEnds) {
  const char* slot = nullptr;
  {
    const Key key = Key::generate(system_random());
    slot = key.bytes().data();
    ASSERT_NE(key.bytes(), kZeros);
  }
  EXPECT_EQ(std::string_view(slot, Key::kSize), kZeros);
}

TEST(KeyMemory, IsWipedWhenAKeyIsOverwrittenByAMove) {
  Key old = Key::generate(system_random());
  Key fresh = Key::generate(system_random());
  const char* old_slot = old.bytes().data();
  const char* fresh_slot = fresh.bytes().data();
  old = std::move(fresh);
  EXPECT_EQ(std::string_view(old_slot, Key::kSize), kZeros);
  EXPECT_EQ(old.bytes().data(), fresh_slot) << "a move must not copy the bytes";
  EXPECT_NE(old.bytes(), kZeros);
}

TEST(KeyMemory, SurvivesASelfMove) {
  Key key = Key::generate(system_random());
  const std::string before(key.bytes());
  Key& same = key;
  key = std::move(same);
  EXPECT_EQ(key.bytes(), before);
}

TEST(Key, ComparesAndDuplicatesByValue) {
  SeededRandom random(1);
  const Key key = Key::generate(random);
  const Key copy = key.duplicate();
  EXPECT_TRUE(key == copy);
  EXPECT_NE(key.bytes().data(), copy.bytes().data());
  for (std::size_t bit = 0; bit < Key::kSize * 8; ++bit) {
    EXPECT_FALSE(key == Key::from_bytes(test::with_flipped_bit(std::string(key.bytes()), bit)));
  }
}

TEST(Key, PrintsAsRedacted) {
  std::ostringstream out;
  out << Key::generate(system_random());
  EXPECT_EQ(out.str(), "[redacted]");
}

TEST(KeyArena, ReusesASlotOnlyWiped) {
  KeyArena arena(::mlock);
  unsigned char* slot = arena.allocate();
  std::memset(slot, 0xa5, KeyArena::kSlotSize);
  arena.release(slot);
  unsigned char* again = arena.allocate();
  EXPECT_EQ(again, slot);
  EXPECT_EQ(std::string_view(reinterpret_cast<char*>(again), KeyArena::kSlotSize), kZeros);
}

TEST(KeyArena, WorksUnlockedAndSaysSoWhenTheKernelForbidsLocking) {
  KeyArena arena([](const void*, std::size_t) {
    errno = ENOMEM;
    return -1;
  });
  unsigned char* slot = arena.allocate();
  std::memset(slot, 0xa5, KeyArena::kSlotSize);
  EXPECT_FALSE(arena.locked());
  arena.release(slot);
  EXPECT_EQ(slot[0], 0);
}

TEST(KeyArena, SaysSoBeforeTheFirstKey) {
  KeyArena refused([](const void*, std::size_t) { return -1; });
  EXPECT_FALSE(refused.locked());
  KeyArena granted([](const void*, std::size_t) { return 0; });
  EXPECT_TRUE(granted.locked());
}

TEST(KeyArena, GrowsAndNeverHandsOutASlotTwice) {
  KeyArena arena(::mlock);
  std::set<unsigned char*> slots;
  for (int i = 0; i < 5000; ++i) {
    unsigned char* slot = arena.allocate();
    ASSERT_TRUE(slots.insert(slot).second);
    std::memset(slot, 0xff, KeyArena::kSlotSize);
  }
  for (auto it = std::next(slots.begin()); it != slots.end(); ++it) {
    ASSERT_GE(*it - *std::prev(it), static_cast<std::ptrdiff_t>(KeyArena::kSlotSize));
  }
  for (unsigned char* slot : slots) arena.release(slot);
}

TEST(KeyArena, ServesManyThreads) {
  KeyArena arena(::mlock);
  std::vector<std::thread> threads;
  std::atomic<int> mixed{0};
  for (int t = 1; t <= 4; ++t) {
    threads.emplace_back([&arena, &mixed, t] {
      for (int round = 0; round < 200; ++round) {
        std::vector<unsigned char*> mine;
        for (int i = 0; i < 20; ++i) {
          mine.push_back(arena.allocate());
          if (std::string_view(reinterpret_cast<char*>(mine.back()), KeyArena::kSlotSize) != kZeros) ++mixed;
          std::memset(mine.back(), t, KeyArena::kSlotSize);
        }
        for (unsigned char* slot : mine) {
          if (slot[0] != t || slot[KeyArena::kSlotSize - 1] != t) ++mixed;
          arena.release(slot);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(mixed, 0);
}

}  // namespace
}  // namespace coffer::crypto

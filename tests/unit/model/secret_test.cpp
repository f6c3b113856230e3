// Secrets are wiped before their memory is given back, never printed, and compared in full. The wiping is observed where
// it matters: this file replaces operator delete and looks for a canary in each block that is released.

#include "model/secret.hpp"

#include <malloc.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <optional>
#include <sstream>
#include <vector>

#include "model/payload.hpp"

namespace {

constexpr std::string_view kCanary = "canary-7f3a-in-released-memory";

constexpr std::string_view kCanaryAsJson = R"({"a":"canary-7f3a-in-released-memory"})";

// Single-threaded: armed only within a test's scope.
struct Watch {
  bool armed = false;
  int released_with_canary = 0;
} watch;

void release(void* block) noexcept {
  if (watch.armed && block != nullptr) {
    const std::size_t size = malloc_usable_size(block);
    if (memmem(block, size, kCanary.data(), kCanary.size()) != nullptr) ++watch.released_with_canary;
  }
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* block = std::malloc(size == 0 ? 1 : size)) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size == 0 ? 1 : size); }
void operator delete(void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }

namespace coffer::model {
namespace {

// How many blocks that still hold the canary does `body` release?
template <class Body>
int dirty_releases(const Body& body) {
  watch = {true, 0};
  body();
  watch.armed = false;
  return watch.released_with_canary;
}

TEST(SecretWiping, TheWatchSeesOrdinaryMemoryThatIsNotWiped) {
  EXPECT_EQ(dirty_releases([] {
              std::vector<char> ordinary(kCanary.begin(), kCanary.end());
              asm volatile("" : : "r"(ordinary.data()) : "memory");
            }),
            1);
}

TEST(SecretWiping, ASecretIsWipedBeforeItsMemoryIsReleased) {
  EXPECT_EQ(dirty_releases([] { Secret secret(kCanary); }), 0);
}

TEST(SecretWiping, GrowthWipesTheOldBuffer) {
  EXPECT_EQ(dirty_releases([] {
              Secret secret(kCanary);
              for (int i = 0; i < 100; ++i) secret.append(kCanary);
              secret.reserve(1 << 16);
            }),
            0);
}

TEST(SecretWiping, AssignmentAndOptionalsWipeWhatTheyReplace) {
  EXPECT_EQ(dirty_releases([] {
              Secret secret(kCanary);
              secret = Secret("short");
              Secret other(kCanary);
              other = std::move(secret);
              std::optional<Secret> maybe(kCanary);
              maybe.reset();
            }),
            0);
}

TEST(SecretWiping, AllocatorWipesContainers) {
  EXPECT_EQ(dirty_releases([] {
              std::vector<char, WipingAllocator<char>> bytes(kCanary.begin(), kCanary.end());
              bytes.insert(bytes.end(), kCanary.begin(), kCanary.end());
              asm volatile("" : : "r"(bytes.data()) : "memory");
            }),
            0);
}

TEST(SecretWiping, PayloadsOfEveryKindAreWipedThroughEncodingAndProjection) {
  EXPECT_EQ(dirty_releases([] {
              Payload map{PayloadKind::map, {}, {}};
              map.map.emplace_back("key", Secret(kCanary));
              const Payload json{PayloadKind::json, Secret(kCanaryAsJson), {}};
              for (const Payload& payload : {Payload::of_text(kCanary), map, json}) {
                Secret encoded = encode_payload(payload);
                (void)decode_payload(encoded.expose());
                (void)decode_payload(std::move(encoded));
                (void)as_text(payload);
                (void)as_bytes(payload);
                (void)as_map(payload, "value");
              }
            }),
            0);
}

TEST(SecretWiping, JsonMembersAreWiped) {
  std::string text = "{\"member\":\"" + std::string(kCanary) + "\\n\",\"other\":[\"" + std::string(kCanary) + "\"]}";
  EXPECT_EQ(dirty_releases([&] { (void)as_map({PayloadKind::json, Secret(text), {}}, "value"); }), 0);
}

TEST(Secret, CutOffBytesAreWipedAtOnce) {
  Secret secret("0123456789");
  secret.resize(4);
  EXPECT_EQ(secret.expose(), "0123");
  // The bytes behind the end still belong to the secret's buffer, so that they may be looked at.
  EXPECT_EQ(std::string_view(secret.expose().data(), 10), std::string("0123\0\0\0\0\0\0", 10));
  secret.resize(10);
  EXPECT_EQ(secret.expose(), std::string("0123\0\0\0\0\0\0", 10));
  secret.drop_front(2);
  EXPECT_EQ(secret.expose(), std::string("23\0\0\0\0\0\0", 8));
}

TEST(Secret, DroppedFrontLeavesNoCopyBehind) {
  Secret secret("ABCDEFGH");
  secret.drop_front(6);
  EXPECT_EQ(secret.expose(), "GH");
  EXPECT_EQ(std::string_view(secret.expose().data(), 8), std::string("GH\0\0\0\0\0\0", 8));
}

TEST(Secret, WipeOverwritesExactlyTheRange) {
  char bytes[] = "abcdef";
  wipe(bytes + 1, 3);
  EXPECT_EQ(std::string_view(bytes, 6), std::string("a\0\0\0ef", 6));
  wipe(nullptr, 0);
}

TEST(Secret, AppendsItsOwnBytes) {
  Secret secret("abc");
  secret.append(secret.expose());
  secret.append(secret.expose());
  EXPECT_EQ(secret.expose(), "abcabcabcabc");
}

TEST(Secret, AMovedFromSecretIsEmpty) {
  Secret from("value");
  const Secret to(std::move(from));
  EXPECT_EQ(to.expose(), "value");
  EXPECT_TRUE(from.empty());  // NOLINT: that is what is tested
  from.append("again");
  EXPECT_EQ(from.expose(), "again");
}

TEST(Secret, CopiesDoNotShare) {
  const Secret original("value");
  Secret copy = original;
  copy.expose_mutable()[0] = 'V';
  EXPECT_EQ(original.expose(), "value");
  EXPECT_EQ(copy.expose(), "Value");
}

TEST(Secret, OfSizeIsZero) {
  EXPECT_EQ(Secret::of_size(3).expose(), std::string(3, '\0'));
  EXPECT_TRUE(Secret::of_size(0).empty());
}

TEST(Secret, IsPrintedRedacted) {
  const Secret secret("hunter2");
  std::ostringstream out;
  out << secret;
  EXPECT_EQ(out.str(), "[redacted]");
  EXPECT_EQ(to_string(secret), "[redacted]");
  EXPECT_EQ(testing::PrintToString(secret), "[redacted]");
}

TEST(Secret, EqualityLooksAtEveryByteAndAtTheLength) {
  const std::string text(70, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] ^= 1;
    EXPECT_FALSE(Secret(text) == Secret(other)) << i;
  }
  EXPECT_TRUE(Secret(text) == Secret(text));
  EXPECT_FALSE(Secret(text) == Secret(text + "x"));
  EXPECT_TRUE(Secret() == Secret(""));
  Secret shorter("abc");
  shorter.resize(2);  // its buffer goes on with a zero
  EXPECT_FALSE(Secret(std::string_view("ab\0", 3)) == shorter);
}

}  // namespace
}  // namespace coffer::model

// A key is a pointer to a slot of the arena; a moved-from key has none. Any thread, one thread per object.

#include "crypto/key.hpp"

#include <cassert>
#include <cstring>
#include <utility>

#include "crypto/arena.hpp"
#include "model/constant_time.hpp"

namespace coffer::crypto {

static_assert(Key::kSize == KeyArena::kSlotSize);

Key::Key(Key&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}

Key& Key::operator=(Key&& other) noexcept {
  std::swap(slot_, other.slot_);  // a self-move changes nothing; the old bytes are wiped at once
  if (this != &other && other.slot_ != nullptr) key_arena().release(std::exchange(other.slot_, nullptr));
  return *this;
}

Key::~Key() {
  if (slot_ != nullptr) key_arena().release(slot_);
}

Key Key::generate(Random& random) {
  Key key(key_arena().allocate());
  random.fill({key.slot_, kSize});
  return key;
}

Key Key::from_bytes(std::string_view raw) {
  assert(raw.size() == kSize);
  Key key(key_arena().allocate());
  std::memcpy(key.slot_, raw.data(), kSize);
  return key;
}

Key Key::duplicate() const { return from_bytes(bytes()); }

std::string_view Key::bytes() const {
  assert(slot_ != nullptr);
  return {reinterpret_cast<const char*>(slot_), kSize};
}

bool operator==(const Key& a, const Key& b) { return model::equal_constant_time(a.bytes(), b.bytes()); }

bool key_memory_is_locked() { return key_arena().locked(); }

}  // namespace coffer::crypto

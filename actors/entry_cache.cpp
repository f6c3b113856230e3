// See entry_cache.hpp.

#include "actors/entry_cache.hpp"

namespace coffer::actors {

namespace {

constexpr std::size_t kMaxSlots = 4096;   // per shard
constexpr std::int64_t kSlotBytes = 512;  // of the maps, the slot and a small entry

std::int64_t cost(const EntryCache::Slot& slot) {
  std::int64_t bytes = kSlotBytes + static_cast<std::int64_t>(slot.sealed_payload.size());
  if (slot.committed) bytes += static_cast<std::int64_t>(slot.committed->versions.size() * sizeof(model::Version));
  return bytes;
}

}  // namespace

EntryCache::~EntryCache() {
  for (auto& [hash, slot] : slots_) budget_.used -= slot.charged;
}

EntryCache::Slot& EntryCache::slot(std::string_view hash) {
  auto found = slots_.find(hash);
  if (found == slots_.end()) {
    found = slots_.emplace(std::string(hash), Slot{}).first;
    used_.push_front(found->first);
    found->second.used_at = used_.begin();
  } else {
    used_.splice(used_.begin(), used_, found->second.used_at);
  }
  return found->second;
}

const EntryCache::Slot* EntryCache::find(std::string_view hash) const {
  const auto found = slots_.find(hash);
  return found == slots_.end() ? nullptr : &found->second;
}

void EntryCache::charge(Slot& slot) {
  const std::int64_t now = cost(slot);
  budget_.used += now - slot.charged;
  slot.charged = now;
  if (slots_.size() > kMaxSlots) evict_down_to(kMaxSlots);
  if (budget_.exceeded()) evict_down_to(slots_.size() / 2 + 1);
}

void EntryCache::commit(std::string_view hash, std::uint64_t sequence) {
  auto found = slots_.find(hash);
  if (found == slots_.end()) return;
  Slot& slot = found->second;
  std::size_t done = 0;
  while (done < slot.pending.size() && slot.pending[done].sequence <= sequence) {
    slot.committed = slot.pending[done].entry;
    slot.known = true;
    ++done;
  }
  slot.pending.erase(slot.pending.begin(), slot.pending.begin() + static_cast<std::ptrdiff_t>(done));
}

void EntryCache::shrink() { evict_down_to(0); }

// The most recent slot stays, for its caller still holds it.
void EntryCache::evict_down_to(std::size_t keep) {
  auto it = used_.end();
  while (slots_.size() > keep && it != used_.begin()) {
    --it;
    if (it == used_.begin() && keep > 0) return;
    auto found = slots_.find(*it);
    if (!found->second.pending.empty()) continue;
    budget_.used -= found->second.charged;
    it = used_.erase(it);
    slots_.erase(found);
  }
}

}  // namespace coffer::actors

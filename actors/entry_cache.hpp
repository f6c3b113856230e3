#pragma once
// Opened metadata and still sealed payloads of the entries that a shard used last, within a budget that all shards of
// the node share. Keeps the committed state of an entry apart from states that are decided and not committed.
// One per shard; that shard's actor only; the budget is shared and atomic.

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/entry.hpp"

namespace coffer::actors {

/// Bytes that caches of all shards of this node may hold together.
struct CacheBudget {
  explicit CacheBudget(std::int64_t bytes) : limit(bytes) {}
  std::atomic<std::int64_t> used{0};
  const std::int64_t limit;
  bool exceeded() const { return used.load(std::memory_order_relaxed) > limit; }
};

using EntryPtr = std::shared_ptr<const model::Entry>;

class EntryCache {
 public:
  explicit EntryCache(CacheBudget& budget) : budget_(budget) {}
  EntryCache(const EntryCache&) = delete;
  EntryCache& operator=(const EntryCache&) = delete;
  ~EntryCache();

  struct Slot {
    EntryPtr committed;  // null: known not to exist, when `known`
    bool known = false;
    struct Pending {
      std::uint64_t sequence;
      EntryPtr entry;
    };
    std::vector<Pending> pending;  // decided, not committed; in order
    std::uint64_t payload_version = 0;
    std::string sealed_payload;  // of payload_version; empty: not cached

   private:
    friend class EntryCache;
    std::list<std::string_view>::iterator used_at;
    std::int64_t charged = 0;
  };

  /// The slot of an entry's hash, made when missing; valid until the next call of slot() or shrink().
  Slot& slot(std::string_view hash);
  /// The slot when there is one; does not count as a use.
  const Slot* find(std::string_view hash) const;
  /// To be called after a slot was changed: charges the budget and evicts what is not needed.
  void charge(Slot& slot);
  /// Everything up to `sequence` is committed.
  void commit(std::string_view hash, std::uint64_t sequence);
  /// Gives back everything that is not pending.
  void shrink();
  std::size_t size() const { return slots_.size(); }

 private:
  void evict_down_to(std::size_t keep);

  struct TransparentHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  CacheBudget& budget_;
  std::unordered_map<std::string, Slot, TransparentHash, std::equal_to<>> slots_;
  std::list<std::string_view> used_;  // most recent first; views of the map's keys
};

}  // namespace coffer::actors

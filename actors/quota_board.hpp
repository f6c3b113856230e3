#pragma once
// What the tenants at work on this node hold and may hold, for /metrics. Each shard's core has a place here for as long as it
// runs and writes its numbers there; whoever looks adds up what he finds. Any thread: places are atomics, the list of them
// is under a mutex that only beginning and ending shards and lookers take.

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "model/ids.hpp"
#include "model/quota.hpp"
#include "model/quota_use.hpp"

namespace coffer::actors {

class QuotaBoard {
 public:
  /// One tenant's numbers; gone with its shard.
  class Place {
   public:
    Place(QuotaBoard& board, const model::TenantId& tenant);
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    void hold(std::uint64_t entries, std::uint64_t bytes) {
      entries_.store(entries, std::memory_order_relaxed);
      bytes_.store(bytes, std::memory_order_relaxed);
    }
    void limit(const model::QuotaLimits& limits);

   private:
    friend class QuotaBoard;
    model::QuotaUse use() const;

    QuotaBoard& board_;
    const model::TenantId tenant_;
    std::atomic<std::uint64_t> entries_{0}, bytes_{0};
    std::array<std::atomic<std::uint64_t>, model::kLimits> limits_{};
  };

  /// Of all tenants at work. A limit counts only those who have it.
  struct Totals {
    struct Held {
      std::uint64_t used = 0;          // by all of them
      std::uint64_t limited = 0;       // tenants with such a limit
      std::uint64_t limited_used = 0;  // what those hold
      std::uint64_t limit = 0;         // what those may hold
      double fullest = 0;              // the highest part of its limit that one of them holds
    };
    Held entries, bytes;
  };
  Totals totals() const;
  /// None: its shard does not run here.
  std::optional<model::QuotaUse> use_of(const model::TenantId& tenant) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_multimap<model::TenantId, const Place*> places_;  // a new life may begin before the last one is gone
};

}  // namespace coffer::actors

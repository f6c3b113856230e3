// See context.hpp.

#include "actors/context.hpp"

#include <time.h>

namespace coffer::actors {

ShardTable::Shard ShardTable::find(const model::TenantId& tenant) const {
  const Stripe& s = stripe(tenant);
  std::shared_lock lock(s.mutex);
  auto found = s.shards.find(tenant);
  return found == s.shards.end() ? Shard() : found->second;
}

void ShardTable::put(const model::TenantId& tenant, Shard shard) {
  Stripe& s = stripe(tenant);
  std::unique_lock lock(s.mutex);
  if (s.shards.insert_or_assign(tenant, std::move(shard)).second) ++size_;
}

void ShardTable::remove(const model::TenantId& tenant) {
  Stripe& s = stripe(tenant);
  std::unique_lock lock(s.mutex);
  if (s.shards.erase(tenant) != 0) --size_;
}

cluster::MonotonicMs boot_clock_ms() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<cluster::MonotonicMs>(now.tv_sec) * 1000 +
         static_cast<cluster::MonotonicMs>(now.tv_nsec) / 1'000'000;
}

}  // namespace coffer::actors

// See quota_board.hpp.

#include "actors/quota_board.hpp"

#include <algorithm>

namespace coffer::actors {

using model::Limit;

QuotaBoard::Place::Place(QuotaBoard& board, const model::TenantId& tenant) : board_(board), tenant_(tenant) {
  const std::lock_guard lock(board_.mutex_);
  board_.places_.emplace(tenant_, this);
}

QuotaBoard::Place::~Place() {
  const std::lock_guard lock(board_.mutex_);
  const auto [begin, end] = board_.places_.equal_range(tenant_);
  const auto mine = std::find_if(begin, end, [this](const auto& place) { return place.second == this; });
  if (mine != end) board_.places_.erase(mine);
}

void QuotaBoard::Place::limit(const model::QuotaLimits& limits) {
  for (const Limit limit : model::kAllLimits) {
    limits_[static_cast<std::size_t>(limit)].store(limits[limit], std::memory_order_relaxed);
  }
}

model::QuotaUse QuotaBoard::Place::use() const {
  model::QuotaUse use{entries_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed), {}};
  for (const Limit limit : model::kAllLimits) {
    use.limits[limit] = limits_[static_cast<std::size_t>(limit)].load(std::memory_order_relaxed);
  }
  return use;
}

QuotaBoard::Totals QuotaBoard::totals() const {
  Totals totals;
  const auto add = [](Totals::Held& held, std::uint64_t used, std::uint64_t limit) {
    held.used += used;
    if (limit == 0) return;
    ++held.limited;
    held.limited_used += used;
    held.limit += limit;
    held.fullest = std::max(held.fullest, static_cast<double>(used) / static_cast<double>(limit));
  };
  const std::lock_guard lock(mutex_);
  for (const auto& [tenant, place] : places_) {
    const model::QuotaUse use = place->use();
    add(totals.entries, use.entries, use.limits[Limit::entries]);
    add(totals.bytes, use.bytes, use.limits[Limit::bytes]);
  }
  return totals;
}

std::optional<model::QuotaUse> QuotaBoard::use_of(const model::TenantId& tenant) const {
  const std::lock_guard lock(mutex_);
  const auto found = places_.find(tenant);
  if (found == places_.end()) return std::nullopt;
  return found->second->use();
}

}  // namespace coffer::actors

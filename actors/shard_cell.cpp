// See shard_cell.hpp.

#include "actors/shard_cell.hpp"

namespace coffer::actors {

bool ShardCell::try_acquire() {
  std::uint32_t expected = free;
  return state_.compare_exchange_strong(expected, taken, std::memory_order_acquire, std::memory_order_relaxed);
}

void ShardCell::acquire() {
  if (try_acquire()) return;
  // Whoever has waited leaves the mark, for he cannot know whether others still wait.
  while (state_.exchange(awaited, std::memory_order_acquire) != free) state_.wait(awaited, std::memory_order_relaxed);
}

void ShardCell::release() {
  if (state_.exchange(free, std::memory_order_release) == awaited) state_.notify_one();
}

ShardCell::Turn ShardCell::turn() {
  acquire();
  return Turn(*this);
}

bool ShardCell::try_get(const model::Request& request, model::Result<model::Reply>& reply, AuditNote* note) {
  if (!try_acquire()) return false;
  const Turn turn(*this);
  if (core_ == nullptr || !core_->get_from_memory(request, reply, note)) return false;
  mark();
  return true;
}

void ShardCell::close() {
  const Turn mine = turn();
  core_.reset();
}

}  // namespace coffer::actors

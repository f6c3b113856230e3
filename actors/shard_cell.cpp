// See shard_cell.hpp.

#include "actors/shard_cell.hpp"

namespace coffer::actors {

ShardCell::Turn ShardCell::turn() {
  free_.acquire();
  return Turn(*this);
}

std::optional<model::Result<model::Reply>> ShardCell::try_get(const model::Request& request) {
  if (!free_.try_acquire()) return std::nullopt;
  const Turn turn(*this);
  if (core_ == nullptr) return std::nullopt;
  auto reply = core_->get_from_memory(request);
  if (reply) touch();
  return reply;
}

void ShardCell::close() {
  const Turn mine = turn();
  core_.reset();
}

}  // namespace coffer::actors

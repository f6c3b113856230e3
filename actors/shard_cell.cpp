// See shard_cell.hpp.

#include "actors/shard_cell.hpp"

namespace coffer::actors {

ShardCell::Turn ShardCell::turn() { return Turn(*this); }

bool ShardCell::try_get(const model::Request& request, model::Result<model::Reply>& reply, AuditNote* note) {
  const Turns::Turn turn = turns_.try_take();
  if (!turn || core_ == nullptr || !core_->get_from_memory(request, reply, note)) return false;
  mark();
  return true;
}

void ShardCell::close() {
  const Turn mine = turn();
  core_.reset();
}

}  // namespace coffer::actors

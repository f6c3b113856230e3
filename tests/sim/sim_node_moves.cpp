// Moves of tenants at a simulated node: the values of actors/tenant_move.hpp, carried out as actors/move_keeper.cpp does.
// See sim_node.hpp.

#include "actors/write_set.hpp"
#include "coffer/store/v1/records.pb.h"
#include "storage/keys.hpp"
#include "tests/sim/sim_node.hpp"

namespace coffer::sim {

using Kind = actors::MoveOrder::Kind;

namespace {

constexpr std::uint32_t kPieceBytes = 700;  // so that a tenant comes in several
constexpr std::size_t kListed = 5;
constexpr int kTries = 30;

std::string audit_of(std::string_view action) {
  if (action.empty()) return {};
  store::v1::AuditRecord audit;
  audit.set_format(1);
  audit.set_action(std::string(action));
  return audit.SerializeAsString();
}

}  // namespace

/// As MoveKeeper::noticed does.
void SimNode::noticed(const model::TenantInfo& tenant) {
  const std::size_t index = tenant_of_name(tenant.name);
  if (tenant.moving_to.value == 0 && tenant.moved_from.value == 0) {
    moving_.erase(index);
  } else {
    moving_[index] = tenant;
  }
}

void SimNode::attend_moves() {
  for (const auto& [index, tenant] : moving_) {
    if (moves_.contains(index)) {
      continue;
    }
    if (tenant.moving_to.value != 0 && leads(tenant.moving_to)) {
      Move& move = moves_[index];
      move.tenant = tenant;
      move.group = tenant.moving_to;
      move.mover.emplace(tenant.moves, tenant.group, tenant.moving_to, random_.bytes(16));
      step_move(index);
    } else if (tenant.moved_from.value != 0 && leads(tenant.moved_from)) {
      Move& move = moves_[index];
      move.tenant = tenant;
      move.group = tenant.moved_from;
      move.sweeper.emplace(tenant.moves, tenant.group);
      step_move(index);
    }
  }
}

std::optional<std::string> SimNode::mark_of(const model::TenantId& tenant, model::GroupId group) const {
  const storage::TenantRows rows(state_disk_, group, groups_.at(group).core->generation(), tenant);
  auto mark = rows.get(storage::kMoveRow);
  require(mark.ok(), "the state cannot be read");
  return *mark;
}

bool SimNode::owns(const model::TenantId& tenant, model::GroupId group) const {
  const storage::TenantRows rows(state_disk_, group, groups_.at(group).core->generation(), tenant);
  return rows.get(storage::kHeaderRow)->has_value() && !mark_of(tenant, group);
}

std::string SimNode::standing(std::size_t tenant) const {
  const auto found = moves_.find(tenant);
  if (found == moves_.end()) {
    return {};
  }
  const auto& move = found->second;
  const auto* failure = move.mover ? move.mover->failure() : move.sweeper->failure();
  return std::string(move.mover ? ", brings it" : ", removes it") + " at order " +
         std::to_string(static_cast<int>(order_of(move).kind)) +
         (failure != nullptr ? ", failed: " + std::string(failure->message()) : "");
}

/// Gives an answer to whoever carries the move out, and begins what comes next.
template <class Answer>
void SimNode::answer_move(std::size_t tenant, const Answer& answer) {
  const auto found = moves_.find(tenant);
  if (found == moves_.end()) {
    return;
  }
  answer(found->second);
  const bool done = order_of(found->second).kind == Kind::done;
  if (!done) {
    world_.in_life(id_, world_.rng().between(0, 3), [this, tenant] { step_move(tenant); });
    return;
  }
  const bool arrived = found->second.mover && found->second.mover->failure() == nullptr;
  counts_.moves += arrived ? 1 : 0;
  // What did not work is begun anew after a moment, and only then may another one begin.
  world_.in_life(id_, world_.rng().between(5, 100), [this, tenant] { moves_.erase(tenant); });
}

void SimNode::step_move(std::size_t tenant) {
  const auto found = moves_.find(tenant);
  if (found == moves_.end()) {
    return;
  }
  switch (order_of(found->second).kind) {
    case Kind::look: answer_look(tenant); break;
    case Kind::list: answer_list(tenant); break;
    case Kind::show: answer_show(tenant); break;
    case Kind::write: answer_write(tenant); break;
    case Kind::fence:
    case Kind::read: ask_tenant(tenant); break;
    case Kind::tell: {
      const Move& move = found->second;
      const auto stage = move.mover ? model::MoveStage::installed : model::MoveStage::cleaned;
      ask_again(kDirectory, model::DirectoryOperation(model::AdvanceMove{move.tenant.id, move.tenant.moves, stage}),
                [this, tenant](const model::Result<model::Reply>& reply) {
                  const model::Status status = reply.ok() ? model::Status() : model::Status(reply.error());
                  answer_move(tenant,
                              [&](Move& one) { one.mover ? one.mover->told(status) : one.sweeper->told(status); });
                });
      break;
    }
    case Kind::done: break;
  }
}

void SimNode::answer_look(std::size_t tenant) {
  const Move& move = moves_.at(tenant);
  const Group& group = groups_.at(move.group);
  // A leader that is not ready does not know yet what is committed: what it sees may be long over.
  const bool knows = group.leadership.ready && group.applied >= group.core->commit_index().value;
  if (!leads(move.group) || !knows) {
    world_.in_life(id_, 10, [this, tenant, group = move.group] {
      if (leads(group)) {
        step_move(tenant);
      } else {
        moves_.erase(tenant);
      }
    });
    return;
  }
  const storage::TenantRows rows(state_disk_, move.group, group.core->generation(), move.tenant.id);
  const actors::MoveFindings findings{mark_of(move.tenant.id, move.group), rows.get(storage::kHeaderRow)->has_value()};
  answer_move(tenant, [&](Move& one) { one.mover ? one.mover->looked(findings) : one.sweeper->looked(findings); });
}

void SimNode::answer_list(std::size_t tenant) {
  const Move& move = moves_.at(tenant);
  const storage::TenantRows rows(state_disk_, move.group, groups_.at(move.group).core->generation(), move.tenant.id);
  std::vector<std::string> found;
  for (auto scan = rows.scan("", ""); scan->valid() && found.size() < kListed; scan->next()) {
    if (std::string row(rows.row_of(scan->key())); row != storage::kMoveRow) {
      found.push_back(std::move(row));
    }
  }
  answer_move(tenant, [&](Move& one) { one.sweeper->listed(std::move(found)); });
}

void SimNode::answer_show(std::size_t tenant) {
  const Move& move = moves_.at(tenant);
  const storage::TenantRows rows(state_disk_, move.group, groups_.at(move.group).core->generation(), move.tenant.id);
  auto found = actors::rows_of_piece(rows, move.mover->order(), kListed, kPieceBytes);
  require(found.ok(), "the state cannot be read");
  answer_move(tenant, [&](Move& one) { one.mover->shown(std::move(*found)); });
}

/// Like a shard it waits until everything that was proposed before is applied; then the mark is compared, and the rows are
/// proposed in this term.
void SimNode::answer_write(std::size_t tenant) {
  const model::GroupId id = moves_.at(tenant).group;
  const auto wrote = [this, tenant](const model::Status& status) {
    answer_move(tenant, [&](Move& one) { one.mover ? one.mover->wrote(status) : one.sweeper->wrote(status); });
  };
  const auto propose = [this, tenant, id, wrote] {
    const Move& move = moves_.at(tenant);
    const actors::MoveOrder& order = order_of(move);
    if (mark_of(move.tenant.id, id) != order.condition.value) {
      return wrote(model::Error(model::Code::cas_mismatch));
    }
    std::vector<storage::RowChange> rows = order.rows;
    if (world_.mutant() == ClusterMutant::forgets_moved_ids && move.mover) {
      std::erase_if(rows, [](const storage::RowChange& row) { return row.value && row.row[0] == 'r'; });
    }
    if (world_.mutant() == ClusterMutant::leaves_changes_behind && move.mover) {
      std::erase_if(rows, [](const storage::RowChange& row) { return row.value && row.row[0] == 'c'; });
    }
    auto set = actors::encode_write_set({move.tenant.id, 0, 0, world_.wall_clock(id_)}, rows, audit_of(order.action));
    Group& group = groups_.at(id);
    const std::uint64_t cookie = next_cookie_++;
    group.origins[cookie] = {tenant, 0, 0, [this, wrote, id](const model::Result<model::Index>& index) {
                               if (!index.ok()) {
                                 return wrote(index.error());
                               }
                               wait_until_applied(id, index->value, wrote);
                             }};
    group.core->propose({{cookie, group.leadership.term, std::move(set)}}, world_.boot_clock(id_));
    carry_out(id, group);
    pump_log();
  };
  const std::uint64_t opens_at = groups_.at(id).core->last_index().value;
  const auto look = std::make_shared<std::function<void()>>();
  *look = [this, id, opens_at, propose, wrote, look = std::weak_ptr(look)] {
    const auto again = look.lock();
    const Group& group = groups_.at(id);
    if (group.leadership.role != cluster::Role::leader) {
      return wrote(model::Error(model::Code::unavailable));
    }
    if (group.leadership.ready && group.applied >= std::max(opens_at, group.leadership.ready_index.value)) {
      return propose();
    }
    world_.in_life(id_, world_.rng().between(1, 10), [again] { (*again)(); });
  };
  (*look)();
}

void SimNode::wait_until_applied(model::GroupId id, std::uint64_t index, std::function<void(model::Status)> done) {
  world_.in_life(id_, world_.rng().between(1, 5), [this, id, index, done = std::move(done)] {
    if (groups_.at(id).applied >= index) {
      done({});
    } else {
      wait_until_applied(id, index, done);
    }
  });
}

model::MovingReply SimNode::rows_at_hand(const Move& move, const std::string& after) const {
  const storage::TenantRows rows(state_disk_, move.tenant.group, groups_.at(move.tenant.group).core->generation(),
                                 move.tenant.id);
  model::MovingReply reply;
  for (auto scan = rows.scan("", ""); scan->valid(); scan->next()) {
    if (std::string row(rows.row_of(scan->key())); row > after) {
      reply.rows.emplace_back(std::move(row), std::string(scan->value()));
    }
  }
  return reply;
}

void SimNode::ask_tenant(std::size_t tenant) {
  const Move& move = moves_.at(tenant);
  const actors::MoveOrder& order = move.mover->order();
  const bool fences = order.kind == Kind::fence;
  const bool unfenced = world_.mutant() == ClusterMutant::moves_unfenced;
  if (fences && unfenced) {
    return answer_move(tenant, [](Move& one) { one.mover->fenced(model::ReplyBody(model::DoneReply{})); });
  }
  if (!fences && (unfenced || world_.mutant() == ClusterMutant::moves_without_tail)) {
    if (order.read.live) {
      return answer_move(tenant, [](Move& one) { one.mover->read(model::Error(model::Code::not_active)); });
    }
    auto rows = rows_at_hand(move, order.read.after);
    return answer_move(tenant, [&](Move& one) { one.mover->read(std::move(rows)); });
  }
  model::TenantOperation operation = order.fence;
  if (!fences) {
    model::ReadMoving read = order.read;
    read.bytes = kPieceBytes;
    operation = std::move(read);
  }
  const auto answer = [this, tenant, fences](model::Result<model::Reply> reply) {
    answer_move(tenant, [&](Move& one) {
      if (!reply.ok()) {
        return fences ? one.mover->fenced(reply.error()) : one.mover->read(reply.error());
      }
      if (auto* rows = std::get_if<model::MovingReply>(&reply->body); rows != nullptr && skips_changes(*rows)) {
        std::erase_if(rows->rows, [](const auto& row) { return row.first.size() > 1; });
      }
      if (fences) {
        one.mover->fenced(std::move(reply->body));
      } else {
        one.mover->read(std::move(std::get<model::MovingReply>(reply->body)));
      }
    });
  };
  ask_again(tenant, std::move(operation), answer);
}

/// The mistake that what changed while the tenant was copied does not come along.
bool SimNode::skips_changes(const model::MovingReply& reply) const {
  return world_.mutant() == ClusterMutant::moves_without_changes && !reply.after.empty();
}

/// As a retrying call does it: what was not done is asked for again.
void SimNode::ask_again(std::size_t tenant, Operation operation,
                        std::function<void(model::Result<model::Reply>)> answer) {
  const auto ask = std::make_shared<std::function<void(int)>>();
  *ask = [this, tenant, operation = std::move(operation), answer = std::move(answer),
          ask = std::weak_ptr(ask)](int tries) {
    world_.ask(id_, tenant, operation, [this, answer, tries, again = ask.lock()](model::Result<model::Reply> reply) {
      const bool refused = !reply.ok() && reply.error().code == model::Code::unavailable;
      if (!refused || tries == kTries) {
        return answer(std::move(reply));
      }
      world_.in_life(id_, world_.rng().between(5, 20), [again, tries] { (*again)(tries + 1); });
    });
  };
  (*ask)(1);
}

}  // namespace coffer::sim

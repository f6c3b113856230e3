// One write set beside the tenants' shards: waits like a shard until its group leads, proposes, and says what became of
// it. Runs on CAF's scheduler and ends with its answer.

#include "actors/context.hpp"
#include "actors/records.hpp"
#include "actors/write_set.hpp"
#include "storage/keys.hpp"

namespace coffer::actors {

namespace rows_actor {
namespace {

struct RowsState {
  static constexpr const char* name = "rows";
  Context* context = nullptr;
  std::uint64_t life = 0;
  RowsOrder order;
};

using Self = SubmitterActor::stateful_pointer<RowsState>;

std::string audit_of(const RowsOrder& order, model::TimeMs now) {
  if (order.action.empty()) return {};
  store::v1::AuditRecord audit;
  audit.set_format(kRecordFormat);
  audit.set_time_ms(now);
  audit.set_principal("node");
  audit.set_action(order.action);
  audit.set_outcome("ok");
  return audit.SerializeAsString();
}

/// Everything that was proposed before is in the state now, and what is proposed next carries this term: so what is read
/// here holds until then, whoever else may lead later.
model::Status may_begin(const RowsState& state, model::Generation generation) {
  const RowsOrder& order = state.order;
  auto expected = RowsOrder::Fate::waiting;
  if (!order.fate->compare_exchange_strong(expected, RowsOrder::Fate::begun)) {
    return model::Error(model::Code::unavailable);  // nobody waits any more
  }
  if (!order.mark) return {};
  const storage::TenantRows rows(*state.context->state_engine, order.group, generation, order.tenant);
  const auto mark = rows.get(storage::kMoveRow);
  if (!mark) return mark.error();
  if (*mark == order.mark->value) return {};
  return model::Error(model::Code::cas_mismatch, "the tenant's move has gone on without this");
}

void answer(Self self, model::Result<model::Index> result) {
  self->state.order.done->set_value(std::move(result));
  self->quit();
}

SubmitterActor::behavior_type rows(Self self, Context* context, const RowsOrder& order) {
  RowsState& state = self->state;
  state.context = context;
  state.order = order;
  state.life = context->next_life++;
  self->send(context->groups[order.group.value], OpenRequest{state.life, caf::actor_cast<SubmitterActor>(self)});
  return {
      [self](const Opened& opened) {
        RowsState& s = self->state;
        if (auto status = may_begin(s, opened.generation); !status) return answer(self, status.error());
        const model::TimeMs now = s.context->wall_clock();
        auto set = encode_write_set({s.order.tenant, 0, 0, now}, *s.order.rows, audit_of(s.order, now));
        Propose propose{s.life, opened.term, caf::actor_cast<SubmitterActor>(self), {}};
        propose.items.push_back({1, std::move(set)});
        s.context->hosts[s.order.group.value]->propose(std::move(propose));
      },
      [self](const CommittedUpTo& done) { answer(self, done.index); },
      [self](const ProposalRefused& refused) { answer(self, refused.error); },
      [](const Confirmed&) {},  // it never asks
  };
}

}  // namespace
}  // namespace rows_actor

void spawn_rows(caf::actor_system& system, Context& context, const RowsOrder& order) {
  system.spawn(rows_actor::rows, &context, order);
}

}  // namespace coffer::actors

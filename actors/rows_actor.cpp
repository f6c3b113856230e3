// One write set beside the tenants' shards: waits like a shard until its group leads, proposes, and says what became of
// it. Runs on CAF's scheduler and ends with its answer.

#include "actors/context.hpp"
#include "actors/records.hpp"
#include "actors/write_set.hpp"

namespace coffer::actors {

namespace {

struct RowsState {
  static constexpr const char* name = "rows";
  Context* context = nullptr;
  std::uint64_t life = 0;
  RowsOrder order;
};

using Self = SubmitterActor::stateful_pointer<RowsState>;

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
        const model::TimeMs now = s.context->wall_clock();
        store::v1::AuditRecord audit;
        audit.set_format(kRecordFormat);
        audit.set_time_ms(now);
        audit.set_principal("node");
        audit.set_action(s.order.action);
        audit.set_outcome("ok");
        auto set = encode_write_set({s.order.tenant, 0, 0, now}, *s.order.rows, audit.SerializeAsString());
        Propose propose{s.life, opened.term, caf::actor_cast<SubmitterActor>(self), {}};
        propose.items.push_back({1, std::move(set)});
        self->send(s.context->groups[s.order.group.value], std::move(propose));
      },
      [self](const CommittedUpTo& done) { answer(self, done.index); },
      [self](const ProposalRefused& refused) { answer(self, refused.error); },
      [](const Confirmed&) {},  // it never asks
  };
}

}  // namespace

void spawn_rows(caf::actor_system& system, Context& context, const RowsOrder& order) {
  system.spawn(rows, &context, order);
}

}  // namespace coffer::actors

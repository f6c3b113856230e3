// The group's actor: brings each message to the GroupHost, in a turn. Runs on CAF's scheduler and never blocks.

#include "actors/context.hpp"

namespace coffer::actors {

namespace group_actor {
namespace {

struct GroupState {
  static constexpr const char* name = "group";
};

using Self = GroupActor::stateful_pointer<GroupState>;

void tick(Context& context, GroupHost& host, const Tick& word) {
  if (word.generation == 0) return host.start();
  host.tick(word);
  if (word.in_burst) context.end_burst();
}

GroupActor::behavior_type group(Self self, Context* context, model::GroupId id) {
  GroupHost* const host = context->hosts[id.value].get();
  self->send(context->log_writer, Subscribe{id, self});
  self->send(context->state_writer, Subscribe{id, self});
  return {
      [host](const OpenRequest& request) { host->open(request); },
      [host](const Persisted& done) { host->persisted(done); },
      [host](const Applied&) { host->applied(); },
      [host](const Checkpointed& done) { host->checkpoint(done); },
      [context, host](const Tick& word) { tick(*context, *host, word); },
      [host](const Flush&) { host->flush(); },
      [host](const ConfirmLeadership& request) { host->confirm(request); },
      [context, host](const FromPeer& from) {
        host->receive(from);
        context->end_burst();
      },
      [host](const Target& target) { host->approach(target); },
      [host](const NextStep& next) { host->approach_further(next); },
      [host](const Transfer& order) { host->transfer(order.to); },
      [host](const Installed&) { host->installed(); },
      [host](const Campaign& campaign) { host->campaign(campaign.allowed); },
      [host](const Report&) { host->report(); },
      [host](const Leave& word) { host->leave(word); },
      [host](const ReplicaDropped&) { host->dropped(); },
      [self, host](const Finish& finish) {
        host->close();
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace group_actor

GroupActor spawn_group(caf::actor_system& system, Context& context, const cluster::GroupConfig& config,
                       storage::Recovered recovered) {
  context.hosts[config.group.value] = std::make_unique<GroupHost>(context, config, std::move(recovered));
  return system.spawn(group_actor::group, &context, config.group);
}

}  // namespace coffer::actors

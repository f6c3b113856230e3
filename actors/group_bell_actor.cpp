// Rings for a line of the groups' grid: every group that waits for it is called at once when it rests, else its actor gets
// a Tick. On CAF's scheduler; see group_bell.hpp.

#include "actors/context.hpp"

namespace coffer::actors {
namespace group_bell_actor {
namespace {

struct BellState {
  static constexpr const char* name = "group-bell";
};
using Self = GroupBellActor::stateful_pointer<BellState>;

GroupBellActor::behavior_type group_bell(Self self, Context* context) {
  return {
      [self, context](const Ring& ring) {
        context->burst.begin();
        for (const GroupBell::Sleeper& sleeper : context->bell.take(ring.line)) {
          if (context->hosts[sleeper.group.value]->try_tick(sleeper.number)) continue;
          context->burst.begin();
          self->send(context->groups[sleeper.group.value], Tick{sleeper.number, true});
        }
        context->end_burst();
      },
      [self](const Finish& finish) {
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace group_bell_actor

GroupBellActor spawn_group_bell(caf::actor_system& system, Context& context) {
  return system.spawn(group_bell_actor::group_bell, &context);
}

}  // namespace coffer::actors

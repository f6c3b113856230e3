// The front: starts shards for cold tenants, ends idle ones, and ends all of a group's when its leadership is lost.
// What is warm never comes here: the gateway finds it in the shard table. Runs on CAF's scheduler.

#include <deque>

#include "actors/context.hpp"

namespace coffer::actors {

namespace front_actor {
namespace {

constexpr std::chrono::milliseconds kSweep{250};  // how late a waiting call may learn that its deadline has passed

struct FrontState {
  static constexpr const char* name = "front";
  struct Shard {
    ShardActor actor;
    model::GroupId group;
    bool stopping = false;
    std::vector<CallHandle> parked;  // for the next life, which must not begin before this one has ended
  };
  Context* context = nullptr;
  const RoutingTable* routing = nullptr;
  struct Group {
    bool open = false;
    std::deque<CallHandle> early;  // calls that came before it opened
  };
  std::deque<Group> groups;  // by id, as far as anything was heard of them
  std::unordered_map<model::TenantId, Shard> shards;
  std::unordered_map<caf::actor_addr, model::TenantId> by_address;
  std::deque<model::TenantId> oldest;  // candidates when there are too many shards
  DirectoryActor directory;

  Group& at(model::GroupId id) {
    if (id.value >= groups.size()) groups.resize(id.value + 1);
    return groups[id.value];
  }
};

using Self = FrontActor::stateful_pointer<FrontState>;

// A tenant's creation at first use (--dev), on behalf of a call that goes on afterwards.
class CreateThenSubmit final : public Call {
 public:
  CreateThenSubmit(Context& context, CallHandle waiting) : context_(context), waiting_(std::move(waiting)) {
    const model::Request& first = waiting_.request();
    request.credential = first.credential;
    request.info = first.info;
    request.info.request_id.clear();  // it belongs to the call itself
    model::CreateTenant create;
    create.name = first.tenant.name;
    if (create.name.empty()) create.doors.push_back(first.tenant.door);
    create.existing_is_ok = true;
    request.operation = model::DirectoryOperation(std::move(create));
  }
  void complete() noexcept override {
    if (reply.ok()) {
      waiting_.call().looked_up = false;  // the tables here may lag behind those of the node that made it
      context_.resubmit(context_.router, waiting_.release());
    } else {
      waiting_.finish(reply.error());
    }
    delete this;
  }

 private:
  Context& context_;
  CallHandle waiting_;
};

void create_tenant(Context& context, CallHandle call) {
  context.resubmit(context.router, new CreateThenSubmit(context, std::move(call)));
}

/// Another node leads the group: the call goes there, or, when it came from one, back.
void forward(Self self, CallHandle call) {
  if (call.call().forwarded) return call.finish(model::Error(model::Code::unavailable, "this node does not lead"));
  self->send(self->state.context->forwarder, self->state.context->parcel(std::move(call)));
}

bool is_led_elsewhere(const Context& context, model::GroupId group) {
  const std::uint64_t leader = context.boards[group.value].leader;
  return leader != 0 && leader != context.self.value;
}

// A group without a leader will have one in a moment (start, election): its calls wait for it until their deadlines.
void wait_for_group(FrontState& state, model::GroupId group, CallHandle call) {
  auto& early = state.at(group).early;
  if (early.size() >= state.context->max_waiting_calls) return call.finish(model::Error(model::Code::overloaded));
  early.push_back(std::move(call));
}

void drop_expired(FrontState& state) {
  const model::TimeMs now = state.context->wall_clock();
  for (FrontState::Group& group : state.groups) {
    if (group.early.empty()) continue;
    std::deque<CallHandle> kept;
    for (CallHandle& call : group.early) {
      if (call.request().info.deadline > now) {
        kept.push_back(std::move(call));
      } else {
        call.finish(model::Error(model::Code::unavailable, "the tenant's group has no leader"));
      }
    }
    group.early.swap(kept);
  }
}

void make_room(Self self) {
  FrontState& state = self->state;
  for (int tries = 0; tries < 8 && !state.oldest.empty() && state.shards.size() >= state.context->max_shards; ++tries) {
    const model::TenantId id = state.oldest.front();
    state.oldest.pop_front();
    auto found = state.shards.find(id);
    if (found == state.shards.end()) continue;
    state.oldest.push_back(id);
    self->send(found->second.actor, IdleCheck{false});
  }
}

void stop_shard(Self self, const model::TenantId& tenant, bool leadership_lost) {
  FrontState& state = self->state;
  auto found = state.shards.find(tenant);
  if (found == state.shards.end()) return;
  state.context->shards.remove(tenant);  // from now on its calls come here
  found->second.stopping = true;
  self->send(found->second.actor, Stop{leadership_lost});
}

void route_to_directory(Self self, CallHandle call) {
  FrontState& state = self->state;
  if (state.directory) return self->send(state.directory, state.context->parcel(std::move(call)));
  if (is_led_elsewhere(*state.context, model::kMetaGroup)) return forward(self, std::move(call));
  wait_for_group(state, model::kMetaGroup, std::move(call));
}

void route(Self self, CallHandle call) {
  FrontState& state = self->state;
  Context& context = *state.context;
  if (std::holds_alternative<model::DirectoryOperation>(call.request().operation)) {
    return route_to_directory(self, std::move(call));
  }
  auto tenant = state.routing->find(call.request().tenant);
  if (!tenant) {
    if (call.request().tenant.create_at_first_use) return create_tenant(context, std::move(call));
    return call.finish(model::Error(model::Code::tenant_not_found));
  }
  // It came for a tenant that nobody knew, and that another call has made meanwhile: it is not one yet that asks again when a
  // node dies.
  if (context.is_clustered() && !call.call().survives) return context.resubmit(context.router, call.release());
  call.call().group = tenant->group;  // it may have moved since the call was routed first
  auto found = state.shards.find(tenant->id);
  if (found != state.shards.end() && found->second.group != tenant->group && !found->second.stopping) {
    stop_shard(self, tenant->id, false);  // of the tenant's old place
  }
  if (found == state.shards.end()) {
    if (!context.accepting) return call.finish(model::Error(model::Code::unavailable));
    if (!state.at(tenant->group).open) {
      if (is_led_elsewhere(context, tenant->group)) return forward(self, std::move(call));
      return wait_for_group(state, tenant->group, std::move(call));
    }
    make_room(self);
    const auto cell = std::make_shared<ShardCell>();
    ShardActor actor = spawn_shard(self->system(), context, *tenant, cell);
    self->monitor(actor);
    state.by_address.emplace(actor.address(), tenant->id);
    state.oldest.push_back(tenant->id);
    context.shards.put(tenant->id, {actor, cell, tenant->group});
    found = state.shards.emplace(tenant->id, FrontState::Shard{std::move(actor), tenant->group, false, {}}).first;
  }
  if (found->second.stopping) {
    if (found->second.parked.size() >= context.max_waiting_calls)
      return call.finish(model::Error(model::Code::overloaded));
    found->second.parked.push_back(std::move(call));
    return;
  }
  self->send(found->second.actor, context.parcel(std::move(call)));
}

/// The directory where its group is led. One that ends while it is (a proposal of an earlier term was refused: the
/// leadership went and came back) is followed by another one at the next sweep.
void keep_directory(Self self) {
  FrontState& state = self->state;
  if (!state.at(model::kMetaGroup).open || state.directory) return;
  state.directory = spawn_directory(self->system(), *state.context);
  self->monitor(state.directory);
  state.context->shards.put(model::TenantId{}, {state.directory, nullptr, model::kMetaGroup});
}

void ended(Self self, const caf::actor_addr& address) {
  FrontState& state = self->state;
  if (state.directory && state.directory.address() == address) {
    state.context->shards.remove(model::TenantId{});
    state.directory = nullptr;
    return;
  }
  auto tenant = state.by_address.find(address);
  if (tenant == state.by_address.end()) return;
  auto found = state.shards.find(tenant->second);
  state.context->shards.remove(tenant->second);
  state.by_address.erase(tenant);
  std::vector<CallHandle> parked = std::move(found->second.parked);
  state.shards.erase(found);
  for (CallHandle& call : parked) route(self, std::move(call));
}

void group_closed(Self self, model::GroupId group) {
  FrontState& state = self->state;
  state.at(group).open = false;
  std::vector<model::TenantId> mine;
  for (const auto& [tenant, shard] : state.shards) {
    if (shard.group == group) mine.push_back(tenant);
  }
  for (const model::TenantId& tenant : mine) stop_shard(self, tenant, true);
  if (group == model::kMetaGroup && state.directory) {
    state.context->shards.remove(model::TenantId{});
    self->send(state.directory, Stop{true});
    state.directory = nullptr;
  }
}

FrontActor::behavior_type front(Self self, Context* context, const RoutingTable* routing) {
  FrontState& state = self->state;
  state.context = context;
  state.routing = routing;
  self->delayed_send(self, kSweep, Sweep{});
  self->set_down_handler([self](const caf::down_msg& down) { ended(self, down.source); });
  return {
      [self](const Parcel& parcel) { route(self, parcel.take()); },
      [self](const GroupOpen& open) {
        FrontState& s = self->state;
        s.at(open.group).open = true;
        if (open.group == model::kMetaGroup) keep_directory(self);
        std::deque<CallHandle> early;
        early.swap(s.at(open.group).early);
        for (CallHandle& call : early) route(self, std::move(call));
      },
      [self](const GroupClosed& closed) { group_closed(self, closed.group); },
      [self](const GroupLed& led) {
        std::deque<CallHandle> early;
        early.swap(self->state.at(led.group).early);
        for (CallHandle& call : early) forward(self, std::move(call));
      },
      [self](const ShardIdle& idle) {
        auto found = self->state.shards.find(idle.tenant);
        if (found != self->state.shards.end() && found->second.actor.address() == idle.shard) {
          stop_shard(self, idle.tenant, false);
        }
      },
      [self](const Sweep&) {
        drop_expired(self->state);
        keep_directory(self);
        self->delayed_send(self, kSweep, Sweep{});
      },
      [self](const TenantDeleted& deleted) { stop_shard(self, deleted.tenant, false); },
      [self](const Finish& finish) {
        for (std::size_t group = 0; group < self->state.groups.size(); ++group) {
          group_closed(self, model::GroupId{group});
        }
        self->state.groups.clear();
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace front_actor

FrontActor spawn_front(caf::actor_system& system, Context& context, const RoutingTable& routing) {
  return system.spawn(front_actor::front, &context, &routing);
}

}  // namespace coffer::actors

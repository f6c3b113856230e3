// The steward: sees to the cluster's shape. On every node it collects what the groups led here report, and says to the
// directory who this node is; beside the meta group's leader it works out the next steps (placement.hpp) and has the
// groups' leaders take them. Runs on CAF's scheduler.

#include <algorithm>
#include <set>

#include "actors/context.hpp"
#include "actors/control_frames.hpp"
#include "actors/placement.hpp"
#include "cluster/wire.hpp"

namespace coffer::actors {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSilentTicks = 4;  // without a report: is given nothing new
constexpr int kGraceTicks = 8;   // of a new leader, before it takes anybody's silence for an absence

struct StewardState {
  static constexpr const char* name = "steward";
  Context* context = nullptr;
  std::shared_ptr<std::atomic<bool>> announcing = std::make_shared<std::atomic<bool>>(false);
  Clock::time_point leads_since;  // of the meta group; zero: it does not
  bool leads = false;
};

using Self = StewardActor::stateful_pointer<StewardState>;

bool leads_meta(const Context& context) {
  return context.boards[model::kMetaGroup.value].role == cluster::Role::leader && context.directory_ready;
}

// ---- this node's record

class Announcement final : public Call {
 public:
  Announcement(Context& context, std::shared_ptr<std::atomic<bool>> running) : running_(std::move(running)) {
    request.credential.kind = model::CredentialKind::node;
    request.credential.principal = node_principal(context.self);
    request.info.deadline = context.wall_clock() + 5'000;
    request.operation =
        model::DirectoryOperation(model::AnnounceNode{context.self, context.peer_address, cluster::kRaftFormat});
    group = model::kMetaGroup;
    log_ = context.log;
  }
  void complete() noexcept override {
    const bool refused = !reply.ok() && reply.error().code != model::Code::unavailable &&
                         reply.error().code != model::Code::outcome_unknown;
    if (refused && log_) log_("this node is not in the cluster: " + std::string(reply.error().message()));
    *running_ = false;
    delete this;
  }

 private:
  std::shared_ptr<std::atomic<bool>> running_;
  std::function<void(std::string_view)> log_;
};

void announce(Self self) {
  StewardState& state = self->state;
  Context& context = *state.context;
  if (!context.unsealed || !context.accepting || context.peer_address.empty() || *state.announcing) return;
  const auto known = context.nodes.find(context.self);
  if (known && known->state == model::NodeState::removed) return;
  const bool told = known && known->state != model::NodeState::joining && known->address == context.peer_address &&
                    known->newest_format == cluster::kRaftFormat;
  if (told || context.boards[model::kMetaGroup.value].leader == 0) return;
  *state.announcing = true;
  context.resubmit(context.router, new Announcement(context, state.announcing));
}

// ---- reports and steps

void collect(Self self) {
  Context& context = *self->state.context;
  for (std::size_t group = 0; group < context.boards.size(); ++group) {
    if (context.boards[group].role == cluster::Role::leader) self->send(context.groups[group], Report{});
  }
  const model::NodeId leader{context.boards[model::kMetaGroup.value].leader};
  if (leader.value == 0 || leader == context.self) return;
  context.send(leader, cluster::PeerChannel::control, {}, encode_control(GroupsReport{context.reports.all()}));
}

void take_step(Self self, const Step& step, model::NodeId leader) {
  Context& context = *self->state.context;
  if (leader == context.self) {
    self->send(context.groups[step.group.value], step);
  } else {
    context.send(leader, cluster::PeerChannel::control, {}, encode_control(step));
  }
}

void place(Self self) {
  StewardState& state = self->state;
  Context& context = *state.context;
  const auto now = Clock::now();
  if (!leads_meta(context) || context.link.load() == nullptr) {
    state.leads = false;
    return;
  }
  if (!state.leads) {
    state.leads = true;
    state.leads_since = now;
    context.cluster_view.clear();
  }
  context.cluster_view.heard(context.self, context.reports.all(), now);
  const auto silent = kSilentTicks * context.placement_interval;
  const bool settled = now - state.leads_since > kGraceTicks * context.placement_interval;
  PlacementInput input;
  input.replicas = context.replicas;
  input.groups = context.cluster_view.groups();
  for (const model::NodeInfo& node : context.nodes.all()) {
    const auto silence = now - std::max(context.cluster_view.heard_at(node.id), state.leads_since);
    PlacementNode view{node.id, node.state, silence < silent, false};
    view.dead = settled && context.replace_after.count() != 0 && silence > context.replace_after;
    if (node.state == model::NodeState::joining) view.alive = false;  // it has not said yet that it is there
    input.nodes.push_back(view);
  }
  std::vector<std::string> words;
  for (const Step& step : plan(input)) {
    words.push_back(to_string(step));
    for (const model::GroupInfo& group : input.groups) {
      if (group.id == step.group) take_step(self, step, group.leader);
    }
  }
  context.cluster_view.set_plan(std::move(words));
}

void take_frame(Self self, const FrameIn& in) {
  Context& context = *self->state.context;
  auto message = decode_control(in.from, in.frame->body.expose());
  if (!message) {
    ++context.counters.frames_refused;
    return;
  }
  if (auto* report = std::get_if<GroupsReport>(&*message)) {
    return context.cluster_view.heard(in.from, std::move(report->groups), Clock::now());
  }
  const auto& step = std::get<Step>(*message);
  if (step.group.value < context.groups.size()) self->send(context.groups[step.group.value], step);
}

StewardActor::behavior_type steward(Self self, Context* context) {
  self->state.context = context;
  self->delayed_send(self, context->placement_interval, Sweep{});
  return {
      [self](const FrameIn& in) { take_frame(self, in); },
      [self](const Step& step) {
        for (const model::GroupInfo& group : self->state.context->cluster_view.groups()) {
          if (group.id == step.group) take_step(self, step, group.leader);
        }
      },
      [self](const Sweep&) {
        announce(self);
        collect(self);
        place(self);
        self->delayed_send(self, self->state.context->placement_interval, Sweep{});
      },
      [self](const Finish& finish) {
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace

StewardActor spawn_steward(caf::actor_system& system, Context& context) { return system.spawn(steward, &context); }

}  // namespace coffer::actors

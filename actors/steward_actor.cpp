// The steward: sees to the cluster's shape. On every node it collects what the groups led here report, and says to the
// directory who this node is; beside the meta group's leader it asks where everything should be (placer.hpp) and says so
// to the groups' leaders, again and again. Runs on CAF's scheduler.

#include <map>
#include <utility>

#include "actors/context.hpp"
#include "actors/control_frames.hpp"
#include "actors/placer.hpp"
#include "cluster/departure.hpp"
#include "cluster/formats.hpp"
#include "cluster/group_load.hpp"

namespace coffer::actors {

namespace steward_actor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTell{20};  // gathers the groups that one node comes to lead at once

struct StewardState {
  static constexpr const char* name = "steward";
  Context* context = nullptr;
  std::shared_ptr<std::atomic<bool>> announcing = std::make_shared<std::atomic<bool>>(false);
  bool telling = false;                             // the others are about to be told who leads here
  std::map<model::GroupId, model::Term> led_terms;  // of the newest leaders that others have told of
  std::map<model::GroupId, cluster::Departure> departures;
  struct Meter {
    model::Term term;
    cluster::LoadMeter meter;
  };
  std::map<model::GroupId, Meter> meters;  // of the groups led here
  std::optional<Placer> placer;
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
        model::DirectoryOperation(model::AnnounceNode{context.self, context.peer_address, context.newest_format});
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
                    known->newest_format == context.newest_format;
  if (told || context.boards[model::kMetaGroup.value].leader == 0) return;
  *state.announcing = true;
  context.resubmit(context.router, new Announcement(context, state.announcing));
}

// ---- reports and steps

/// To everybody: the meta group's leader places groups by it, and a node without a replica has nobody else to tell it
/// who leads.
void tell(Self self) {
  Context& context = *self->state.context;
  const bool says_room = context.nodes.common_format() >= cluster::kRoomFormat;
  const model::Secret report =
      encode_control(GroupsReport{context.reports.all(), says_room && context.is_low_on_disk()});
  for (const model::NodeInfo& node : context.nodes.all()) {
    if (node.state == model::NodeState::removed || node.id == context.self) continue;
    context.send(node.id, cluster::PeerChannel::control, {}, model::Secret(report.expose()));
  }
}

/// How busy the groups are that are led here, for the reports. A group's report begins when all that was written before
/// is committed, so from then on the commit index counts this leader's writes.
void measure(Self self) {
  StewardState& state = self->state;
  Context& context = *state.context;
  // Else who leads the meta group would know its own groups' loads and nobody else's, and hand all of them over.
  if (context.nodes.common_format() < cluster::kLoadFormat) return;
  const auto now = boot_clock_ms();
  std::map<model::GroupId, StewardState::Meter> meters;
  for (const model::GroupInfo& info : context.reports.all()) {
    const auto before = state.meters.find(info.id);
    const bool goes_on = before != state.meters.end() && before->second.term == info.term;
    const StewardState::Meter fresh{info.term, cluster::LoadMeter(context.load_window)};
    StewardState::Meter& meter = meters.emplace(info.id, goes_on ? before->second : fresh).first->second;
    const GroupBoard& board = context.boards[info.id.value];
    meter.meter.sample({board.requests, board.commit}, now);
    if (const auto load = meter.meter.load()) context.reports.put_load(info.id, info.term, *load);
  }
  state.meters = std::move(meters);
}

void collect(Self self) {
  Context& context = *self->state.context;
  measure(self);
  for (std::size_t group = 0; group < context.boards.size(); ++group) {
    if (context.boards[group].role == cluster::Role::leader) self->send(context.groups[group], Report{});
  }
  tell(self);
}

/// Where this node holds no replica, or one that has not heard of its new leader yet, calls go to whoever says it leads.
void learn_leaders(Self self, model::NodeId from, const GroupsReport& report) {
  StewardState& state = self->state;
  Context& context = *state.context;
  for (const model::GroupInfo& info : report.groups) {
    if (info.id.value >= context.boards.size()) continue;
    GroupBoard& board = context.boards[info.id.value];
    model::Term& newest = state.led_terms[info.id];
    if (info.term < newest || info.term.value < board.term) continue;
    newest = info.term;
    const bool known = info.term.value == board.term && board.leader != 0;
    if (known || board.leader == from.value) continue;
    board.leader = from.value;
    self->send(context.front, GroupLed{info.id, from});
    self->send(context.forwarder, GroupLed{info.id, from});
  }
}

/// Of the directory every node that comes and goes keeps what it has: it starts from those rows.
void learn_departures(Self self, const GroupsReport& report) {
  StewardState& state = self->state;
  Context& context = *state.context;
  const bool is_known = context.nodes.common_format() >= cluster::kLeavingFormat;
  for (const model::GroupInfo& info : report.groups) {
    if (info.id == model::kMetaGroup || info.id.value >= context.groups.size()) continue;
    cluster::LeaderWord word{info.term, info.commit, model::Index{}, false};
    for (const model::ReplicaInfo& replica : info.replicas) {
      if (replica.node == info.leader) word.last = replica.match;
      word.names_us = word.names_us || replica.node == context.self;
    }
    if (word.last.value == 0) continue;
    const auto settled = state.departures[info.id].heard(word);
    if (settled && is_known) self->send(context.groups[info.id.value], Leave{*settled});
  }
}

template <class Word>
void say(Self self, const Word& word, model::NodeId leader) {
  Context& context = *self->state.context;
  if (leader == context.self) {
    self->send(context.groups[word.group.value], word);
  } else {
    context.send(leader, cluster::PeerChannel::control, {}, encode_control(word));
  }
}

void place(Self self) {
  Context& context = *self->state.context;
  const auto now = Clock::now();
  if (!leads_meta(context) || context.link.load() == nullptr) return;
  context.cluster_view.heard(context.self, context.reports.all(), now, context.is_low_on_disk());
  auto plan = self->state.placer->place(context.cluster_view, context.nodes.all(), now);
  if (!plan) return;
  for (auto& [leader, word] : plan->orders) {
    if (auto* target = std::get_if<cluster::PlacementPlan::Target>(&word)) {
      say(self, Target{target->group, std::move(target->servers)}, leader);
    } else {
      const auto& transfer = std::get<cluster::PlacementPlan::Transfer>(word);
      say(self, Transfer{transfer.group, transfer.to}, leader);
    }
  }
  context.cluster_view.set_plan(std::move(plan->words));
}

void take_frame(Self self, const FrameIn& in) {
  Context& context = *self->state.context;
  auto message = decode_control(in.from, in.frame->body.expose());
  if (!message) {
    ++context.counters.frames_refused;
    return;
  }
  if (auto* report = std::get_if<GroupsReport>(&*message)) {
    learn_leaders(self, in.from, *report);
    learn_departures(self, *report);
    return context.cluster_view.heard(in.from, std::move(report->groups), Clock::now(), report->low_on_disk);
  }
  const auto pass_on = [&](const auto& word) {
    if (word.group.value < context.groups.size()) self->send(context.groups[word.group.value], word);
  };
  if (const auto* target = std::get_if<Target>(&*message)) return pass_on(*target);
  pass_on(std::get<Transfer>(*message));
}

StewardActor::behavior_type steward(Self self, Context* context) {
  self->state.context = context;
  self->state.placer.emplace(
      Placer::Settings{context->placement_interval, context->replace_after, context->load_window, context->replicas});
  self->delayed_send(self, context->placement_interval, Sweep{});
  return {
      [self](const FrameIn& in) { take_frame(self, in); },
      [self](const Transfer& transfer) {
        for (const model::GroupInfo& group : self->state.context->cluster_view.groups()) {
          if (group.id == transfer.group) say(self, transfer, group.leader);
        }
      },
      [self](const GroupOpen&) {
        if (!std::exchange(self->state.telling, true)) self->delayed_send(self, kTell, Report{});
      },
      [self](const Report&) {
        self->state.telling = false;
        tell(self);
        place(self);
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
}  // namespace steward_actor

StewardActor spawn_steward(caf::actor_system& system, Context& context) {
  return system.spawn(steward_actor::steward, &context);
}

}  // namespace coffer::actors

// The snapshots' actor: a group's state from another node, when this one lacks too much of the log, and to others that
// do. Detached, for it reads long stretches of the state database; what it receives is written by the state writer.
// The protocol is cluster/snapshot_transfer.hpp's.

#include <map>

#include "actors/context.hpp"
#include "actors/paced_credits.hpp"
#include "actors/snapshot_queue.hpp"
#include "actors/snapshot_speed.hpp"
#include "cluster/snapshot_transfer.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

namespace snapshots_actor {
namespace {

constexpr std::size_t kMaxSources = 4;                  // transfers to others at a time
constexpr cluster::MonotonicMs kForgetSource = 15'000;  // one whose receiver says nothing any more
constexpr std::chrono::milliseconds kTick{20};

struct SnapshotsState {
  static constexpr const char* name = "snapshots";
  struct Sending {
    cluster::SnapshotSource source;
    std::uint64_t generation;
    cluster::MonotonicMs heard_at;
  };
  struct Receiving {
    std::unique_ptr<cluster::SnapshotSink> sink;
    PacedCredits credits;
    unsigned speed = 1;  // times the pace
  };
  Context* context = nullptr;
  Pace pace{0};  // of everything that this node receives
  SnapshotSpeed speed;
  std::map<model::GroupId, Receiving> sinks;
  struct Announced {
    storage::Snapshot snapshot;
    unsigned speed = 1;
  };
  std::map<model::GroupId, Announced> announced;  // that have not begun
  SnapshotQueue queue;                            // of those, the ones whose new generation is empty
  std::map<std::pair<model::GroupId, model::NodeId>, Sending> sources;
  std::uint64_t seed = 1;
  bool armed = false;
};

using Self = SnapshotsActor::stateful_pointer<SnapshotsState>;

void arm(Self self) {
  if (self->state.armed) return;
  self->state.armed = true;
  self->delayed_send(self, kTick, Sweep{});
}

bool send(Self self, model::NodeId to, model::GroupId group, const cluster::SnapshotMessage& message) {
  return self->state.context->send(to, cluster::PeerChannel::snapshot, group, cluster::encode(message));
}

// ---- receiving

/// The leader first: it has the newest; then whoever may have the group, too.
std::vector<model::NodeId> whom_to_ask(const Context& context, model::GroupId group) {
  std::vector<model::NodeId> nodes;
  const model::NodeId leader{context.boards[group.value].leader};
  if (leader.value != 0 && leader != context.self) nodes.push_back(leader);
  for (const model::NodeInfo& node : context.nodes.all()) {
    if (node.id == context.self || node.id == leader || node.state == model::NodeState::removed) continue;
    nodes.push_back(node.id);
  }
  return nodes;
}

void begin_next(Self self);

void go_on(Self self, model::GroupId group) {
  SnapshotsState& state = self->state;
  auto found = state.sinks.find(group);
  if (found == state.sinks.end()) return;
  cluster::SnapshotSink& sink = *found->second.sink;
  while (const auto number = found->second.credits.next(Pace::Clock::now())) sink.written(*number);
  for (const auto& outgoing : sink.take_messages()) send(self, outgoing.to, group, outgoing.message);
  if (!sink.finished()) return;
  self->send(state.context->state_writer, FlushInstall{group, sink.snapshot().index});
  state.speed.whole(group, Pace::Clock::now());
  state.queue.forget(group);
  state.sinks.erase(found);
  begin_next(self);
}

void announce(Self self, const Install& install) {
  SnapshotsState& state = self->state;
  state.sinks.erase(install.group);
  state.queue.forget(install.group);
  const unsigned speed = state.speed.announced(install.group, Pace::Clock::now());
  state.announced[install.group] = {install.snapshot, speed};
  if (speed > 1) {
    state.context->log("group " + std::to_string(install.group.value) +
                       ": the log behind its state was cut before the state was here; it comes again, at " +
                       std::to_string(speed) + " times [cluster] snapshot_rate");
  }
  self->send(state.context->state_writer, DropGeneration{install.group, install.snapshot.generation, true});
}

void begin_next(Self self) {
  SnapshotsState& state = self->state;
  const auto next = state.queue.next(Pace::Clock::now());
  if (!next) return;
  const model::GroupId group = *next;
  const auto [snapshot, speed] = state.announced.at(group);
  state.announced.erase(group);
  auto sink = std::make_unique<cluster::SnapshotSink>(snapshot, whom_to_ask(*state.context, group), state.seed++,
                                                      boot_clock_ms());
  state.sinks[group] = {std::move(sink), {}, speed};
  go_on(self, group);
}

void emptied(Self self, model::GroupId group) {
  if (!self->state.announced.contains(group)) return;
  self->state.queue.wait(group);
  begin_next(self);
  arm(self);
}

void take_chunk(Self self, model::NodeId from, model::GroupId group, cluster::SnapshotChunk chunk) {
  SnapshotsState& state = self->state;
  auto found = state.sinks.find(group);
  if (found == state.sinks.end()) return;
  auto& [sink, credits, speed] = found->second;
  if (auto rows = sink->chunk(from, std::move(chunk), boot_clock_ms())) {
    const auto now = Pace::Clock::now();
    state.queue.moved(group, now);
    credits.taken(rows->number, now + state.pace.wait_for(rows->rows.size() / speed, now));
    self->send(state.context->state_writer, Rows{group, sink->snapshot().generation, rows->number,
                                                 std::make_shared<const std::string>(std::move(rows->rows))});
  }
  go_on(self, group);
}

void rows_written(Self self, const RowsWritten& rows) {
  auto found = self->state.sinks.find(rows.group);
  if (found == self->state.sinks.end()) return;
  found->second.credits.written(rows.number);
  go_on(self, rows.group);
}

// ---- sending

void feed(Self self, std::pair<model::GroupId, model::NodeId> key) {
  SnapshotsState& state = self->state;
  Context& context = *state.context;
  auto found = state.sources.find(key);
  if (found == state.sources.end()) return;
  const auto [group, to] = key;
  SnapshotsState::Sending& sending = found->second;
  while (auto order = sending.source.next()) {
    auto block = storage::read_block(*context.state_engine, group, model::Generation{sending.generation}, order->after,
                                     cluster::kMaxChunkBytes);
    if (!block) return context.fatal(block.error());
    // The rows may have been going away while they were read: a newer snapshot came to this node itself, or it has left.
    const bool same = context.boards[group.value].generation == sending.generation;
    if (!same || !send(self, to, group,
                       sending.source.chunk(std::move(block->rows), std::move(block->last_key), block->is_last))) {
      send(self, to, group, cluster::SnapshotRefusal{sending.source.transfer()});
      state.sources.erase(found);
      return;
    }
  }
  if (sending.source.finished()) {
    ++context.counters.snapshots_sent;
    state.sources.erase(found);
  }
}

void take_request(Self self, model::NodeId from, model::GroupId group, const cluster::SnapshotRequest& request) {
  SnapshotsState& state = self->state;
  const GroupBoard& board = state.context->boards[group.value];
  const std::pair key(group, from);
  state.sources.erase(key);
  const std::uint64_t generation =
      board.generation;  // first: a replica that goes has applied nothing before it changes
  const bool busy =
      state.sources.size() >= kMaxSources || state.sinks.contains(group) || state.announced.contains(group);
  if (busy || board.applied < request.index.value) {
    send(self, from, group, cluster::SnapshotRefusal{request.transfer});
    return;
  }
  state.sources.emplace(key, SnapshotsState::Sending{cluster::SnapshotSource(request), generation, boot_clock_ms()});
  feed(self, key);
  arm(self);
}

void take_frame(Self self, const SnapshotFrame& in) {
  SnapshotsState& state = self->state;
  Context& context = *state.context;
  const model::GroupId group = in.frame->group;
  auto message = cluster::decode_snapshot(in.frame->body.expose());
  if (!message || group.value >= context.boards.size()) {
    ++context.counters.frames_refused;
    return;
  }
  if (auto* chunk = std::get_if<cluster::SnapshotChunk>(&*message)) {
    return take_chunk(self, in.from, group, std::move(*chunk));
  }
  if (const auto* request = std::get_if<cluster::SnapshotRequest>(&*message)) {
    return take_request(self, in.from, group, *request);
  }
  if (const auto* refusal = std::get_if<cluster::SnapshotRefusal>(&*message)) {
    auto found = state.sinks.find(group);
    if (found == state.sinks.end()) return;
    found->second.sink->refused(in.from, *refusal, boot_clock_ms());
    return go_on(self, group);
  }
  const auto& credit = std::get<cluster::SnapshotCredit>(*message);
  auto found = state.sources.find({group, in.from});
  if (found == state.sources.end()) return;
  found->second.heard_at = boot_clock_ms();
  found->second.source.credit(credit);
  feed(self, {group, in.from});
}

void sweep(Self self) {
  SnapshotsState& state = self->state;
  state.armed = false;
  const cluster::MonotonicMs now = boot_clock_ms();
  std::erase_if(state.sources, [now](const auto& entry) { return entry.second.heard_at + kForgetSource < now; });
  std::vector<model::GroupId> groups;
  for (const auto& [group, sink] : state.sinks) groups.push_back(group);
  for (const model::GroupId group : groups) {
    cluster::SnapshotSink& sink = *state.sinks.at(group).sink;
    if (now >= sink.wake_at()) {
      sink.set_sources(whom_to_ask(*state.context, group), now);
      sink.tick(now);
    }
    go_on(self, group);
  }
  begin_next(self);
  if (!state.sources.empty() || !state.sinks.empty() || !state.queue.is_empty()) arm(self);
}

SnapshotsActor::behavior_type snapshots(Self self, Context* context) {
  self->state.context = context;
  self->state.pace = Pace(context->snapshot_bytes_per_second);
  self->state.seed = boot_clock_ms() << 16;  // another one in each life of the node
  return {
      [self](const Install& install) { announce(self, install); },
      [self](const SnapshotFrame& in) { take_frame(self, in); },
      [self](const RowsWritten& rows) { rows_written(self, rows); },
      [self](const Dropped& dropped) { emptied(self, dropped.group); },
      [self](const Sweep&) { sweep(self); },
      [self](const Finish& finish) {
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace snapshots_actor

SnapshotsActor spawn_snapshots(caf::actor_system& system, Context& context) {
  return system.spawn<caf::detached>(snapshots_actor::snapshots, &context);
}

}  // namespace coffer::actors

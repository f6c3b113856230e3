// See views.hpp.

#include <map>

#include "actors/views.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

namespace views_actor {
namespace {

constexpr cluster::MonotonicMs kWaitForEntry = 2'000;  // that the collector knows to be committed
constexpr std::chrono::milliseconds kLook{10};

struct ViewsState {
  static constexpr const char* name = "views";
  struct Serving {
    cluster::ViewRequest request;
    cluster::MonotonicMs asked_at = 0, heard_at = 0;
    std::unique_ptr<storage::Scan> scan;  // null: the entry is waited for
    std::uint64_t sent = 0, wanted = 0;
    std::optional<cluster::ViewChunk> unsent;  // that the link had no room for
  };
  using Key = std::tuple<model::NodeId, model::GroupId, std::uint64_t>;
  Context* context = nullptr;
  ViewDesk* desk = nullptr;
  std::map<Key, Serving> views;
  bool armed = false;
};

using Self = ViewsActor::stateful_pointer<ViewsState>;

bool say(Self self, const ViewsState::Key& key, const cluster::ViewMessage& message) {
  const auto& [to, group, view] = key;
  return self->state.context->send(to, cluster::PeerChannel::snapshot, group, cluster::encode(message));
}

void arm(Self self) {
  if (self->state.armed) return;
  self->state.armed = true;
  self->delayed_send(self, kLook, Sweep{});
}

void refuse(Self self, const ViewsState::Key& key, cluster::ViewEnded reason) {
  say(self, key, cluster::ViewEnd{std::get<std::uint64_t>(key), reason});
  self->state.views.erase(key);
}

/// Opens the scan when the replica here holds the entry. False: not yet.
bool open(Self self, const ViewsState::Key& key, ViewsState::Serving& serving) {
  Context& context = *self->state.context;
  const model::GroupId group = std::get<model::GroupId>(key);
  const GroupBoard& board = context.boards[group.value];
  const std::uint64_t generation = board.generation;
  if (board.applied < serving.request.index.value) return false;
  auto scan = storage::scan_rows(*context.state_engine, group, model::Generation{generation}, serving.request.within,
                                 serving.request.after);
  if (board.generation != generation) return false;  // the rows may have been going away while the scan was opened
  serving.scan = std::move(scan);
  say(self, key, cluster::ViewOpened{serving.request.view});
  return true;
}

void feed_view(Self self, const ViewsState::Key& key) {
  ViewsState& state = self->state;
  const auto found = state.views.find(key);
  if (found == state.views.end()) return;
  ViewsState::Serving& serving = found->second;
  while (serving.scan && (serving.unsent || serving.sent < serving.wanted)) {
    if (!serving.unsent) {
      auto block = storage::read_block(*serving.scan, cluster::kMaxChunkBytes);
      if (!block) {
        refuse(self, key, cluster::ViewEnded::failed);
        return state.context->fatal(block.error());
      }
      cluster::ViewChunk chunk{serving.request.view, serving.sent + 1, 0, block->is_last, std::move(block->rows)};
      chunk.crc = cluster::checksum_of(chunk);
      serving.unsent = std::move(chunk);
    }
    if (!say(self, key, *serving.unsent)) return arm(self);
    ++serving.sent;
    const bool last = serving.unsent->is_last;
    serving.unsent.reset();
    if (!last) continue;
    state.views.erase(found);
    return;
  }
}

void take_wish(Self self, const ViewsState::Key& key, cluster::ViewRequest request) {
  ViewsState& state = self->state;
  const GroupBoard& board = state.context->boards[std::get<model::GroupId>(key).value];
  const cluster::MonotonicMs now = boot_clock_ms();
  if (board.applied == 0 || request.index.value == 0) return refuse(self, key, cluster::ViewEnded::no_replica);
  if (state.views.size() >= kMostViews) return refuse(self, key, cluster::ViewEnded::busy);
  ViewsState::Serving& serving = state.views[key];
  serving = {std::move(request), now, now, nullptr, 0, 0, std::nullopt};
  if (!open(self, key, serving)) arm(self);
}

void take_view_frame(Self self, const SnapshotFrame& in) {
  ViewsState& state = self->state;
  Context& context = *state.context;
  const model::GroupId group = in.frame->group;
  auto message = cluster::decode_view(in.frame->body.expose());
  if (!message || group.value >= context.boards.size()) {
    ++context.counters.frames_refused;
    return;
  }
  const std::uint64_t view = std::visit([](const auto& m) { return m.view; }, *message);
  const ViewsState::Key key(in.from, group, view);
  if (auto* request = std::get_if<cluster::ViewRequest>(&*message)) return take_wish(self, key, std::move(*request));
  const auto found = state.views.find(key);
  if (const auto* more = std::get_if<cluster::ViewMore>(&*message)) {
    // The collector finds out that there is no such view any more.
    if (found == state.views.end()) return void(say(self, key, cluster::ViewEnd{view, cluster::ViewEnded::failed}));
    found->second.heard_at = boot_clock_ms();
    found->second.wanted = std::max(found->second.wanted, more->number);
    return feed_view(self, key);
  }
  const auto* end = std::get_if<cluster::ViewEnd>(&*message);
  if (end != nullptr && end->reason == cluster::ViewEnded::not_wanted && found != state.views.end()) {
    state.views.erase(found);
    return;
  }
  state.desk->take(in.from, std::move(*message));
}

template <class Function>
void for_each_view(ViewsState& state, const Function& function) {
  std::vector<ViewsState::Key> keys;
  keys.reserve(state.views.size());
  for (const auto& [key, serving] : state.views) keys.push_back(key);
  for (const ViewsState::Key& key : keys) function(key, state.views.at(key));
}

void look_at_views(Self self) {
  self->state.armed = false;
  const cluster::MonotonicMs now = boot_clock_ms();
  bool again = false;
  for_each_view(self->state, [&](const ViewsState::Key& key, ViewsState::Serving& serving) {
    if (serving.scan) return serving.unsent ? feed_view(self, key) : void();
    if (open(self, key, serving)) return feed_view(self, key);
    if (now - serving.asked_at > kWaitForEntry) return refuse(self, key, cluster::ViewEnded::behind);
    again = true;
  });
  if (again) arm(self);
}

void keep_views(Self self) {
  self->state.desk->keep();
  const cluster::MonotonicMs now = boot_clock_ms();
  const auto patience = static_cast<cluster::MonotonicMs>(std::chrono::milliseconds(kForgetView).count());
  std::erase_if(self->state.views, [&](const auto& one) { return now - one.second.heard_at > patience; });
  self->delayed_send(self, kKeepViews, KeepViews{});
}

ViewsActor::behavior_type views(Self self, Context* context, ViewDesk* desk) {
  self->state.context = context;
  self->state.desk = desk;
  self->delayed_send(self, kKeepViews, KeepViews{});
  return {
      [self](const SnapshotFrame& in) { take_view_frame(self, in); },
      [self](const PeerGone& gone) {
        self->state.desk->gone(gone.peer);
        std::erase_if(self->state.views, [&](const auto& one) { return std::get<0>(one.first) == gone.peer; });
      },
      [self](const Sweep&) { look_at_views(self); },
      [self](const KeepViews&) { keep_views(self); },
      [self](const Finish& finish) {
        self->state.views.clear();  // no scan outlives the database
        finish.done->set_value();
        self->quit();
      },
  };
}

}  // namespace
}  // namespace views_actor

ViewsActor spawn_views(caf::actor_system& system, Context& context, ViewDesk& desk) {
  return system.spawn<caf::detached>(views_actor::views, &context, &desk);
}

}  // namespace coffer::actors

// Groups' rows for backups and exports: of this node's own replica, or of another node's. See keeper_host.hpp, node_impl.hpp.

#include <algorithm>
#include <thread>

#include "actors/node_impl.hpp"
#include "storage/state_copy.hpp"

namespace coffer::actors {

using model::Code;
using model::Error;

namespace {

constexpr std::chrono::seconds kAskForView{15};     // all nodes, again and again: a leader may have to be elected first
constexpr std::chrono::milliseconds kAskNext{100};  // when none of them had it

/// The leader first, for it has the newest; `last` last.
std::vector<model::NodeInfo> whom_to_ask_for_rows(const Context& context, model::GroupId group, model::NodeId last) {
  std::vector<model::NodeInfo> nodes = context.nodes.all();
  std::erase_if(nodes, [&](const model::NodeInfo& node) {
    return node.id == context.self || node.state == model::NodeState::removed;
  });
  const model::NodeId leader{context.boards[group.value].leader};
  const auto rank = [&](const model::NodeInfo& node) { return node.id == last ? 2 : node.id == leader ? 0 : 1; };
  std::stable_sort(nodes.begin(), nodes.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return nodes;
}

}  // namespace

void NodeImpl::prepare_views() {
  const auto send = [context = context_.get()](model::NodeId to, model::GroupId group,
                                               const cluster::ViewMessage& message) {
    return context->send(to, cluster::PeerChannel::snapshot, group, cluster::encode(message));
  };
  desk_ = std::make_unique<ViewDesk>(send, boot_clock_ms() << 20);  // other numbers in each life of the node
}

/// Null when there is no replica here that has come so far.
std::unique_ptr<GroupView> NodeImpl::view_here(const RowWish& wish) const {
  const GroupBoard& board = context_->boards[wish.group.value];
  const auto until = std::chrono::steady_clock::now() + wish.own_patience;
  if (board.applied == 0) return nullptr;
  while (board.applied < wish.index.value) {
    if (std::chrono::steady_clock::now() >= until) return nullptr;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const model::Generation generation{board.generation};
  auto scan = storage::scan_rows(*options_.state_engine, wish.group, generation, wish.within, wish.after);
  // Another one has become active, or the node has left the group: these rows may have been going away while the scan was opened.
  if (board.generation != generation.value || board.applied < wish.index.value) return nullptr;
  return local_view(std::move(scan), wish.index);
}

model::Result<std::unique_ptr<GroupView>> NodeImpl::open_view(RowWish wish) {
  const auto until = std::chrono::steady_clock::now() + kAskForView;
  if (wish.index.value == 0) {
    auto newest = newest_index(wish.group, until);
    if (!newest) return Error(newest.error().code, "group " + std::to_string(wish.group.value) + " has no leader");
    wish.index = *newest;
  }
  std::string became;
  for (;;) {
    if (auto here = view_here(wish)) return here;
    became = "has no current copy on this node";
    bool worth_asking = false;
    for (const model::NodeInfo& node : whom_to_ask_for_rows(*context_, wish.group, wish.not_at)) {
      const std::string name = "; node " + std::to_string(node.id.value) + " ";
      if (node.newest_format < cluster::kViewsFormat) {
        became += name + "takes part by format " + std::to_string(node.newest_format) + ", which cannot send it";
        continue;
      }
      auto view = desk_->open(node.id, wish);
      if (view) return view;
      worth_asking = true;
      became += name + std::string(view.error().message());
    }
    if (!worth_asking || std::chrono::steady_clock::now() >= until || !context_->accepting || desk_->stopped()) break;
    std::this_thread::sleep_for(kAskNext);
  }
  return Error(Code::unavailable, "group " + std::to_string(wish.group.value) + " " + became);
}

}  // namespace coffer::actors

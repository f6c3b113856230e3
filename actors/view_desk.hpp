#pragma once
// Groups' rows that this node reads at other nodes (cluster/group_view.hpp): the collector's side. Whoever reads waits here,
// on a thread that may block; the views' actor brings what comes from the link. Owned by the node.
//
// What is under way of one view is bounded by a window of chunks, which only its reading opens: a view that is not read yet
// costs an open scan at its source, and nothing on the wire. So that the source keeps it meanwhile, it is told now and then.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "actors/group_view.hpp"
#include "cluster/group_view.hpp"

namespace coffer::actors {

struct ViewDeskOptions {
  std::chrono::milliseconds opening{5'000};   // until a source has answered
  std::chrono::milliseconds silence{10'000};  // of a source that owes chunks
  std::uint64_t window = 4;                   // chunks
};

class ViewDesk {
 public:
  /// False: there is no connection, or no room.
  using Send = std::function<bool(model::NodeId, model::GroupId, const cluster::ViewMessage&)>;
  /// `seed` tells this life's views from those of an earlier one.
  ViewDesk(Send send, std::uint64_t seed, ViewDeskOptions options = {})
      : send_(std::move(send)), options_(options), next_(seed) {}

  /// Waits for the source. The view must not outlive the desk. Errors: unavailable; the message says what became of that
  /// node ("is not connected").
  model::Result<std::unique_ptr<GroupView>> open(model::NodeId at, const RowWish& wish);

  // Any thread; never block.
  void take(model::NodeId from, cluster::ViewMessage message);
  void gone(model::NodeId node);
  /// To be called more often than a source forgets what nobody asks for (actors/views.hpp).
  void keep();
  /// Whoever waits is answered at once, and nobody waits any more.
  void stop();
  bool stopped();

 private:
  class Remote;
  struct Inbox {
    model::NodeId from;
    model::GroupId group;
    bool opened = false, last = false;
    std::uint64_t asked = 0, received = 0;
    std::deque<std::string> chunks;
    std::optional<std::string> failure;
  };
  struct Block {
    std::string rows;
    bool last = false;
  };
  model::Result<Block> wait_for_chunk(std::uint64_t view, std::uint64_t number);
  void forget(std::uint64_t view);

  const Send send_;
  const ViewDeskOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_;
  std::map<std::uint64_t, Inbox> inboxes_;
  bool stopped_ = false;
};

}  // namespace coffer::actors

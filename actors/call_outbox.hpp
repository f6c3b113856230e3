#pragma once
// What waits to be sent to one node on the channel `calls` because the link's queue has no room for it. A message of
// several pieces goes whole or not at all: with one piece less it would be another message, and what came of it would
// stay with its reader for as long as the connection lasts. The forwarder has one for each peer; pure.

#include <cstdint>
#include <deque>
#include <functional>

#include "actors/forward_frames.hpp"

namespace coffer::actors {

class CallOutbox {
 public:
  /// For those who say that a reply is lost, beyond what the rest may take: no node asks so much at once.
  static constexpr std::size_t kReserve = 4 << 20;

  explicit CallOutbox(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// False: there is no room, and it does not go. One message goes though it alone is larger than all that may wait.
  bool add_frame(model::Secret body);
  bool add_message(FrameKind kind, std::uint64_t id, model::Secret message);
  /// A reply; where there is no room for it, the word that it is lost.
  void add_reply(std::uint64_t id, model::Secret message);

  /// Gives frames to `send` until it answers that it has no room for one.
  void drain(const std::function<bool(model::Secret body)>& send);
  bool empty() const { return items_.empty(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Item {
    FrameKind kind = FrameKind::call;
    std::uint64_t id = 0;
    model::Secret bytes;  // a whole message, or one frame
    bool is_frame = false;
    std::size_t at = 0;  // of the message, what went
  };
  static constexpr std::size_t kCharge = 64;  // so that small ones are bounded, too
  bool add(Item item, std::size_t most);

  std::size_t max_bytes_, bytes_ = 0;
  std::deque<Item> items_;
};

}  // namespace coffer::actors

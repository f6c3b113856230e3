#pragma once
// Another node's call at the node that leads: answered like any, its reply goes back in frames. Made by the forwarder,
// deletes itself. Any thread.

#include "actors/context.hpp"
#include "actors/forward_frames.hpp"

namespace coffer::actors {

class RemoteCall final : public Call {
 public:
  /// `running` counts the peer's calls that are not answered yet.
  RemoteCall(Context& context, model::NodeId from, std::uint64_t id,
             std::shared_ptr<std::atomic<std::uint32_t>> running);
  void complete() noexcept override;

 private:
  Context& context_;
  model::NodeId from_;
  std::uint64_t id_;
  std::shared_ptr<std::atomic<std::uint32_t>> running_;
};

}  // namespace coffer::actors

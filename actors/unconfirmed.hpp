#pragma once
// Calls that came to a shard or the directory while its node held no lease: they wait until a majority has confirmed,
// after they came, that the node still leads. One question at a time; who comes while it is under way waits for the
// next. Owned by one actor.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "actors/context.hpp"

namespace coffer::actors {

class Unconfirmed {
 public:
  bool empty() const { return asked_.empty() && next_.empty(); }
  std::size_t size() const { return asked_.size() + next_.size(); }

  /// True when a question must be asked now, for round().
  bool add(CallHandle call) {
    next_.push_back(std::move(call));
    return asked_.empty() && begin();
  }
  std::uint64_t round() const { return round_; }
  /// Whom the answer to a round concerns; none when it is not the one under way.
  std::vector<CallHandle> take(std::uint64_t round) {
    return round == round_ ? std::exchange(asked_, {}) : std::vector<CallHandle>();
  }
  /// After take(): true when the next question must be asked.
  bool begin() {
    if (!asked_.empty() || next_.empty()) return false;
    asked_.swap(next_);
    ++round_;
    return true;
  }
  /// Everybody, at the actor's end.
  std::vector<CallHandle> take_all() {
    std::vector<CallHandle> all = std::exchange(asked_, {});
    for (CallHandle& call : std::exchange(next_, {})) all.push_back(std::move(call));
    return all;
  }

 private:
  std::vector<CallHandle> asked_, next_;
  std::uint64_t round_ = 0;
};

/// Asks the group for `round`; the answer comes to `asker` as Confirmed.
inline void ask_for_confirmation(const GroupActor& group, const SubmitterActor& asker, std::uint64_t round) {
  auto done = [asker, round](const model::Result<model::Index>& index) {
    caf::anon_send(asker, Confirmed{round, index.ok()});
  };
  caf::anon_send(
      group, ConfirmLeadership{std::make_shared<std::function<void(model::Result<model::Index>)>>(std::move(done))});
}

}  // namespace coffer::actors

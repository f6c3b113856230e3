#pragma once
// A call that lives through a failover: between a transport and the shard that answers, on a node that has others beside
// it. It gives a mutation a request id, so that it can be asked twice and done once; asks again while nobody leads the
// group, or when the outcome is not known; and does not let an answer out that was read without a lease (see
// GroupBoard::holds_lease). Made by the gateway, deletes itself with its answer. Any thread.

#include "actors/context.hpp"

namespace coffer::actors {

/// May the operation be asked again when nobody knows whether it was done? Not when its answer can be given only once.
bool is_repeatable(const model::Request& request);
bool is_change(const model::Request& request);

class RetryingCall final : public Call {
 public:
  /// Takes the client's request until the answer.
  RetryingCall(Context& context, Call* client);
  void complete() noexcept override;

 private:
  bool must_ask_again();
  bool says_nothing_of_earlier_tries() const;
  void give_back() noexcept;

  Context& context_;
  Call* client_;
  model::TimeMs deadline_;
  bool gave_id_ = false;
  bool may_be_done_ = false;  // one of the tries ended without a known outcome
};

}  // namespace coffer::actors

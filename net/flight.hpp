#pragma once
// The rules that a call follows on every listener: how long it may take, what its ids are, how many may be under way,
// and what it is told when nobody answered in time. Used by net/grpc and net/http; pure, any thread.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "model/requests.hpp"
#include "model/result.hpp"
#include "net/rpc.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// Counts the calls under way. Shared, because a call whose transport gave up lives on until the actors complete it.
class InFlight {
 public:
  explicit InFlight(std::size_t limit) : limit_(limit) {}
  /// False when the limit is reached; then nothing was counted.
  bool enter() {
    if (count_.fetch_add(1, std::memory_order_relaxed) < limit_.load(std::memory_order_relaxed)) return true;
    leave();
    return false;
  }
  void leave() { count_.fetch_sub(1, std::memory_order_relaxed); }
  void set_limit(std::size_t limit) { limit_.store(limit, std::memory_order_relaxed); }
  std::size_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> limit_;
  std::atomic<std::size_t> count_{0};
};

using Clock = std::chrono::steady_clock;

/// How long after a call's deadline its listener answers by itself. The shard, which knows whether it applied the
/// request, is to be heard first.
inline constexpr std::chrono::milliseconds kGrace{250};

/// The time a call may take: what the client allows (max(): nothing said), at most the listener's maximum.
std::chrono::milliseconds time_allowed(std::chrono::milliseconds by_client, const Limits& limits);

model::TimeMs wall_clock_ms();

/// An x-request-id is 1 to 128 visible ASCII characters.
bool is_valid_call_id(std::string_view id);
/// 16 random hexadecimal digits. Not a secret and not unguessable.
std::string make_call_id();

/// Fills what decode left open: deadline, the client's request id, its address, its traceparent when that is one.
/// `client_id` and `trace` are empty when the client sent none.
void complete_info(model::CallInfo& info, std::string_view client_id, std::string_view address, std::string_view trace,
                   model::TimeMs deadline);

bool may_change_something(const model::Request& request);
/// What the caller is told when the deadline passed without an answer: a read is simply late, of a change nobody knows.
model::Error overdue(bool may_have_changed);
/// The same when the server stops before the answer.
model::Error cut_off(bool may_have_changed);

/// Runs decode; an exception (out of memory) becomes `internal`.
template <class Decode, class Call>
model::Result<Step> guarded_decode(const Decode& decode, Call& call) noexcept {
  try {
    return decode(call);
  } catch (...) {
    return model::Error(model::Code::internal);
  }
}

}  // namespace coffer::net

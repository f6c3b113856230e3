#pragma once
// What a listener says of a call besides answering it: to the audit trail when the call never reached the actors, and to
// the log of requests when that is switched on. Used by net/grpc and net/http; any thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "net/rpc.hpp"

namespace coffer::net {

/// One answered call, for the log. Views; never a value, a name or a token.
struct CallLine {
  std::string_view door, method;  // "native", "Secrets/Get"
  std::string_view status;        // "OK", "NOT_FOUND", "404"
  bool failed = false;
  double seconds = 0;
  std::string_view address, request_id, trace;
};

/// The log of requests. Off costs one relaxed load for each call.
class CallLog {
 public:
  enum class Level : std::uint8_t { none, failed, all };
  explicit CallLog(std::function<void(const CallLine&)> write) : write_(std::move(write)) {}
  void set_level(Level level) { level_.store(level, std::memory_order_relaxed); }
  bool wants(bool failed) const {
    const Level level = level_.load(std::memory_order_relaxed);
    return level == Level::all || (failed && level == Level::failed);
  }
  void write(const CallLine& line) const { write_(line); }

 private:
  std::atomic<Level> level_{Level::none};
  const std::function<void(const CallLine&)> write_;
};

/// A traceparent as W3C Trace Context (2021-11) section 3.2 has it; of versions to come the part that is known.
bool is_valid_traceparent(std::string_view text);
/// The trace id in it: 32 hexadecimal digits. REQUIRES: is_valid_traceparent.
inline std::string_view trace_id(std::string_view traceparent) { return traceparent.substr(3, 32); }

/// The call was answered by the listener or the door itself: noted in the audit trail when somebody is known to have
/// asked, counted by source when not. Does nothing for a call that the actors have noted.
void note_unsubmitted(const actors::Gateway& gateway, const actors::Call& call, const Caller& caller,
                      std::string_view door, std::string_view method, model::Code code) noexcept;

}  // namespace coffer::net

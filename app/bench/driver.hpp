#pragma once
// The load generator's drivers: they send what a Source makes over many connections, one call in flight on each stream,
// and time the answers. Each driver runs its own threads and returns when all of them have ended.

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "app/bench/histogram.hpp"
#include "app/cli/connection.hpp"

namespace coffer::app::bench {

/// One call, ready to be sent.
struct Item {
  std::string_view method;  // "/coffer.v1.Secrets/Get"; the HTTP driver does not look at it
  std::string bytes;        // the message, or the whole HTTP request
};

/// Makes the calls. Thread-safe: the drivers number the calls, and the same number makes the same call.
class Source {
 public:
  virtual ~Source() = default;
  /// False: there is no such call, the run is over.
  virtual bool make(std::uint64_t number, Item& out) const = 0;
  /// Counts an error of this text as success (preparing what is there already).
  virtual bool forgives(std::string_view) const { return false; }
};

struct Plan {
  unsigned connections = 64;
  unsigned streams = 1;                        // calls in flight on each connection (gRPC)
  unsigned threads = 1;                        // of the gRPC driver; HTTP uses one per connection
  std::chrono::milliseconds duration{10'000};  // no new calls after it; zero: until the source ends
  double rate = 0;                             // calls per second of all together; 0: as fast as answers come
};

struct Report {
  std::uint64_t done = 0, errors = 0;
  double seconds = 0;
  Histogram latency;                             // of calls that succeeded; with a rate, from when the call was due
  std::map<std::string, std::uint64_t> reasons;  // of errors, with their counts

  void merge(const Report& other);
  void fail(std::string reason);
};

/// Unary calls by completion queues, one channel per connection.
Report run_grpc(const cli::Endpoint& endpoint, const Plan& plan, const Source& source);
/// HTTP/1.1 with keep-alive on blocking sockets, a thread for each connection; `address` is host:port, without TLS.
Report run_http(const std::string& address, std::chrono::milliseconds timeout, const Plan& plan, const Source& source);

/// When each call of one stream is due: at once without a rate, else evenly spread and never caught up by waiting
/// shorter, so that a stall of the server shows in the latencies (no coordinated omission).
class Pace {
 public:
  using Clock = std::chrono::steady_clock;
  Pace(const Plan& plan, unsigned stream, unsigned streams, Clock::time_point start);
  /// The next call's due time; steps on.
  Clock::time_point next();

 private:
  Clock::time_point due_;
  std::chrono::nanoseconds interval_{0};
};

}  // namespace coffer::app::bench

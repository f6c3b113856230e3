#pragma once
// The listeners. Each serves a list of doors; the composition root starts and drains them. start() and stop() are
// called by main's thread; everything else runs on the listeners' own threads.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/call_notes.hpp"
#include "net/guard.hpp"
#include "net/rpc.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// Counts and times what every listener answers; rendered by metrics_text(). Thread-safe.
class Metrics {
 public:
  explicit Metrics(const actors::Gateway& gateway);
  ~Metrics();
  /// Shown after the gateway's; any thread calls it. Before the listeners start.
  void add_source(std::function<std::vector<actors::Sample>()> source);
  void observe(std::string_view door, std::string_view method, std::string_view status, double seconds);
  /// What a listener holds per method, so that counting a call looks nothing up. Lives as long as the Metrics.
  struct Series;
  Series& series(std::string_view door, std::string_view method);
  static void observe(Series& series, model::Category status, double seconds);
  static void observe(Series& series, int http_status, double seconds);
  static std::string_view door(const Series& series);
  static std::string_view method(const Series& series);
  /// Where answered calls are written to; set before the listeners are made. Null: nowhere.
  void set_call_log(const CallLog* log) { call_log_ = log; }
  const CallLog* call_log() const { return call_log_; }
  /// Prometheus text format.
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  const CallLog* call_log_ = nullptr;
};

class Server {
 public:
  virtual ~Server() = default;
  /// The bound port. Errors of start: one sentence that names address and reason.
  virtual model::Status start() = 0;
  virtual std::uint16_t port() const = 0;
  /// Takes over what may change while it serves: certificates for new connections, limits for new requests (not the
  /// address, not whether there is TLS, not what HTTP/2 has agreed on). Errors: invalid_argument; then nothing changed.
  virtual model::Status reload(const Listener& listener) = 0;
  /// Takes no new calls, lets those in flight end for at most `drain`, then cuts them.
  virtual void stop() = 0;
};

/// The threads of all gRPC listeners of a process; see net/grpc/threads.hpp.
class GrpcThreads;
std::shared_ptr<GrpcThreads> make_grpc_threads(unsigned count);
/// gRPC by completion queues, with grpc.health.v1 and reflection (v1alpha). Without `threads` it has its own; without
/// `guard` no address is refused.
std::unique_ptr<Server> make_grpc_server(const Listener& listener, std::vector<Door*> doors, actors::Gateway& gateway,
                                         Metrics& metrics, std::shared_ptr<GrpcThreads> threads = nullptr,
                                         std::shared_ptr<SourceGuard> guard = nullptr);
/// HTTP/1.1 by Beast coroutines: the doors' REST methods and routes, /healthz, /readyz and /metrics.
std::unique_ptr<Server> make_http_server(const Listener& listener, std::vector<Door*> doors, actors::Gateway& gateway,
                                         Metrics& metrics, std::shared_ptr<SourceGuard> guard = nullptr);

/// The one list of doors: native, direktiv, dapr, tapis for the public listeners.
std::vector<std::unique_ptr<Door>> make_doors(const Doors& settings, actors::Gateway& gateway);
/// Seals, keys and backups, on the admin listener; works on a sealed node, too.
std::unique_ptr<Door> make_keeper_door(actors::Gateway& gateway);
/// Both generations of the Cloudforet door. They have the same names, so they never stand on one listener: the older
/// belongs to the public ones, the newer to those of its own. Errors: invalid_argument, about the key file.
struct Cloudforet {
  std::unique_ptr<Door> older, newer;
};
model::Result<Cloudforet> make_cloudforet(const Doors& settings, actors::Gateway& gateway);
/// What else the admin listener serves.
std::unique_ptr<Door> make_admin_door(const Doors& settings, actors::Gateway& gateway, const Metrics& metrics);

}  // namespace coffer::net

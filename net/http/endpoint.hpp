#pragma once
// What stands at one path for one method: a transcoded method of a door, one of its own routes, or a probe of the
// server. Made on main's thread, then constant.

#include <memory>
#include <optional>
#include <string_view>

#include "net/http/job.hpp"
#include "net/large_replies.hpp"
#include "net/live.hpp"
#include "net/rest/binding.hpp"
#include "net/server.hpp"

namespace coffer::net::http {

/// What all endpoints of a listener share. Outlives them.
struct Context {
  actors::Gateway* gateway = nullptr;
  Metrics* metrics = nullptr;
  std::shared_ptr<LiveLimits> live;
  std::shared_ptr<LargeReplies> large = std::make_shared<LargeReplies>();
  const Limits& limits() const { return live->get(); }
};

class Endpoint {
 public:
  virtual ~Endpoint() = default;
  /// Errors of the header alone, before the body is read: invalid_argument for a content type that is not read here.
  virtual model::Status check_header(const Incoming&) const { return {}; }
  virtual std::unique_ptr<Job> make_job(Arrival arrival) const = 0;
};

/// REQUIRES: door, method and context outlive the endpoint.
std::unique_ptr<Endpoint> make_rest_endpoint(const Context& context, const Door& door, const Method& method,
                                             std::unique_ptr<rest::Binding> binding);
/// The same for a method that streams: its answer is text/event-stream (HTML Living Standard 9.2).
std::unique_ptr<Endpoint> make_event_endpoint(const Context& context, const Door& door, const Method& method,
                                              std::unique_ptr<rest::Binding> binding);
std::unique_ptr<Endpoint> make_route_endpoint(const Context& context, const Door& door, const HttpRoute& route);
enum class Probe { health, ready, metrics };
std::unique_ptr<Endpoint> make_probe_endpoint(const Context& context, Probe probe);

/// Fills a message from path, query and body. Errors: invalid_argument with what is wrong and what would be right.
model::Status fill_message(const Arrival& arrival, const rest::Binding& binding, std::size_t json_depth,
                           google::protobuf::Message* message);
/// A door's failure as an answer.
Answer to_answer(WireStatus status);
/// What of the error is for the listener, whatever the door's words are: Retry-After, and whether to count it.
void note_error(const model::Error& error, Answer* answer);

}  // namespace coffer::net::http

#pragma once
// Everything that an HTTP listener serves: the doors' endpoints, the probes, and the words for what is not there.
// Built on main's thread by start(), then constant; sessions on every io thread ask it.

#include <memory>
#include <string>
#include <vector>

#include "net/http/endpoint.hpp"
#include "net/http/router.hpp"
#include "net/http/words.hpp"
#include "net/rest/shape.hpp"
#include "net/rpc.hpp"

namespace coffer::net::http {

class Site {
 public:
  /// Errors: invalid_argument or unimplemented, one sentence about a route or an annotation.
  static model::Result<std::unique_ptr<Site>> make(const std::vector<Door*>& doors, const Context& context);

  /// Where a request goes, by its header alone. Without an endpoint, `refusal` is the answer.
  struct Selection {
    const Endpoint* endpoint = nullptr;
    std::vector<std::pair<std::string_view, std::string_view>> variables;
    std::string_view query;
    std::unique_ptr<const std::string> cleaned;  // what the variables point into when the door cleans paths
    Answer refusal;
  };
  Selection select(const Incoming& request, const Caller& caller) const;

  /// A failure in the words of the door whose prefix the target has, else in the server's own; with this HTTP status.
  Answer failure(std::string_view target, int status, const model::Error& error, std::string_view call_id) const;
  /// True for what a door serves: the server's own probes ask for no credential.
  bool is_guarded(std::string_view target) const;
  /// Counts an answer that no endpoint made.
  void count_refusal(int status) const { Metrics::observe(refusals_, status, 0); }

 private:
  explicit Site(const Context& context) : context_(context), refusals_(context.metrics->series("http", "refused")) {}
  model::Status add_door(const Door& door, const std::vector<Method>& methods, const std::vector<HttpRoute>& routes);
  model::Status add(std::string_view method, std::string_view pattern, std::unique_ptr<Endpoint> endpoint);
  const Door* door_at(std::string_view path) const;
  Answer not_served(std::string_view path, const Router::Match& match, const Incoming& request,
                    const Caller& caller) const;

  struct Served {
    const Door* door;
    std::vector<Method> methods;
    std::vector<HttpRoute> routes;
    std::vector<std::string> prefixes;
  };
  Context context_;
  Metrics::Series& refusals_;
  rest::Shapes shapes_;
  std::vector<std::unique_ptr<Served>> doors_;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  Router router_;
};

}  // namespace coffer::net::http

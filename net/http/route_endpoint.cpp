// A door's own HTTP route: it reads the exchange and writes the answer itself.

#include <algorithm>

#include "net/http/endpoint.hpp"
#include "net/http/words.hpp"

namespace coffer::net::http {
namespace {

using model::Code;
using model::Error;
using model::Status;

struct Route {
  const Context& context;
  const Door& door;
  const HttpRoute& route;
  Metrics::Series& series;
};

class RouteJob final : public Job, public HttpExchange {
 public:
  RouteJob(const Route& route, Arrival arrival) : Job(std::move(arrival)), route_(route) {}

  const Caller& caller() const override { return http_caller(); }
  std::string_view method() const override { return incoming().method; }
  std::string_view variable(std::string_view name) const override {
    const auto found = std::ranges::find(variables_, name, [](const auto& v) { return std::string_view(v.first); });
    return found == variables_.end() ? std::string_view() : std::string_view(found->second);
  }
  const std::vector<std::pair<std::string, std::string>>& query() const override { return query_; }
  std::string_view body() const override { return incoming().body; }
  void answer(int status, std::string_view content_type, std::string body) override {
    outcome.status = status;
    outcome.content_type = content_type;
    outcome.body = std::move(body);
  }
  void set_header(std::string_view name, std::string_view value) override { outcome.headers.emplace_back(name, value); }

  void complete() noexcept override {
    if (!claim()) return;
    const bool aside = reply.ok() && is_large(*reply) && route_.context.large->take([this] { conclude(); });
    if (!aside) conclude();
  }

  Answer give_up(bool server_stops) const override {
    auto given = to_answer(route_.door.http_failure(server_stops ? cut_off(changes_) : overdue(changes_), call_id()));
    observe(given.status);
    return given;
  }

 protected:
  bool begin() override {
    request.info = {};
    set_deadline(request.info, route_.context.limits());
    if (auto status = read(); !status) return refuse(status.error()), true;
    const auto step = guarded_decode(route_.route.decode, static_cast<HttpExchange&>(*this));
    if (!step) return fail(step.error()), true;
    if (*step == Step::done) return note(Code::ok), observe(outcome.status), true;
    complete_call_info(request.info);
    changes_ = route_.route.start || may_change_something(request);
    if (route_.route.start) {
      route_.route.start(*this);
    } else {
      route_.context.gateway->submit(this);
    }
    return false;
  }

  void refuse(const Error& error) override {
    send(route_.door.http_failure(error, call_id()));
    note_error(error, &outcome);
    note(error.code);
  }

 private:
  void fail(const Error& error) {
    send(route_.route.fail(*this, error));
    note_error(error, &outcome);
    note(error.code);
  }
  void send(WireStatus status) {
    outcome = to_answer(std::move(status));
    observe(outcome.status);
  }
  void observe(int status) const {
    Metrics::observe(route_.series, status, seconds());
    write_log(route_.context, route_.series, std::to_string(status), status >= 400);
  }
  void note(Code code) const {
    note_unsubmitted(*route_.context.gateway, *this, http_caller(), route_.door.name(), Metrics::method(route_.series),
                     code);
  }

  Status read() {
    if (const auto id = client_id(); !id) return id.error();
    for (const auto& [name, raw] : arrival().variables) {
      auto value = percent_decode(raw, route_.route.plus_is_space);
      if (!value) return Error(Code::invalid_argument, std::string(name) + ": expected percent-encoding in the path");
      variables_.emplace_back(name, *std::move(value));
    }
    auto query = parse_query(arrival().query);
    if (!query) return Error(Code::invalid_argument, "expected percent-encoding in the query");
    query_ = *std::move(query);
    return {};
  }

  void conclude() noexcept {
    encode();
    if (!reply.ok()) {
      note_error(reply.error(), &outcome);
      note(reply.error().code);
    }
    observe(outcome.status);
    answered();
  }

  void encode() noexcept {
    try {
      route_.route.encode(*this);
    } catch (...) {
      send(route_.door.http_failure(Error(Code::internal), call_id()));
    }
  }

  const Route& route_;
  bool changes_ = false;
  std::vector<std::pair<std::string, std::string>> variables_, query_;
};

class RouteEndpoint final : public Endpoint {
 public:
  RouteEndpoint(const Context& context, const Door& door, const HttpRoute& route)
      : route_{context, door, route, context.metrics->series(door.name(), route.method + " " + route.pattern)} {}
  std::unique_ptr<Job> make_job(Arrival arrival) const override {
    return std::make_unique<RouteJob>(route_, std::move(arrival));
  }

 private:
  Route route_;
};

}  // namespace

std::unique_ptr<Endpoint> make_route_endpoint(const Context& context, const Door& door, const HttpRoute& route) {
  return std::make_unique<RouteEndpoint>(context, door, route);
}

}  // namespace coffer::net::http

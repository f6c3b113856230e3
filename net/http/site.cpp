// Doors into one table of paths; see site.hpp.

#include "net/http/site.hpp"

#include "net/rest/json_write.hpp"

namespace coffer::net::http {
namespace {

using model::Code;
using model::Error;
using model::Result;
using model::Status;

/// For paths that belong to no door.
Answer own_failure(int status, const Error& error, std::string_view call_id) {
  std::string body = R"({"error":{"code":)";
  rest::append_quoted(model::info(error.code).name, &body);
  body += R"(,"message":)";
  rest::append_quoted(error.message(), &body);
  body += R"(,"request_id":)";
  rest::append_quoted(call_id, &body);
  body += "}}";
  return {status, "application/json", std::move(body), {}};
}

}  // namespace

Result<std::unique_ptr<Site>> Site::make(const std::vector<Door*>& doors, const Context& context) {
  std::unique_ptr<Site> site(new Site(context));
  for (Door* door : doors) {
    auto served = std::make_unique<Served>(Served{door, door->methods(), door->routes(), door->path_prefixes()});
    for (const Method& method : served->methods) site->shapes_.omit_empty(method.rest_omit_empty);
    site->doors_.push_back(std::move(served));
  }
  for (const auto& served : site->doors_) {
    if (auto status = site->add_door(*served->door, served->methods, served->routes); !status) return status.error();
  }
  const std::pair<const char*, Probe> probes[] = {
      {"/healthz", Probe::health}, {"/readyz", Probe::ready}, {"/metrics", Probe::metrics}};
  for (const auto& [path, probe] : probes) {
    if (auto status = site->add("GET", path, make_probe_endpoint(site->context_, probe)); !status) {
      return status.error();
    }
  }
  return site;
}

Status Site::add_door(const Door& door, const std::vector<Method>& methods, const std::vector<HttpRoute>& routes) {
  for (const Method& method : methods) {
    if (!method.rest) continue;
    auto bindings = rest::bindings_of(method, shapes_);
    if (!bindings) return bindings.error();
    for (auto& binding : *bindings) {
      const rest::Binding& place = *binding;
      auto endpoint = method.advance ? make_event_endpoint(context_, door, method, std::move(binding))
                                     : make_rest_endpoint(context_, door, method, std::move(binding));
      if (auto status = add(place.verb, place.pattern, std::move(endpoint)); !status) return status;
    }
  }
  for (const HttpRoute& route : routes) {
    if (auto status = add(route.method, route.pattern, make_route_endpoint(context_, door, route)); !status) {
      return status;
    }
  }
  return {};
}

Status Site::add(std::string_view method, std::string_view pattern, std::unique_ptr<Endpoint> endpoint) {
  endpoints_.push_back(std::move(endpoint));
  return router_.add(method, pattern, endpoints_.back().get());
}

const Door* Site::door_at(std::string_view path) const {
  const Door* found = nullptr;
  std::size_t longest = 0;
  for (const auto& served : doors_) {
    for (const auto& prefix : served->prefixes) {
      if (prefix.size() > longest && path.starts_with(prefix)) {
        found = served->door;
        longest = prefix.size();
      }
    }
  }
  return found;
}

Site::Selection Site::select(const Incoming& request, const Caller& caller) const {
  const Target target = split_target(request.target);
  Selection selection;
  const Door* door = door_at(target.path);
  if (auto cleaned = door ? door->clean_path(target.path) : std::nullopt) {
    selection.cleaned = std::make_unique<const std::string>(std::move(*cleaned));
  }
  auto match = router_.find(request.method, selection.cleaned ? std::string_view(*selection.cleaned) : target.path);
  if (!match.endpoint) {
    selection.refusal = not_served(target.path, match, request, caller);
    return selection;
  }
  if (const auto status = match.endpoint->check_header(request); !status) {
    selection.refusal = failure(request.target, 415, status.error(), caller.call_id());
    return selection;
  }
  selection.endpoint = match.endpoint;
  selection.variables = std::move(match.variables);
  selection.query = target.query;
  return selection;
}

Answer Site::not_served(std::string_view path, const Router::Match& match, const Incoming& request,
                        const Caller& caller) const {
  const Door* door = door_at(path);
  const auto id = caller.call_id();
  Answer answer = door ? to_answer(door->unknown_path(caller, id))
                       : own_failure(404, Error(Code::entry_not_found, "there is nothing at this path"), id);
  // A door may want a credential first; what it says then stands.
  if (match.allow.empty() || answer.status != 404 || (door && door->hides_verbs())) return answer;
  answer = failure(request.target, 405,
                   Error(Code::unimplemented, "this path does not take this method; it takes " + match.allow), id);
  answer.headers.emplace_back("allow", match.allow);
  return answer;
}

Answer Site::failure(std::string_view target, int status, const Error& error, std::string_view call_id) const {
  const Door* door = door_at(split_target(target).path);
  if (!door) return own_failure(status, error, call_id);
  Answer answer = to_answer(door->http_failure(error, call_id));
  if (answer.body.empty()) return own_failure(status, error, call_id);
  answer.status = status;
  note_error(error, &answer);
  return answer;
}

bool Site::is_guarded(std::string_view target) const { return door_at(split_target(target).path) != nullptr; }

}  // namespace coffer::net::http

// See routes.hpp. Each operation says what it asks the shard and how it shows the answer; Operation::make does the rest.

#include "net/tapis/routes.hpp"

#include <functional>
#include <limits>
#include <utility>

#include "model/policy.hpp"
#include "net/flight.hpp"
#include "net/rendering.hpp"
#include "net/tapis/body.hpp"
#include "net/tapis/openapi.hpp"
#include "net/tapis/pod_deletion.hpp"
#include "net/tapis/render.hpp"
#include "net/tapis/show.hpp"

namespace coffer::net::tapis {
namespace {

namespace json = boost::json;
using model::Code;
using model::Error;
using model::Result;
using model::Status;

constexpr std::string_view kJsonType = "application/json";

void send(HttpExchange& exchange, WireStatus status) {
  exchange.answer(status.http_status, status.http_content_type, std::move(status.http_body));
}

/// The secret that a call is about: of the path, or of the request when it makes one.
std::string secret_id_of(const HttpExchange& exchange) {
  const std::string_view id = exchange.variable("secret_id");
  if (!id.empty()) return std::string(id);
  const auto* operation = std::get_if<model::TenantOperation>(&exchange.request.operation);
  const auto* put = operation ? std::get_if<model::Put>(operation) : nullptr;
  return put ? put->name : std::string();
}

/// What a route answers of a reply.
struct Shown {
  std::string_view message;
  json::value result;
  json::object metadata;
  Problems problems = {};  // 400 with these instead
};

struct Operation {
  const char* method;
  const char* pattern;
  /// Fills the operation; a body's problems go into the list. Called when the caller is known.
  std::function<Status(HttpExchange&, Problems&)> ask;
  std::function<Result<Shown>(const HttpExchange&, const model::ReplyBody&)> show;
  bool empty_without_tenant = false;              // of a tenant that --dev has not made yet
  std::function<void(HttpExchange&)> start = {};  // see HttpRoute

  HttpRoute make(const Setting& setting, const char* prefix) const;
};

/// What a tenant without secrets would have answered.
model::ReplyBody reply_of_nothing(const HttpExchange& exchange) {
  const auto* operation = std::get_if<model::TenantOperation>(&exchange.request.operation);
  const auto* batch = operation ? std::get_if<model::BatchGet>(operation) : nullptr;
  if (!batch) return model::ListReply{};
  model::BatchGetReply none;
  none.results.assign(batch->items.size(), Error(Code::entry_not_found));
  return none;
}

HttpRoute Operation::make(const Setting& setting, const char* prefix) const {
  HttpRoute route;
  route.method = method;
  route.pattern = std::string(prefix) + pattern;
  route.decode = [&setting, ask = ask](HttpExchange& exchange) -> Result<Step> {
    if (const Status ok = setting.access.open(exchange.caller(), exchange.request); !ok) return ok.error();
    Problems problems;
    if (const Status ok = ask(exchange, problems); !ok) return ok.error();
    if (problems.empty()) return Step::submit;
    send(exchange, invalid(setting.style, problems));
    return Step::done;
  };
  route.start = start;
  route.encode = [&setting, show = show, empty_without_tenant = empty_without_tenant](HttpExchange& exchange) {
    if (!exchange.reply && exchange.reply.error().code == Code::tenant_not_found && empty_without_tenant) {
      exchange.reply = model::Reply{{}, reply_of_nothing(exchange)};
    }
    if (!exchange.reply) return send(exchange, failure(setting.style, exchange.reply.error(), secret_id_of(exchange)));
    auto shown = show(exchange, exchange.reply->body);
    if (!shown) return send(exchange, failure(setting.style, shown.error(), secret_id_of(exchange)));
    if (!shown->problems.empty()) return send(exchange, invalid(setting.style, shown->problems));
    exchange.answer(200, kJsonType,
                    success(setting.style, shown->message, std::move(shown->result), std::move(shown->metadata)));
  };
  route.fail = [&setting](const HttpExchange& exchange, const Error& error) {
    return failure(setting.style, error, secret_id_of(exchange));
  };
  return route;
}

Result<const model::EntryReply*> entry_of(const model::ReplyBody& body) {
  if (const auto* reply = std::get_if<model::EntryReply>(&body)) return reply;
  return Error(Code::internal, "the reply does not fit the request");
}

/// An entry's metadata with this message.
auto show_as(std::string_view message) {
  return [message](const HttpExchange& exchange, const model::ReplyBody& body) -> Result<Shown> {
    const auto reply = entry_of(body);
    if (!reply) return reply.error();
    // What was destroyed is described to its owner by other doors; here it is gone.
    if (!(*reply)->entry.readable_at(wall_clock_ms())) return Error(Code::entry_not_found);
    return Shown{message, show_secret((*reply)->entry, exchange.request.tenant.door.external_id), {}};
  };
}
Result<Shown> shown_permissions(std::string_view message, const model::EntryReply& reply) {
  if (!reply.entry.readable_at(wall_clock_ms())) return Error(Code::entry_not_found);
  return Shown{message, json::object{{"permissions", show_permissions(reply.entry)}}, {}};
}
auto show_permissions_as(std::string_view message) {
  return [message](const HttpExchange&, const model::ReplyBody& body) -> Result<Shown> {
    const auto reply = entry_of(body);
    return reply ? shown_permissions(message, **reply) : reply.error();
  };
}

void describe(HttpExchange& exchange) {
  exchange.request.operation = model::TenantOperation(model::Get{.space = std::string(model::kTapisSpace),
                                                                 .name = std::string(exchange.variable("secret_id")),
                                                                 .with_payload = false});
}

Operation list_secrets() {
  return {"GET", "/pods/secrets",
          [](HttpExchange& exchange, Problems&) -> Status {
            model::List list;
            list.space = model::kTapisSpace;
            list.limit = 0;
            exchange.request.operation = model::TenantOperation(std::move(list));
            return {};
          },
          [](const HttpExchange& exchange, const model::ReplyBody& body) -> Result<Shown> {
            const auto* reply = std::get_if<model::ListReply>(&body);
            if (!reply) return Error(Code::internal, "the reply does not fit the request");
            json::array secrets, accessible;
            for (const model::EntryReply& one : reply->entries) {
              secrets.push_back(show_secret(one.entry, exchange.request.tenant.door.external_id));
              if (is_accessible(one.entry, exchange.request.credential.principal)) {
                accessible.emplace_back(one.entry.name);
              }
            }
            json::object metadata;
            if (exchange.request.info.as_admin) {
              metadata["admin_context"] = json::object{{"admin_mode", true},
                                                       {"user_accessible_ids", std::move(accessible)},
                                                       {"msg", "All secrets of the tenant, as an administrator."}};
            }
            return Shown{"Secrets retrieved successfully.", std::move(secrets), std::move(metadata)};
          },
          true};
}

Operation create_secret(bool dev) {
  return {"POST", "/pods/secrets",
          [dev](HttpExchange& exchange, Problems& problems) -> Status {
            const auto body = read_object(exchange.body(), exchange.caller().header("content-type"), problems);
            auto put = body ? read_new_secret(*body, problems) : std::nullopt;
            if (!put) return {};
            exchange.request.tenant.create_at_first_use = dev;
            exchange.request.operation = model::TenantOperation(std::move(*put));
            return {};
          },
          show_as("Secret created successfully.")};
}

Operation get_secret() {
  return {"GET", "/pods/secrets/{secret_id}",
          [](HttpExchange& exchange, Problems&) -> Status { return describe(exchange), Status(); },
          show_as("Secret metadata retrieved successfully.")};
}

Operation get_value() {
  return {"GET", "/pods/secrets/{secret_id}/value",
          [](HttpExchange& exchange, Problems&) -> Status {
            exchange.request.operation = model::TenantOperation(model::Get{
                .space = std::string(model::kTapisSpace), .name = std::string(exchange.variable("secret_id"))});
            return {};
          },
          [](const HttpExchange&, const model::ReplyBody& body) -> Result<Shown> {
            const auto reply = entry_of(body);
            if (!reply) return reply.error();
            if (!(*reply)->payload) return Error(Code::internal, "the reply does not fit the request");
            const model::TextView view = as_text(*(*reply)->payload);
            const std::string_view text = view.text.expose();
            return Shown{"Secret value retrieved successfully.",
                         json::object{{"secret_value", json::string_view(text.data(), text.size())}},
                         {}};
          }};
}

Operation update_secret() {
  return {"PUT", "/pods/secrets/{secret_id}",
          [](HttpExchange& exchange, Problems& problems) -> Status {
            const auto body = read_object(exchange.body(), exchange.caller().header("content-type"), problems);
            auto update = body ? read_update(*body, problems) : std::nullopt;
            if (!update) return {};
            const std::string space(model::kTapisSpace), name(exchange.variable("secret_id"));
            if (!update->value) {
              model::UpdateMetadata change;
              change.space = space;
              change.name = name;
              change.description = std::move(update->description);
              exchange.request.operation = model::TenantOperation(std::move(change));
              return {};
            }
            // One write for both, so that neither is applied without the other.
            model::Put put;
            put.space = space;
            put.name = name;
            put.must_exist = true;
            put.payload = {model::PayloadKind::text, std::move(*update->value), {}};
            put.description = std::move(update->description);
            exchange.request.operation = model::TenantOperation(std::move(put));
            return {};
          },
          show_as("Secret updated successfully.")};
}

Operation delete_secret() {
  return {"DELETE", "/pods/secrets/{secret_id}",
          [](HttpExchange& exchange, Problems&) -> Status {
            exchange.request.operation = model::TenantOperation(
                model::Destroy{std::string(model::kTapisSpace), std::string(exchange.variable("secret_id")), {}, true});
            return {};
          },
          [](const HttpExchange& exchange, const model::ReplyBody&) -> Result<Shown> {
            const std::string_view id = exchange.variable("secret_id");
            return Shown{"Secret deleted successfully.", json::string_view(id.data(), id.size()), {}};
          }};
}

/// Needs USER, which a description does not: so the shard is also asked for the value, of a version that never is. It
/// says whether the caller may read it, and reads nothing.
Operation get_permissions() {
  return {"GET", "/pods/secrets/{secret_id}/permissions",
          [](HttpExchange& exchange, Problems&) -> Status {
            const std::string space(model::kTapisSpace), name(exchange.variable("secret_id"));
            model::BatchGet ask;
            ask.items.push_back({.space = space, .name = name, .with_payload = false});
            ask.items.push_back({.space = space, .name = name, .version = std::numeric_limits<std::uint64_t>::max()});
            exchange.request.operation = model::TenantOperation(std::move(ask));
            return {};
          },
          [](const HttpExchange&, const model::ReplyBody& body) -> Result<Shown> {
            const auto* both = std::get_if<model::BatchGetReply>(&body);
            if (!both || both->results.size() != 2) {
              return Error(Code::internal, "the reply does not fit the request");
            }
            for (const auto& one : both->results) {
              if (!one && one.error().code == Code::permission_denied) return one.error();
            }
            if (!both->results[0]) return both->results[0].error();
            return shown_permissions("Permissions retrieved successfully.", *both->results[0]);
          }};
}

Operation set_permission() {
  return {"POST", "/pods/secrets/{secret_id}/permissions",
          [](HttpExchange& exchange, Problems& problems) -> Status {
            const auto body = read_object(exchange.body(), exchange.caller().header("content-type"), problems);
            const auto update = body ? read_permission(*body, problems) : std::nullopt;
            if (!update) return {};
            exchange.request.operation = model::TenantOperation(
                model::SetPermission{std::string(model::kTapisSpace), std::string(exchange.variable("secret_id")),
                                     update->subject, update->level});
            return {};
          },
          show_permissions_as("Permission set successfully.")};
}

Operation delete_permission() {
  return {"DELETE", "/pods/secrets/{secret_id}/permissions/{user}",
          [](HttpExchange& exchange, Problems& problems) -> Status {
            const auto subject = subject_of(exchange.variable("user"));
            if (!subject) {
              problems.emplace_back(kNoUser);
              return {};
            }
            exchange.request.operation = model::TenantOperation(model::SetPermission{
                std::string(model::kTapisSpace), std::string(exchange.variable("secret_id")), *subject, std::nullopt});
            return {};
          },
          show_permissions_as("Permission deleted successfully.")};
}

std::string_view pod_id_of(const HttpExchange& exchange) {
  for (const auto& [name, value] : exchange.query()) {
    if (name == "pod_id") return value;
  }
  return {};
}

Operation delete_pod(actors::Gateway& gateway) {
  return {"DELETE",
          "/pods/secrets",
          [](HttpExchange& exchange, Problems& problems) -> Status {
            if (exchange.query().size() != 1 || pod_id_of(exchange).empty()) {
              problems.push_back("query, pod_id: Field required, and nothing else");
            } else if (!is_pod_id(pod_id_of(exchange))) {
              problems.push_back("query, pod_id: Value error, pod_id must have at most 4096 bytes of UTF-8");
            }
            exchange.request.operation = model::TenantOperation(model::List());
            return {};
          },
          [](const HttpExchange&, const model::ReplyBody& body) -> Result<Shown> {
            const auto* gone = std::get_if<model::ListReply>(&body);
            if (!gone) return Error(Code::internal, "the reply does not fit the request");
            json::array ids;
            for (const model::EntryReply& one : gone->entries) ids.emplace_back(one.entry.name);
            return Shown{"Secrets deleted successfully.", std::move(ids), {}};
          },
          true,
          [&gateway](HttpExchange& exchange) { delete_of_pod(exchange, gateway, std::string(pod_id_of(exchange))); }};
}

/// Whose secrets a render is about: a service says for whom it acts.
std::string actor_of(const HttpExchange& exchange) {
  const std::string& principal = exchange.request.credential.principal;
  return principal.starts_with("service:") ? std::string(exchange.caller().header("x-tapis-user"))
                                           : username_of(principal);
}

Operation render_secrets() {
  return {"POST", "/pods/secrets/render",
          [](HttpExchange& exchange, Problems& problems) -> Status {
            const auto body = read_object(exchange.body(), exchange.caller().header("content-type"), problems);
            if (!body) return {};
            RenderRequest request = read_render(*body, problems);
            // What is wrong with a map goes to the shard, which notes it; the answer to that says it.
            if (!problems.empty() && request.notes.empty()) return {};
            problems.clear();
            exchange.request.operation = ask_render(std::move(request), exchange.caller().header("x-tapis-user"));
            return {};
          },
          [](const HttpExchange& exchange, const model::ReplyBody& reply) -> Result<Shown> {
            Problems problems;
            const auto body = read_object(exchange.body(), {}, problems);
            if (!body) return Error(Code::internal, "the body was read before");
            RenderRequest request = read_render(*body, problems);
            if (!problems.empty()) return Shown{.problems = std::move(problems)};
            auto rendered = show_render(std::move(request), *body, reply, exchange.request.credential.principal,
                                        actor_of(exchange));
            if (!rendered) return rendered.error();
            if (!rendered->failure.empty()) return Error(Code::invalid_argument, rendered->failure);
            return Shown{"Secrets rendered.", std::move(rendered->result), std::move(rendered->metadata)};
          },
          true};
}

/// The description of all this, which needs no credential.
HttpRoute openapi_route(const char* prefix) {
  HttpRoute route;
  route.method = "GET";
  route.pattern = std::string(prefix) + "/pods/openapi.json";
  route.decode = [](HttpExchange& exchange) -> Result<Step> {
    exchange.answer(200, kJsonType, std::string(openapi()));
    return Step::done;
  };
  route.encode = [](HttpExchange&) {};
  route.fail = [](const HttpExchange&, const Error&) { return WireStatus(); };
  return route;
}

}  // namespace

std::vector<HttpRoute> make_routes(const Setting& setting) {
  std::vector<HttpRoute> routes;
  for (const char* prefix : {"", "/v3"}) {
    for (const Operation& operation :
         {list_secrets(), create_secret(setting.dev), get_secret(), get_value(), update_secret(), delete_secret(),
          get_permissions(), set_permission(), delete_permission(), render_secrets(), delete_pod(*setting.gateway)}) {
      routes.push_back(operation.make(setting, prefix));
    }
    routes.push_back(openapi_route(prefix));
  }
  return routes;
}

}  // namespace coffer::net::tapis

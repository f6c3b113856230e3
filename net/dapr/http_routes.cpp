// See http_routes.hpp. The reader decides; these functions find the words of HTTP.

#include "net/dapr/http_routes.hpp"

#include <utility>

#include <google/protobuf/util/json_util.h>

#include "dapr/proto/runtime/v1/dapr.pb.h"
#include "net/dapr/description.hpp"
#include "net/dapr/projection.hpp"

namespace coffer::net::dapr {
namespace {

namespace api = ::dapr::proto::runtime::v1;
using model::Error;
using model::Result;
using model::Status;

constexpr std::string_view kJson = "application/json";

Asked asked_of(const HttpExchange& exchange, bool bulk) {
  return {exchange.variable("store"), bulk ? std::string_view() : exchange.variable("key"), bulk};
}

void send(HttpExchange& exchange, WireStatus status) {
  for (const auto& [name, value] : status.http_headers) exchange.set_header(name, value);
  exchange.answer(status.http_status, status.http_content_type, std::move(status.http_body));
}

void send_nothing(HttpExchange& exchange) { exchange.answer(204, {}, {}); }

std::string_view query_value(const HttpExchange& exchange, std::string_view name) {
  for (const auto& [key, value] : exchange.query()) {
    if (key == name) return value;  // the first one wins
  }
  return {};
}

/// Upstream reads a GET's body as the JSON of the gRPC request, and then overwrites it from the path.
template <class In>
bool is_well_formed(std::string_view body) {
  if (body.empty()) return true;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  In ignored;
  return google::protobuf::util::JsonStringToMessage({body.data(), body.size()}, &ignored, options).ok();
}

/// The two secrets routes: they differ in what they ask and in what they show.
class SecretsRoute {
 public:
  SecretsRoute(const Reader& reader, bool bulk) : reader_(reader), bulk_(bulk) {}

  HttpRoute make(std::string pattern) const {
    HttpRoute route;
    route.method = "GET";
    route.pattern = std::move(pattern);
    route.plus_is_space = true;
    route.decode = [self = *this](HttpExchange& exchange) { return self.decode(exchange); };
    route.encode = [self = *this](HttpExchange& exchange) { self.encode(exchange); };
    route.fail = [self = *this](const HttpExchange& exchange, const Error& error) {
      return self.describe(exchange, error);
    };
    return route;
  }

 private:
  Result<Step> decode(HttpExchange& exchange) const {
    if (const Status ok = reader_.authenticate(exchange.caller(), exchange.request); !ok) return ok.error();
    const bool well_formed = bulk_ ? is_well_formed<api::GetBulkSecretRequest>(exchange.body())
                                   : is_well_formed<api::GetSecretRequest>(exchange.body());
    if (!well_formed) {
      send(exchange, malformed_body());
      return Step::done;
    }
    const Asked asked = asked_of(exchange, bulk_);
    const Status ok =
        bulk_ ? reader_.ask_bulk(asked.store, exchange.request)
              : reader_.ask(asked.store, asked.key, query_value(exchange, "metadata.version_id"), exchange.request);
    if (ok.ok()) return Step::submit;
    if (!reader_.is_absent(ok.error())) return ok.error();
    send_nothing(exchange);
    return Step::done;
  }

  void encode(HttpExchange& exchange) const {
    if (!bulk_) {
      const Asked asked = asked_of(exchange, bulk_);
      const Status answer = exchange.reply ? Status() : Status(exchange.reply.error());
      const Status told = reader_.judge(asked.store, asked.key, query_value(exchange, "metadata.version_id"), answer);
      if (!told) exchange.reply = told.error();
    }
    if (!exchange.reply) {
      if (reader_.is_absent(exchange.reply.error())) return send_nothing(exchange);
      return send(exchange, describe(exchange, exchange.reply.error()));
    }
    const auto view = reader_.stores().find(exchange.variable("store"));
    if (!view) return send(exchange, describe(exchange, model::Code::tenant_not_found));
    const model::ReplyBody& body = exchange.reply->body;
    if (const auto* list = std::get_if<model::ListReply>(&body); list && bulk_) return send_all(exchange, *list, *view);
    if (const auto* entry = std::get_if<model::EntryReply>(&body); entry && entry->payload && !bulk_) {
      return send_one(exchange, *entry->payload, *view);
    }
    send(exchange, describe(exchange, Error(model::Code::internal, "the reply does not fit the request")));
  }

  void send_one(HttpExchange& exchange, const model::Payload& payload, const View& view) const {
    std::string json;
    append_go_map(&json, project(payload, exchange.variable("key"), view.multiple_values));
    exchange.answer(200, kJson, json.append("\n"));
  }
  void send_all(HttpExchange& exchange, const model::ListReply& list, const View& view) const {
    std::string json = "{";
    for (const auto& [name, values] : project_all(list, view)) {
      if (json.size() > 1) json.push_back(',');
      append_go_string(&json, name);
      json.push_back(':');
      append_go_map(&json, values);
    }
    exchange.answer(200, kJson, json.append("}\n"));
  }
  WireStatus describe(const HttpExchange& exchange, const Error& error) const {
    return reader_.describe(exchange.caller(), asked_of(exchange, bulk_), error);
  }

  const Reader& reader_;
  const bool bulk_;
};

/// A route that answers in decode. Its credential is the only thing that can fail.
HttpRoute immediate(std::string method, std::string pattern, const Reader& reader,
                    std::function<Result<Step>(HttpExchange&)> decode) {
  HttpRoute route;
  route.method = std::move(method);
  route.pattern = std::move(pattern);
  route.plus_is_space = true;
  route.decode = std::move(decode);
  route.encode = [](HttpExchange&) {};
  route.fail = [&reader](const HttpExchange& exchange, const Error& error) {
    return reader.describe(exchange.caller(), {}, error);
  };
  return route;
}

HttpRoute health_route(std::string pattern, const Reader& reader, const actors::Gateway& gateway, bool outbound) {
  return immediate("GET", std::move(pattern), reader, [&gateway, outbound](HttpExchange& exchange) -> Result<Step> {
    const std::string_view app = query_value(exchange, "appid");
    if (!gateway.status().ready) {
      send(exchange, outbound
                         ? make_error(500, model::Category::unavailable, "ERR_OUTBOUND_HEALTH_NOT_READY",
                                      "dapr outbound is not ready")
                         : make_error(500, model::Category::unavailable, "ERR_HEALTH_NOT_READY", "dapr is not ready"));
    } else if (!outbound && !app.empty() && app != kId) {
      send(exchange,
           make_error(500, model::Category::unavailable, "ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match"));
    } else {
      send_nothing(exchange);
    }
    return Step::done;
  });
}

}  // namespace

std::vector<HttpRoute> make_routes(const Reader& reader, Attributes& attributes, const actors::Gateway& gateway,
                                   const std::string& version) {
  std::vector<HttpRoute> routes;
  routes.push_back(SecretsRoute(reader, true).make("/v1.0/secrets/{store}/bulk"));
  routes.push_back(SecretsRoute(reader, false).make("/v1.0/secrets/{store}/{key}"));
  routes.push_back(health_route("/v1.0/healthz", reader, gateway, false));
  routes.push_back(health_route("/v1.0/healthz/outbound", reader, gateway, true));
  routes.push_back(immediate("GET", "/v1.0/metadata", reader, [&](HttpExchange& exchange) -> Result<Step> {
    if (const Status ok = reader.authenticate_here(exchange.caller(), exchange.request); !ok) return ok.error();
    exchange.answer(200, kJson,
                    to_json(describe_server(version, reader.stores(), attributes, exchange.request.credential)));
    return Step::done;
  }));
  routes.push_back(immediate("PUT", "/v1.0/metadata/{key}", reader, [&](HttpExchange& exchange) -> Result<Step> {
    if (const Status ok = reader.authenticate_here(exchange.caller(), exchange.request); !ok) return ok.error();
    if (attributes.set(exchange.request.credential, std::string(exchange.variable("key")),
                       std::string(exchange.body()))) {
      send_nothing(exchange);
    } else {
      send(exchange,
           make_error(400, model::Category::invalid_argument, "ERR_MALFORMED_REQUEST",
                      "a metadata attribute is UTF-8, its key has 1 to 128 bytes, its value at most 4096, and the "
                      "server keeps 64 of them for a token"));
    }
    return Step::done;
  }));
  return routes;
}

}  // namespace coffer::net::dapr

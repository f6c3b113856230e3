// See envelope.hpp.

#include "net/tapis/envelope.hpp"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace coffer::net::tapis {

namespace json = boost::json;
using model::Category;
using model::Code;

std::string success(const Style& style, std::string_view message, json::value result, json::object metadata) {
  json::object envelope;
  envelope["message"] = json::string_view(message.data(), message.size());
  envelope["metadata"] = std::move(metadata);
  envelope["result"] = std::move(result);
  envelope["status"] = "success";
  envelope["version"] = style.version;
  return json::serialize(envelope);
}

namespace {

WireStatus failed(const Style& style, int status, json::value message) {
  json::object envelope;
  envelope["message"] = std::move(message);
  envelope["metadata"] = json::object();
  envelope["result"] = nullptr;
  envelope["status"] = "error";
  envelope["version"] = style.version;
  WireStatus wire;
  wire.http_status = status;
  wire.http_body = json::serialize(envelope);
  return wire;
}

}  // namespace

WireStatus failure(const Style& style, int status, std::string_view message) {
  return failed(style, status, json::string_view(message.data(), message.size()));
}

WireStatus failure(const Style& style, const model::Error& error, std::string_view secret_id) {
  const std::string secret = "Secret '" + std::string(secret_id) + "'";
  const std::string why(error.message());
  switch (error.code) {
    case Code::entry_not_found:
    case Code::version_not_found:
    case Code::not_active:
    case Code::tenant_not_found: return failure(style, 404, secret_id.empty() ? why : secret + " not found.");
    case Code::entry_exists:
      return failure(style, 409,
                     secret + " already exists. Use PUT /pods/secrets/{secret_id} to update it, or DELETE it first.");
    case Code::write_only:
      return failure(style, 403,
                     secret +
                         " has readable=False: its value cannot be retrieved through the API, only used by way of "
                         "a pod's secret_map.");
    case Code::read_only:
      return failure(style, 403, secret + " has writable=False (write-once): its value cannot be updated.");
    case Code::unauthenticated: return failure(style, style.auth_400 ? 400 : 401, "Authentication failed: " + why);
    case Code::permission_denied: return failure(style, style.auth_400 ? 400 : 403, "Not authorized: " + why);
    default: break;
  }
  if (error.category() == Category::invalid_argument) return invalid(style, {why});
  const bool surprises = error.category() == Category::internal || error.category() == Category::data_loss;
  return failure(style, model::http_status(error.category()), surprises ? "Unexpected. " + why : why);
}

WireStatus invalid(const Style& style, const std::vector<std::string>& problems) {
  json::array list;
  for (const std::string& problem : problems) list.emplace_back(problem);
  return failed(style, 400, std::move(list));
}

}  // namespace coffer::net::tapis

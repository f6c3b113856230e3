// See errors.hpp.

#include "net/dapr/errors.hpp"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "net/dapr/go_json.hpp"

namespace coffer::net::dapr {
namespace {

using model::Category;
using model::Code;

/// "failed getting secret with key k from secret store s: reason"
std::string get_failed(const Asked& asked, std::string_view reason) {
  std::string text = asked.bulk ? "failed getting secrets from secret store "
                                : "failed getting secret with key " + std::string(asked.key) + " from secret store ";
  return text.append(asked.store).append(": ").append(reason);
}

std::string access_denied(const Asked& asked) {
  if (asked.bulk) return "access denied by policy to get secrets from " + go_quote(asked.store);
  return "access denied by policy to get " + go_quote(asked.key) + " from " + go_quote(asked.store);
}

bool is_missing_secret(const model::Error& error) {
  return error.code == Code::entry_not_found || error.code == Code::version_not_found || error.code == Code::not_active;
}

}  // namespace

bool ErrorTable::is_absent(const model::Error& error) const { return !runtime_statuses && is_missing_secret(error); }

WireStatus ErrorTable::describe(const Asked& asked, const model::Error& error) const {
  if (error.code == Code::tenant_not_found) {
    if (no_stores) {
      return make_error(500, Category::failed_precondition, "ERR_SECRET_STORES_NOT_CONFIGURED",
                        "secret store is not configured");
    }
    return make_error(runtime_statuses ? 401 : 400, Category::invalid_argument, "ERR_SECRET_STORE_NOT_FOUND",
                      "failed finding secret store with key " + std::string(asked.store));
  }
  if (is_missing_secret(error)) {
    return make_error(500, Category::internal, "ERR_SECRET_GET",
                      get_failed(asked, "secret " + std::string(asked.key) + " not found"));
  }
  switch (error.category()) {
    case Category::unauthenticated:  // found out by the shard: revoked or expired
      return refuse_token(false);
    case Category::permission_denied:
      return make_error(403, Category::permission_denied, "ERR_PERMISSION_DENIED", access_denied(asked));
    case Category::invalid_argument:
      if (runtime_statuses) break;
      return make_error(400, Category::invalid_argument, "ERR_MALFORMED_REQUEST", get_failed(asked, error.message()));
    default: break;
  }
  return make_error(500, Category::internal, "ERR_SECRET_GET", get_failed(asked, error.message()));
}

WireStatus make_error(int http_status, Category grpc_code, std::string_view error_code, std::string message) {
  WireStatus status;
  status.http_status = http_status;
  status.grpc_code = grpc_code;
  append_go_map(&status.http_body, {{"errorCode", std::string(error_code)}, {"message", message}});
  status.grpc_message = std::move(message);
  return status;
}

WireStatus refuse_token(bool missing) {
  google::rpc::ErrorInfo info;
  info.set_reason("Unauthorized");
  info.set_domain("dapr.io");
  (*info.mutable_metadata())["http.code"] = "401";
  (*info.mutable_metadata())["http.error_message"] =
      missing ? "missing api token in request metadata" : "authentication error: api token mismatch";
  google::rpc::Status details;
  details.set_code(static_cast<int>(Category::unauthenticated));
  details.set_message("Unauthorized");
  details.add_details()->PackFrom(info);

  WireStatus status;
  status.grpc_code = Category::unauthenticated;
  status.grpc_message = details.message();
  status.grpc_details = details.SerializeAsString();
  status.http_status = 401;
  status.http_content_type = "text/plain; charset=utf-8";
  status.http_body = "invalid api token\n";
  return status;
}

WireStatus no_route() {
  return make_error(404, Category::unimplemented, "ERR_DIRECT_INVOKE",
                    "failed getting app id either from the URL path or the header dapr-app-id");
}

WireStatus malformed_body() {
  // The parser's own text would quote the body.
  return make_error(400, Category::invalid_argument, "ERR_MALFORMED_REQUEST",
                    "failed deserializing HTTP body: it is not the JSON of this request");
}

}  // namespace coffer::net::dapr

// See errors.hpp.

#include "net/cloudforet/errors.hpp"

#include <array>
#include <utility>

#include "net/rest/json_write.hpp"

namespace coffer::net::cloudforet {
namespace {

using model::Category;
using model::Code;
using model::Error;

constexpr std::string_view kPrefix = "ERROR_";

/// Names and the code that has their category; whatever is not here is INTERNAL, as upstream's default.
constexpr std::array<std::pair<std::string_view, Code>, 13> kNames{{
    {"ERROR_REQUIRED_PARAMETER", Code::invalid_argument},
    {"ERROR_INVALID_PARAMETER", Code::invalid_argument},
    {"ERROR_INVALID_PARAMETER_TYPE", Code::invalid_argument},
    {"ERROR_OPERATOR_VALUE_TYPE", Code::invalid_argument},
    {"ERROR_OPERATOR_LIST_VALUE_TYPE", Code::invalid_argument},
    {"ERROR_OPERATOR_BOOLEAN_TYPE", Code::invalid_argument},
    {"ERROR_OPERATOR_DICT_VALUE_TYPE", Code::invalid_argument},
    {"ERROR_ALREADY_EXIST_SECRET_IN_SECRET_GROUP", Code::invalid_argument},
    {"ERROR_NOT_FOUND", Code::entry_not_found},
    {"ERROR_SAVE_UNIQUE_VALUES", Code::entry_exists},
    {"ERROR_AUTHENTICATE_FAILURE", Code::unauthenticated},
    {"ERROR_PERMISSION_DENIED", Code::permission_denied},
    {"ERROR_NOT_IMPLEMENTED", Code::unimplemented},
}};

WireStatus make(Category category, std::string_view name, std::string_view message) {
  WireStatus status;
  status.grpc_code = category;
  status.grpc_message = std::string(name).append(": ").append(message);
  status.http_status = model::http_status(category);
  status.http_body = R"({"detail":{"code":)";
  rest::append_quoted(name, &status.http_body);
  status.http_body += R"(,"message":)";
  rest::append_quoted(message, &status.http_body);
  status.http_body += "}}";
  return status;
}

/// "ERROR_X: text" apart; false when it is something else.
bool split(std::string_view detail, std::string_view* name, std::string_view* message) {
  const auto colon = detail.find(": ");
  if (!detail.starts_with(kPrefix) || colon == std::string_view::npos) return false;
  *name = detail.substr(0, colon);
  *message = detail.substr(colon + 2);
  return true;
}

std::string reason(std::string_view text) { return "Database query failed. (reason = " + std::string(text) + ")"; }

std::string authenticate(const Error& error) {
  const std::string_view detail = error.message();
  const bool empty = detail.starts_with("a token is required");
  return "Authenticate failure. (message = " +
         std::string(empty ? "empty token provided." : "Token is invalid or expired.") + ")";
}

}  // namespace

Error error(std::string_view name, std::string_view message) {
  Code code = Code::internal;
  for (const auto& [known, of] : kNames) {
    if (known == name) code = of;
  }
  return {code, std::string(name).append(": ").append(message)};
}

Error required(std::string_view key) {
  return error("ERROR_REQUIRED_PARAMETER", "Required parameter. (key = " + std::string(key) + ")");
}

Error db_query(std::string_view text) { return error("ERROR_DB_QUERY", reason(text)); }

WireStatus to_status(const Error& error, const Failed& failed) {
  std::string_view name, message;
  if (split(error.detail, &name, &message)) return make(error.category(), name, message);
  const std::string_view detail = error.message();
  if (error.code == Code::invalid_argument && detail.starts_with("Required parameter.")) {
    return make(Category::invalid_argument, "ERROR_REQUIRED_PARAMETER", detail);
  }
  switch (error.code) {
    case Code::entry_not_found:
    case Code::version_not_found:
    case Code::tenant_not_found:
    case Code::not_active:
      return make(Category::not_found, "ERROR_NOT_FOUND",
                  std::string(failed.older ? "Value not found. (" : "Resource cannot be found or access is denied. (") +
                      failed.keys + " = " + failed.values + ")");
    case Code::entry_exists:
      if (detail.starts_with("related:")) {
        return make(Category::internal, "ERROR_EXIST_RELATED_SECRET",
                    "Related Secret is exist. (secret_id=" + std::string(detail.substr(9)) + ")");
      }
      return make(Category::already_exists, "ERROR_SAVE_UNIQUE_VALUES",
                  "Tried to save duplicate unique values. (keys = " + failed.unique + ")");
    default: break;
  }
  switch (error.category()) {
    case Category::invalid_argument:
      if (detail.starts_with("the body is not")) {
        return make(Category::internal, "ERROR_UNKNOWN", "JSON Parsing Error: Request body requires JSON format.");
      }
      if (failed.is_query && error.code != Code::too_large)
        return make(Category::internal, "ERROR_DB_QUERY", reason(detail));
      return make(Category::invalid_argument, "ERROR_INVALID_PARAMETER",
                  "Parameter is invalid. (key = request, reason = " + std::string(detail) + ")");
    case Category::unauthenticated: {
      std::string text = authenticate(error);
      if (failed.older && text.find("= empty") != std::string::npos) text.replace(text.find("= empty") + 2, 1, "E");
      return make(Category::unauthenticated, "ERROR_AUTHENTICATE_FAILURE", text);
    }
    case Category::permission_denied:
      return make(Category::permission_denied, "ERROR_PERMISSION_DENIED", "Permission denied.");
    case Category::deadline_exceeded:
      return make(Category::deadline_exceeded, "ERROR_REQUEST_TIMEOUT", "Request timeout!");
    case Category::unavailable:
      return make(Category::unavailable, "ERROR_GRPC_CONNECTION",
                  "Server is unavailable. (channel = coffer, message = " + std::string(detail) + ")");
    case Category::unimplemented: return make(Category::unimplemented, "ERROR_NOT_IMPLEMENTED", "Not implemented.");
    case Category::resource_exhausted: return make(Category::resource_exhausted, "ERROR_LIMIT_EXCEEDED", detail);
    default: return make(error.category(), "ERROR_UNKNOWN", detail);
  }
}

std::string python_repr(std::string_view text) {
  const bool doubled = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = doubled ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string python_tuple(const std::vector<std::string>& texts) {
  if (texts.size() == 1) return texts.front();
  std::string out = "(";
  for (std::size_t i = 0; i < texts.size(); ++i) out += (i == 0 ? "" : ", ") + python_repr(texts[i]);
  return out + ")";
}

}  // namespace coffer::net::cloudforet

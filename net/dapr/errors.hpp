#pragma once
// Dapr's words for errors, over HTTP and gRPC. Used by the Dapr door; pure, any thread. Texts and codes are the runtime's;
// the HTTP statuses are those of the reference page, or the runtime's own when the settings say so.

#include <string>
#include <string_view>

#include "model/errors.hpp"
#include "net/rpc.hpp"

namespace coffer::net::dapr {

/// What was asked, as far as messages name it.
struct Asked {
  std::string_view store;
  std::string_view key;
  bool bulk = false;
};

struct ErrorTable {
  bool runtime_statuses = false;
  bool no_stores = false;

  /// True when the answer is "nothing there" and no error: 204 over HTTP, an empty message over gRPC.
  bool is_absent(const model::Error& error) const;
  /// Any failure of Get and Bulk. tenant_not_found stands for a store that leads nowhere, invalid_argument for what a
  /// request can never ask for.
  WireStatus describe(const Asked& asked, const model::Error& error) const;
};

/// {"errorCode":"..","message":".."}
WireStatus make_error(int http_status, model::Category grpc_code, std::string_view error_code, std::string message);
/// A token that is missing or wrong: text over HTTP, an ErrorInfo over gRPC.
WireStatus refuse_token(bool missing);
/// No route, or not with this verb.
WireStatus no_route();
/// The body of a GET that is no JSON of the request.
WireStatus malformed_body();

}  // namespace coffer::net::dapr

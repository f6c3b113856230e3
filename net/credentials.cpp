// See credentials.hpp.

#include "net/credentials.hpp"

#include <algorithm>
#include <cctype>

#include "model/rules.hpp"

namespace coffer::net {
namespace {

using model::Code;
using model::Error;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// The token of "Bearer <token>" (RFC 6750 section 2.1; the scheme's case does not matter, RFC 9110 section 11.1).
/// False when the header holds anything else.
bool read_bearer(std::string_view authorization, std::string_view* token) {
  constexpr std::string_view kScheme = "bearer";
  if (authorization.size() <= kScheme.size() || authorization[kScheme.size()] != ' ') return false;
  if (!equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return false;
  *token = trim(authorization.substr(kScheme.size()));
  return !token->empty();
}

/// What the request presents: nothing (both empty), or tokens, or something that is none.
struct Presented {
  std::string_view bearer, own;
  bool malformed = false;
};

Presented look(const Caller& caller, const CredentialRule& rule) {
  Presented found;
  const std::string_view authorization = trim(caller.header("authorization"));
  if (!authorization.empty() && !read_bearer(authorization, &found.bearer)) {
    found.bearer = {};
    found.malformed = !rule.ignore_other_schemes;
  }
  if (!rule.own_header.empty()) found.own = trim(caller.header(rule.own_header));
  return found;
}

std::string how_to_present(const CredentialRule& rule) {
  std::string text = "'authorization: Bearer <token>'";
  if (!rule.own_header.empty()) text.append(" or '").append(rule.own_header).append(": <token>'");
  return text;
}

}  // namespace

bool has_no_credential(const Caller& caller, const CredentialRule& rule) {
  const Presented found = look(caller, rule);
  return found.bearer.empty() && found.own.empty() && !found.malformed && caller.client_certificate().names.empty();
}

model::Status require_checked(const model::Credential& credential) {
  if (credential.kind != model::CredentialKind::presented) return {};
  return Error(Code::unauthenticated, "a JWT or certificate is checked for a tenant, and this call leads to none");
}

model::Result<model::Credential> take_credential(const Caller& caller, const actors::Gateway& gateway,
                                                 const CredentialRule& rule) {
  const Presented found = look(caller, rule);
  if (found.malformed) return Error(Code::unauthenticated, "the authorization header is not 'Bearer <token>'");
  if (!found.bearer.empty() && !found.own.empty() && found.bearer != found.own) {
    return Error(Code::unauthenticated, "the request carries two different credentials: send one of them");
  }
  const std::string_view token = found.own.empty() ? found.bearer : found.own;
  if (token.empty() && !caller.client_certificate().names.empty()) {
    model::Credential presented;
    presented.kind = model::CredentialKind::presented;
    presented.door = rule.door;
    presented.is_certificate = true;
    presented.token = model::Secret(caller.client_certificate().names);
    presented.expires_at = caller.client_certificate().not_after;
    return presented;
  }
  if (token.empty()) {
    if (!rule.open_on_loopback || !caller.is_loopback()) {
      return Error(Code::unauthenticated, "a token is required: send " + how_to_present(rule));
    }
    model::Credential open;
    open.kind = model::CredentialKind::open_door;
    open.door = rule.door;
    return open;
  }
  auto credential = gateway.authenticate(token, rule.door);
  if (!credential) return credential.error();
  credential->door = rule.door;
  return credential;
}

model::Status fill_call_info(model::Request& request, const Caller& caller, model::Door door, std::string request_id) {
  request.info.door = door;
  request.info.address = std::string(caller.address());
  if (model::Status ok = model::check_request_id(request_id); !ok) return ok;
  request.info.request_id = std::move(request_id);
  return {};
}

}  // namespace coffer::net

// See access.hpp.

#include "net/cloudforet/access.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/cloudforet/errors.hpp"
#include "net/jwt/token.hpp"
#include "net/jwt/verify.hpp"

namespace coffer::net::cloudforet {
namespace {

using model::Code;
using model::Error;
using model::Status;

constexpr std::size_t kMostDomain = 255;

constexpr std::string_view kCofferToken = "cft_";

Error authenticate_failure(std::string_view message) {
  return error("ERROR_AUTHENTICATE_FAILURE", "Authenticate failure. (message = " + std::string(message) + ")");
}

/// What the credential says of itself, before anybody has verified it: for routing, and for what can only take rights away.
std::optional<jwt::Token> unverified(const model::Credential& credential) {
  if (credential.kind != model::CredentialKind::presented || credential.is_certificate) return std::nullopt;
  auto token = jwt::parse_token(credential.token.expose());
  if (!token) return std::nullopt;
  return std::move(*token);
}

/// gRPC's metadata, or the same word with the hyphens that HTTP's headers have.
std::string metadata(const Caller& caller, std::string_view name) {
  std::string value(caller.header(name));
  if (!value.empty() || caller.transport() != Transport::http) return value;
  std::string hyphens(name);
  std::replace(hyphens.begin(), hyphens.end(), '_', '-');
  return std::string(caller.header(hyphens));
}

}  // namespace

Access::Access(const Doors& settings, const actors::Gateway& gateway, bool newer)
    : gateway_(gateway),
      rule_{.door = model::Door::cloudforet, .own_header = "token"},
      open_get_data_(settings.cloudforet.open_get_data),
      newer_(newer) {}

/// With the words of upstream's identity for tokens that nobody has to verify.
model::Result<model::Credential> Access::credential_of(const Caller& caller) const {
  auto credential = take_credential(caller, gateway_, rule_);
  if (!credential) {
    const std::string_view own = caller.header("token"), bearer = caller.header("authorization");
    const std::string_view token = own.empty() ? bearer.substr(std::min(bearer.find(' ') + 1, bearer.size())) : own;
    const bool decodes = token.empty() || token.starts_with(kCofferToken);
    if (credential.error().code == Code::unauthenticated && !decodes)
      return authenticate_failure("failed to decode token.");
    return credential;
  }
  if (credential->kind == model::CredentialKind::operator_) return Error(Code::permission_denied);
  if (credential->kind != model::CredentialKind::presented || credential->is_certificate) return credential;
  const auto token = unverified(*credential);
  if (!token) return authenticate_failure("failed to decode token.");
  if (newer_ && jwt::unverified_text(*token, {"ver"}) != "2.0") return authenticate_failure("invalid token version.");
  return credential;
}

model::Result<std::string> Access::open(const Caller& caller, model::Request& request, const std::string& asked,
                                        bool needed, bool reads_value) const {
  if (reads_value && open_get_data_ && has_no_credential(caller, rule_)) {
    request.credential = model::Credential();
    request.credential.kind = model::CredentialKind::open_door;
    request.credential.door = model::Door::cloudforet;
  } else {
    auto credential = credential_of(caller);
    if (!credential) return credential.error();
    request.credential = std::move(*credential);
  }
  const auto token = unverified(request.credential);
  std::string domain = asked;
  if (domain.empty() && needed) return required("domain_id");
  if (domain.empty() && token) domain = std::string(jwt::unverified_text(*token, {"did"}));
  if (domain.empty()) domain = metadata(caller, "x_domain_id");
  if (domain.empty()) return authenticate_failure("empty domain_id provided.");
  if (domain.size() > kMostDomain) return Error(Code::too_large, "domain_id");
  request.tenant = {.name = {}, .door = {model::Door::cloudforet, std::move(domain)}};
  if (const Status filled = fill_call_info(request, caller, model::Door::cloudforet, {}); !filled)
    return filled.error();
  const bool of_system = token && jwt::unverified_text(*token, {"own"}) == "SYSTEM";
  return newer_ && of_system ? metadata(caller, "x_workspace_id") : std::string();
}

}  // namespace coffer::net::cloudforet

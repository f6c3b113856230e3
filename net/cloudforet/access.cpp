// See access.hpp.

#include "net/cloudforet/access.hpp"

#include "net/cloudforet/errors.hpp"
#include "net/jwt/token.hpp"
#include "net/jwt/verify.hpp"

namespace coffer::net::cloudforet {
namespace {

using model::Code;
using model::Error;
using model::Status;

constexpr std::size_t kMostDomain = 255;

/// What the token says of its domain, before anybody has verified it: for routing only.
std::string claimed_domain(const model::Credential& credential) {
  if (credential.kind != model::CredentialKind::presented || credential.is_certificate) return {};
  const auto token = jwt::parse_token(credential.token.expose());
  return token ? std::string(jwt::unverified_text(*token, {"did"})) : std::string();
}

}  // namespace

Access::Access(const Doors& settings, const actors::Gateway& gateway)
    : gateway_(gateway),
      rule_{.door = model::Door::cloudforet, .own_header = "token"},
      open_get_data_(settings.cloudforet.open_get_data) {}

Status Access::open(const Caller& caller, model::Request& request, const std::string& asked, bool needed,
                    bool reads_value) const {
  if (reads_value && open_get_data_ && has_no_credential(caller, rule_)) {
    request.credential = model::Credential();
    request.credential.kind = model::CredentialKind::open_door;
    request.credential.door = model::Door::cloudforet;
  } else {
    auto credential = take_credential(caller, gateway_, rule_);
    if (!credential) return credential.error();
    if (credential->kind == model::CredentialKind::operator_) return Error(Code::permission_denied);
    request.credential = std::move(*credential);
  }
  std::string domain = asked;
  if (domain.empty() && needed) return required("domain_id");
  if (domain.empty()) domain = claimed_domain(request.credential);
  if (domain.empty()) domain = std::string(caller.header("x_domain_id"));
  if (domain.empty() && caller.transport() == Transport::http) domain = std::string(caller.header("x-domain-id"));
  if (domain.empty()) {
    return error("ERROR_AUTHENTICATE_FAILURE", "Authenticate failure. (message = empty domain_id provided.)");
  }
  if (domain.size() > kMostDomain) return Error(Code::entry_not_found);
  request.tenant = {.name = {}, .door = {model::Door::cloudforet, std::move(domain)}};
  return fill_call_info(request, caller, model::Door::cloudforet, {});
}

}  // namespace coffer::net::cloudforet

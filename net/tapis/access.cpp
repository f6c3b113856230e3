// See access.hpp.

#include "net/tapis/access.hpp"

#include <boost/json/value.hpp>

#include "net/jwt/token.hpp"
#include "net/jwt/verify.hpp"

namespace coffer::net::tapis {
namespace {

using model::Code;
using model::Error;
using model::Result;
using model::Status;

constexpr std::size_t kMostTenant = 256;

bool wants_admin(std::string_view header) { return header == "true" || header == "True" || header == "TRUE"; }

}  // namespace

Access::Access(const Doors& settings, const actors::Gateway& gateway)
    : gateway_(gateway), rule_{.door = model::Door::tapis, .own_header = "x-tapis-token"}, site_(settings.tapis_site) {}

Status Access::open(const Caller& caller, model::Request& request) const {
  auto credential = take_credential(caller, gateway_, rule_);
  if (!credential) return credential.error();
  if (credential->kind == model::CredentialKind::operator_) {
    return Error(Code::permission_denied, "an operator's token opens the admin listener only");
  }
  auto tenant = tenant_of(caller, *credential);
  if (!tenant) return tenant.error();
  request.credential = std::move(*credential);
  request.tenant = {.name = {}, .door = {model::Door::tapis, std::move(*tenant)}};
  request.info.as_admin = wants_admin(caller.header("x-pods-admin"));
  return fill_call_info(request, caller, model::Door::tapis, {});
}

Result<std::string> Access::tenant_of(const Caller& caller, const model::Credential& credential) const {
  std::string tenant(caller.header("x-tapis-tenant"));
  const std::string_view user = caller.header("x-tapis-user");
  if (tenant.size() > kMostTenant) return Error(Code::unauthenticated, "X-Tapis-Tenant is too long");
  std::string claimed;
  if (credential.kind == model::CredentialKind::presented && !credential.is_certificate) {
    const auto token = jwt::parse_token(credential.token.expose());
    if (!token) return token.error();
    claimed = jwt::unverified_text(*token, {"tapis/tenant_id"});
    if (!claimed.empty()) {
      const bool is_service = jwt::unverified_text(*token, {"tapis/account_type"}) == "service";
      if (!is_service && (!tenant.empty() || !user.empty())) {
        return Error(Code::unauthenticated, "a user's token must not come with X-Tapis-Tenant or X-Tapis-User");
      }
      if (is_service && (tenant.empty() || user.empty())) {
        return Error(Code::unauthenticated, "a service's token must come with X-Tapis-Tenant and X-Tapis-User");
      }
      if (is_service && tenant != claimed) return Error(Code::permission_denied, "the JWT is for another tenant");
      if (is_service && !site_.empty() && jwt::unverified_text(*token, {"tapis/target_site"}) != site_) {
        return Error(Code::unauthenticated, "the service's token is for another site");
      }
      return claimed;
    }
  }
  if (tenant.empty()) return Error(Code::unauthenticated, "the token names no Tapis tenant: send X-Tapis-Tenant");
  return tenant;
}

}  // namespace coffer::net::tapis

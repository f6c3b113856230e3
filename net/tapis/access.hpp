#pragma once
// Who calls the Tapis door and for which tenant: X-Tapis-Token and the headers that go with it. Used by the door's
// routes, first thing in decode; starts nothing and asks nobody.

#include <string>

#include "net/credentials.hpp"
#include "net/settings.hpp"

namespace coffer::net::tapis {

class Access {
 public:
  /// The gateway must outlive it.
  Access(const Doors& settings, const actors::Gateway& gateway);

  /// Fills credential, tenant and call info. A user's token must come without X-Tapis-Tenant and X-Tapis-User, a
  /// service's with both; what names no Tapis tenant (Coffer tokens, certificates, JWTs of other issuers) needs
  /// X-Tapis-Tenant. The JWT's signature is checked when the call is submitted.
  /// Errors: unauthenticated, permission_denied.
  model::Status open(const Caller& caller, model::Request& request) const;

 private:
  model::Result<std::string> tenant_of(const Caller& caller, const model::Credential& credential) const;

  const actors::Gateway& gateway_;
  const CredentialRule rule_;
  const std::string site_;
};

}  // namespace coffer::net::tapis

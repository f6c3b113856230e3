#pragma once
// Who calls the door and for which domain. Used by every verb, first thing, on the listener's io thread.

#include <string>

#include "net/credentials.hpp"
#include "net/settings.hpp"

namespace coffer::net::cloudforet {

class Access {
 public:
  /// `newer`: tokens must be of version 2.0, and a system token may narrow itself to a workspace.
  Access(const Doors& settings, const actors::Gateway& gateway, bool newer);

  /// Fills credential, tenant and call of the request. The domain is `asked` when that is not empty, else what the token
  /// says (`did`), else the metadata x_domain_id. `reads_value`: may come without a credential where the node is told so.
  /// Answers the workspace to which a system token narrows itself (x_workspace_id); empty: none.
  /// Errors: unauthenticated, ERROR_REQUIRED_PARAMETER when a domain is `needed` in the request and not there, too_large
  /// ("domain_id").
  model::Result<std::string> open(const Caller& caller, model::Request& request, const std::string& asked, bool needed,
                                  bool reads_value) const;

 private:
  model::Result<model::Credential> credential_of(const Caller& caller) const;

  const actors::Gateway& gateway_;
  const CredentialRule rule_;
  const bool open_get_data_, newer_;
};

}  // namespace coffer::net::cloudforet

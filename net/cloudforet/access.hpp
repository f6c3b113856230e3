#pragma once
// Who calls the door and for which domain. Used by every verb, first thing, on the listener's io thread.

#include <string>

#include "net/credentials.hpp"
#include "net/settings.hpp"

namespace coffer::net::cloudforet {

class Access {
 public:
  Access(const Doors& settings, const actors::Gateway& gateway);

  /// Fills credential, tenant and call of the request. The domain is `asked` when that is not empty, else what the token
  /// says (`did`), else the metadata x_domain_id. `reads_value`: may come without a credential where the node is told so.
  /// Errors: unauthenticated, ERROR_REQUIRED_PARAMETER when a domain is `needed` in the request and not there.
  model::Status open(const Caller& caller, model::Request& request, const std::string& asked, bool needed,
                     bool reads_value) const;

 private:
  const actors::Gateway& gateway_;
  const CredentialRule rule_;
  const bool open_get_data_;
};

}  // namespace coffer::net::cloudforet

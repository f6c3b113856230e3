#pragma once
// What Dapr's two transports share: token, store, scope, and the request to the tenant. Used by the Dapr door on the
// listener's io thread. Constant after construction.

#include <string_view>

#include "model/requests.hpp"
#include "model/result.hpp"
#include "net/credentials.hpp"
#include "net/dapr/errors.hpp"
#include "net/dapr/stores.hpp"

namespace coffer::net::dapr {

class Reader {
 public:
  Reader(const Doors& settings, const actors::Gateway& gateway);

  /// First of all: the credential. Errors: unauthenticated, also for operators' tokens; sealed.
  model::Status authenticate(const Caller& caller, model::Request& request) const;
  /// The same for what is answered without asking a tenant: a credential that needs one does not do.
  model::Status authenticate_here(const Caller& caller, model::Request& request) const;
  /// Then the store. What its scopes or the version refuse is asked all the same, without the value: the answer tells
  /// whether the caller is anybody, and only to such a one is a refusal told (see judge). Errors: tenant_not_found.
  model::Status ask(std::string_view store, std::string_view key, std::string_view version_id,
                    model::Request& request) const;
  /// What the caller is told in place of the tenant's answer to ask(); ok: that answer. `answer` is its error, or ok.
  /// Errors: permission_denied (scopes), invalid_argument and version_not_found (version_id).
  model::Status judge(std::string_view store, std::string_view key, std::string_view version_id,
                      const model::Status& answer) const;
  model::Status ask_bulk(std::string_view store, model::Request& request) const;

  const Stores& stores() const { return stores_; }
  void reload(const Doors& settings) { stores_.reload(settings); }
  /// The words for a failure at any step.
  WireStatus describe(const Caller& caller, const Asked& asked, const model::Error& error) const;
  bool is_absent(const model::Error& error) const { return errors_.is_absent(error); }

 private:
  Stores stores_;
  const actors::Gateway& gateway_;
  const CredentialRule rule_;
  const ErrorTable errors_;
};

}  // namespace coffer::net::dapr

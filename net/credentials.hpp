#pragma once
// Takes the credential out of a request, by the rule of its door, and has its MAC checked. Used by every door, first
// thing in decode, on the listener's io thread; starts nothing and asks nobody.

#include <string>
#include <string_view>

#include "actors/gateway.hpp"
#include "model/access.hpp"
#include "model/result.hpp"
#include "net/rpc.hpp"

namespace coffer::net {

/// Where a door looks for a credential. "authorization: Bearer" is always one of the places.
struct CredentialRule {
  model::Door door = model::Door::native;
  std::string_view own_header;        // "x-coffer-token", "dapr-api-token"; empty: none
  bool ignore_other_schemes = false;  // an authorization that is not Bearer is somebody else's (Dapr)
  bool open_on_loopback = false;      // no credential needed there (--dev)
};

/// The credential, with its door set. A token comes before a client certificate. Errors: unauthenticated (none,
/// malformed, forged, or two different ones), sealed. A credential that is presented is checked, also where none would
/// be needed; a JWT and a certificate are only taken here (kind `presented`) and checked when the call is submitted,
/// because only then its tenant is known.
model::Result<model::Credential> take_credential(const Caller& caller, const actors::Gateway& gateway,
                                                 const CredentialRule& rule);

/// For calls that are answered without being submitted: ok unless the credential still waits to be checked.
/// Errors: unauthenticated.
model::Status require_checked(const model::Credential& credential);

/// True when the request carries no credential at all in the rule's places.
bool has_no_credential(const Caller& caller, const CredentialRule& rule);

/// Fills what a shard wants to know of a call: door, address and the client's request id (empty: none).
/// Errors: what model::check_request_id says of the id; then it is not filled in.
model::Status fill_call_info(model::Request& request, const Caller& caller, model::Door door, std::string request_id);

}  // namespace coffer::net

#pragma once
// The gateway that listeners and doors see: it turns what was presented (a JWT, a client certificate) into a verified
// credential before a call goes on to the actors. Everything else passes through.
//
//   take_credential -> authenticate(): a JWT is only recognised    (io thread, some nanoseconds)
//   submit(): known and still good -> on to the actors             (io thread: one SHA-256 and a lookup)
//             else -> a bounded queue -> a verifier's thread -> on to the actors
//             a tenant whose trust was not read yet -> waits for one reading, here or at the node that leads -> as above
//             refused by a reading that may lag -> waits for a newer one -> as above
//             a key that is not there -> waits for one fetch of the issuer's keys -> the queue again
//
// Where another node leads the tenant's group the shard may know better: what it refuses is verified once more, by a
// reading begun after that (SecondLook), so that every node answers as the one that leads.
//
// A call whose credential does not verify never reaches the actors, starts nothing and leaves nothing behind.

#include <functional>
#include <memory>
#include <string>

#include "actors/gateway.hpp"
#include "model/identity.hpp"
#include "net/guard.hpp"
#include "net/passing_gateway.hpp"
#include "net/settings.hpp"

namespace coffer::net {

struct IdentitySettings {
  std::vector<model::Issuer> issuers;         // that every tenant trusts (--dev)
  std::vector<NodeCertificate> certificates;  // [[certificates]]
  std::size_t cached_credentials = 10'000;
  std::size_t cached_tenants = 1'000;         // whose issuers are kept ready
  unsigned threads = 1;                       // that verify
  std::size_t most_waiting = 1'024;           // calls in the queue; beyond: overloaded
  std::shared_ptr<SourceGuard> guard;         // of the listeners: told of callers and shown with the others; null: none
  std::function<model::TimeMs()> clock;       // default: the system's
  std::function<void(std::string_view)> log;  // one line; default: nowhere
  /// Fetches a key set; default: jwt::fetch. `trace` is the traceparent of the request that caused it, or empty.
  std::function<model::Result<std::string>(const std::string& url, const std::string& ca_pem, const std::string& trace)>
      fetch;
};

class IdentityGateway : public PassingGateway {
 public:
  /// Ends the threads; calls that wait are answered `unavailable`. The listeners must have stopped. Called by the
  /// destructor, too.
  virtual void stop() = 0;
  /// Other issuers that every tenant trusts and other rules of [[certificates]], from the next request on. Whatever was
  /// remembered is forgotten: keys fetched from URLs, tenants' issuers, verified credentials. Errors: invalid_argument; then
  /// nothing changed.
  virtual model::Status reload(const std::vector<model::Issuer>& issuers,
                               const std::vector<NodeCertificate>& certificates) = 0;

 protected:
  using PassingGateway::PassingGateway;
};

/// `inner` must outlive it. Errors: invalid_argument (an issuer or rule of the settings).
model::Result<std::unique_ptr<IdentityGateway>> make_identity_gateway(actors::Gateway& inner,
                                                                      IdentitySettings settings);

}  // namespace coffer::net

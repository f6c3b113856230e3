#pragma once
// What a presented JWT or client certificate is worth for one tenant: the decision, given whom the tenant and the node
// trust. Pure but for the lookups that are passed in; the verifier's threads.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/gateway.hpp"
#include "net/jwt/key_sources.hpp"
#include "net/jwt/verify.hpp"
#include "net/settings.hpp"

namespace coffer::net {

/// Whom one tenant trusts, ready to verify with. Constant.
struct Trust {
  std::optional<model::TenantId> tenant;  // none: there is no such tenant, and only the node's issuers can vouch
  std::vector<jwt::TrustedIssuer> issuers;
  std::vector<model::CertificateRule> rules;
};
/// Issuers that do not compile are left out: what was stored by a newer program is not understood by guessing.
Trust make_trust(actors::TenantTrust trust);

/// What the node's configuration trusts, in every tenant or in some.
struct NodeTrust {
  std::vector<jwt::TrustedIssuer> issuers;
  std::vector<NodeCertificate> certificates;
};

struct Lookups {
  std::function<std::optional<model::TenantId>(const model::TenantRef&)> find_tenant;
  std::function<jwt::KeySources::Keys(const model::Issuer&)> keys;
};

struct Vouched {
  model::Credential credential;  // without its door
  model::TimeMs until = 0;       // how long that may be remembered; 0: for ever
};
struct Refused {
  model::Error error;
  const jwt::TrustedIssuer* unknown_key = nullptr;  // a newer set of this issuer's keys might say otherwise
  std::shared_ptr<const jwt::KeySet> seen;          // than this one
};
using Verdict = std::variant<Vouched, Refused>;

/// `asked` is the tenant of the request: the token's tenant must be the same.
Verdict vouch_for_token(std::string_view text, const model::TenantRef& asked, const Trust& trust, const NodeTrust& node,
                        const Lookups& lookups, model::TimeMs now);
/// `names` are those of certificate_names(), `not_after` is the certificate's end: what it vouches for ends then, too.
Verdict vouch_for_certificate(std::string_view names, model::TimeMs not_after, const Trust& trust,
                              const NodeTrust& node, const Lookups& lookups, model::TimeMs now);

}  // namespace coffer::net

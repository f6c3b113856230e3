#pragma once
// Who asks and what he may do. Credential is what net takes from a request; Principal is what the shard made of it;
// Authorizer is the one interface behind which every door's rights are decided. Pure values; the shard's actor.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.hpp"
#include "model/ids.hpp"
#include "model/policy.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::model {

enum class Capability : std::uint32_t {
  list = 1,
  read = 2,
  read_value = 4,
  write = 8,
  del = 16,
  inject = 32,
  grant = 64,
  admin = 128,
};
inline constexpr std::uint32_t kAllCapabilities = 255;
std::string_view to_string(Capability capability);
/// Reads "read-value" and its like; invalid_argument names what was given and what would be right.
Result<Capability> parse_capability(std::string_view text);

/// What a level on an entry gives: read is list and read; user adds read-value and write; admin adds delete and grant.
/// No level gives inject, which shows what may not be read, nor admin, which is the tenant's.
std::uint32_t capabilities_of(Level level);

enum class Door : std::uint8_t { native = 1, direktiv = 2, dapr = 3, cloudforet = 4, tapis = 5, admin = 6 };
std::string_view to_string(Door door);

enum class CredentialKind : std::uint8_t {
  none,         // nothing was presented
  token,        // Coffer token whose MAC net has checked
  operator_,    // operator token whose MAC net has checked
  dev_root,     // the --dev root token: everything in every tenant
  open_door,    // a door that needs no credential by configuration (--dev: Direktiv, Dapr on loopback)
  presented,    // a JWT or client certificate that nobody has looked at: net/identity makes one of the next two of it
  jwt,          // verified against an issuer
  certificate,  // mapped by a rule
  node,         // a node of this cluster, by the peer link; or one that joins, whose token is in its request
};

struct CloudforetClaims;  // model/cloudforet.hpp

struct Credential {
  CredentialKind kind = CredentialKind::none;
  TenantId tenant;           // token: the tenant that it names
  std::string token_hash;    // token, operator: SHA-256 of the token id; 32 bytes
  Door door = Door::native;  // the door it came through

  // presented: what came, a token or the names of a certificate. Wiped when it has been checked.
  Secret token;
  bool is_certificate = false;

  // jwt, certificate, operator: who the bearer is, and which row of the tenant says so.
  std::string principal;           // "user:alice", "service:pods", "cert:uri:spiffe://prod/web", "operator:ann"
  std::vector<std::string> roles;  // from claims or the rule; of an operator: his capabilities
  std::string issuer;              // name of the issuer or rule
  std::uint64_t issuer_version = 0;
  bool of_node = false;   // by this node's configuration: there is no row, and `tenant` does not count
  TimeMs expires_at = 0;  // of a JWT and a certificate its own end, a presented certificate's, too; 0: never
  std::shared_ptr<const CloudforetClaims> cloudforet;  // of a JWT with Cloudforet's claims; else null
};

/// One grant: capabilities on patterns of spaces and names. A pattern is a name or a prefix that ends in '*'.
/// An empty list of patterns matches nothing.
struct Scope {
  std::uint32_t capabilities = 0;
  std::vector<std::string> spaces;
  std::vector<std::string> names;
  friend bool operator==(const Scope&, const Scope&) = default;
};

/// Who the shard found a caller to be. Principals are per tenant: a name means nothing in another one.
struct Principal {
  std::string name;                // "token:3fa9...", "user:alice", "operator", "dev-root", "door:direktiv"
  bool everything = false;         // the --dev root: no policy binds it
  std::vector<Scope> scopes;       // of a Coffer token or an open door: what it may do at most
  std::vector<std::string> roles;  // of a JWT's claims; subjects "role:<name>"
  Rights rights;                   // what the tenant's policy says of it
};

enum class Verdict : std::uint8_t {
  allowed,
  lacking,  // nothing allows it yet; the entry's owner or permissions may
  denied,   // whatever the entry says
};

/// Decides one capability on one entry, for every door.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  /// `entry` is null when it does not exist or is not loaded yet: an entry can only turn `lacking` into `allowed`, so
  /// an answer that is not `lacking` holds for whatever entry there is.
  virtual Verdict judge(const Principal& principal, Capability capability, std::string_view space,
                        std::string_view name, const Entry* entry, TimeMs now) const = 0;
};

/// The one evaluator. In this order:
///   1. `everything` is allowed.
///   2. A grant that denies, of a role bound to the principal, denies: over scopes, roles, permissions and ownership.
///   3. A principal with scopes is allowed what one of them allows and denied the rest: they are a ceiling, under which
///      roles, permissions and ownership add nothing.
///   4. A grant that allows, of a role bound to the principal, allows.
///   5. The entry's owner may do what the level admin gives, and whom its permissions name what their levels give.
/// Grants and bindings count only within their periods.
class PolicyAuthorizer final : public Authorizer {
 public:
  Verdict judge(const Principal& principal, Capability capability, std::string_view space, std::string_view name,
                const Entry* entry, TimeMs now) const override;
};

/// permission_denied, in words that are the same for every reason and for a missing entry.
Error refusal(const Principal& principal, Capability capability, std::string_view space, std::string_view name);

}  // namespace coffer::model

#pragma once
// Whom a tenant trusts to say who somebody is: issuers of JWTs and names in client certificates. Kept as sealed rows in
// the tenant's partition, changed by PutIssuer and its like; net verifies by them, the shard compares their versions.
// Pure values, any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/entry.hpp"
#include "model/result.hpp"

namespace coffer::model {

/// The signatures that Coffer verifies (RFC 7518 section 3.1, RFC 8037); bits of a set. HMAC and `none` have no number:
/// they cannot be asked for.
enum class JwsAlgorithm : std::uint32_t { rs256 = 1, es256 = 2, eddsa = 4 };
inline constexpr std::uint32_t kAllJwsAlgorithms = 7;
/// "RS256", "ES256", "EdDSA", as they stand in a token's header.
std::string_view to_string(JwsAlgorithm algorithm);
/// Exact, as RFC 7515 section 4.1.1 has it. Errors: invalid_argument.
Result<JwsAlgorithm> parse_jws_algorithm(std::string_view text);

/// Where a token's claims say who its bearer is. A claim is named by a path: names separated by '.', one within the
/// other; a '.' that belongs to a name is written "\.", and '/' is a letter as any other ("tapis/tenant_id").
struct ClaimMapping {
  std::string tenant;             // must lead to the tenant that is asked; empty: the token names none
  std::string principal = "sub";  // a text: becomes user:<text> or service:<text>
  std::string roles;              // a text or a list of texts; empty: none
  std::string kind;               // "user" or "service"; empty: what `service` says
  bool service = false;
  friend bool operator==(const ClaimMapping&, const ClaimMapping&) = default;
};

/// One issuer that a tenant trusts.
struct Issuer {
  std::string name;                      // within the tenant: as a tenant's name is written
  std::string iss;                       // the claim, exact
  std::vector<std::string> public_keys;  // PEM: public keys or certificates
  std::string jwks;                      // RFC 7517, the text of a set
  std::string jwks_url, jwks_ca;         // fetched; the CA in PEM, empty: the system's
  std::vector<std::string> audiences;    // one must be in `aud`; none: a token with `aud` is refused
  std::uint32_t algorithms = 0;          // bits of JwsAlgorithm
  std::uint32_t clock_skew_s = 0;
  std::string mapping;  // "cloudforet" or "tapis"; empty: `claims`
  ClaimMapping claims;
  // Set by the shard:
  std::uint64_t version = 0;  // the tenant's revision of the newest change, so that a number never comes back
  TimeMs changed_at = 0;
  std::string changed_by;
  friend bool operator==(const Issuer&, const Issuer&) = default;
};

/// Who the bearer of a client certificate is. The listener has verified the certificate; this maps a name in it.
struct CertificateRule {
  std::string name;       // within the tenant
  std::string san;        // "uri:spiffe://prod/web", "dns:web.example", "email:ops@example"; may end in '*'
  std::string principal;  // "user:..." or "service:..."; empty: cert:<the name in the certificate>
  std::vector<std::string> roles;
  std::uint64_t version = 0;
  TimeMs changed_at = 0;
  std::string changed_by;
  friend bool operator==(const CertificateRule&, const CertificateRule&) = default;
};

// Bounds of what a tenant may keep.
inline constexpr std::size_t kMaxIssuers = 16;  // of a tenant
inline constexpr std::size_t kMaxCertificateRules = 256;
inline constexpr std::size_t kMaxIssuerKeys = 16;  // in PEM; as many in a set
inline constexpr std::size_t kMaxPemBytes = 16 << 10;
inline constexpr std::size_t kMaxJwksBytes = 64 << 10;
inline constexpr std::size_t kMaxAudiences = 16;
inline constexpr std::size_t kMaxRoles = 64;
inline constexpr std::size_t kMaxRoleBytes = 128;
inline constexpr std::uint32_t kMaxClockSkewS = 300;

/// Errors: invalid_argument with the field. Keys are looked at by whoever can parse them.
Status check_issuer(const Issuer& issuer);
Status check_certificate_rule(const CertificateRule& rule);
/// The names of a path of claims. Errors: invalid_argument (empty, an empty part, more than 8 parts, "\" before
/// anything but '.' and '\').
Result<std::vector<std::string>> split_claim_path(std::string_view path);
/// The claims that one of the built-in mappings reads; invalid_argument when there is none of that name.
Result<ClaimMapping> builtin_mapping(std::string_view name);

}  // namespace coffer::model

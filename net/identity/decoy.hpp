#pragma once
// What a JWT costs that no issuer of the tenant could have signed: the same as one that is forged. Otherwise the time of a
// refusal would tell which tenants there are and whom they trust. Used by vouch.hpp's evaluation, on a verifier's thread.

#include <cstdint>

#include "net/jwt/token.hpp"

namespace coffer::net {

/// Checks the signature under a key of the token's algorithm that signed nothing, and forgets the outcome.
void check_against_decoy(const jwt::Token& token);
/// How often that was done; for /metrics.
std::uint64_t decoys_checked();

}  // namespace coffer::net

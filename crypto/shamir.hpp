#pragma once
// Shamir's secret sharing (How to Share a Secret, CACM 1979) of one key over GF(2^8), polynomial 0x11b, byte by byte.
// Without tables and without branches on secret bytes: HashiCorp's table-driven one leaked shares through the cache
// (CVE-2023-25000). For the seals of crypto/ only. Pure, any thread.
//
// A share as text:   "cfs_" base64url( format:1 (=1)  set:8  threshold:1  number:1  bytes:32  checksum:4 )
// checksum = first 4 bytes of SHA-256 over what stands before it: it finds a slip of the pen, not a forger; whether a
// share is genuine is told by the digests in the seal's record.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/key.hpp"
#include "crypto/random.hpp"
#include "model/result.hpp"
#include "model/secret.hpp"

namespace coffer::crypto {

inline constexpr std::size_t kShareSetSize = 8;
inline constexpr std::uint32_t kMostShares = 32;

/// One point of the polynomials: x is the share's number, 1 and up.
struct Share {
  std::string set;  // 8 bytes
  std::uint8_t threshold = 0;
  std::uint8_t number = 0;
  Key bytes;
};

/// REQUIRES: 1 <= threshold <= count <= 255, set has 8 bytes.
std::vector<Share> split_key(const Key& secret, std::string_view set, std::uint32_t threshold, std::uint32_t count,
                             Random& random);
/// The polynomials' value at zero. With fewer shares than the threshold, or wrong ones, it is some other key: nothing
/// tells. REQUIRES: not empty, numbers are distinct and not zero.
Key combine_shares(const std::vector<const Share*>& shares);

model::Secret share_text(const Share& share);
/// Errors: invalid_argument, with what is wrong with it (length, a mistyped character, checksum, format).
model::Result<Share> read_share(std::string_view text);
/// What a seal's record keeps of a share, to know it again: SHA-256, which tells nothing about 32 random bytes.
std::string share_digest(const Share& share);

namespace gf256 {
std::uint8_t multiply(std::uint8_t a, std::uint8_t b);
/// Zero for zero.
std::uint8_t invert(std::uint8_t a);
}  // namespace gf256

}  // namespace coffer::crypto

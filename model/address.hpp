#pragma once
// Addresses and ranges of them (CIDR, RFC 4632 and RFC 4291), for tokens that work from certain places only. Used by the
// checks and by the shard. Pure values, any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "model/result.hpp"

namespace coffer::model {

/// 16 bytes; IPv4 as ::ffff:a.b.c.d, so that both forms of one address are equal.
using IpAddress = std::array<std::uint8_t, 16>;

struct AddressRange {
  IpAddress first{};
  unsigned bits = 128;  // of the prefix
  bool contains(const IpAddress& address) const;
  friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

/// "10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1". Errors: invalid_argument, also when bits behind the prefix are
/// set, because that is most often a mistake.
Result<AddressRange> parse_address_range(std::string_view text);

/// The address of a peer, with or without its port: "127.0.0.1:4711", "[::1]:4711", "::1", "fe80::1%eth0".
std::optional<IpAddress> parse_peer(std::string_view text);

}  // namespace coffer::model

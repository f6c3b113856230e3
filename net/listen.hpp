#pragma once
// What both listeners need before they open a socket: the address taken apart, a sentence when it cannot be bound, and
// the TLS files read and checked. Called by start(), on main's thread.

#include <netdb.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "model/result.hpp"
#include "model/secret.hpp"
#include "net/settings.hpp"

namespace coffer::net {

struct HostPort {
  std::string host;        // without brackets; empty: every interface
  std::uint16_t port = 0;  // 0: any free one
};

/// Reads "127.0.0.1:7780", "[::1]:7780", "localhost:7780" and ":7780". Errors: invalid_argument, one sentence.
model::Result<HostPort> parse_address(std::string_view address);

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// What the address stands for to somebody who listens there. Errors: invalid_argument; unavailable, with address and
/// reason.
model::Result<Addresses> addresses_of(std::string_view address);

/// Binds the address for a moment, because SO_REUSEPORT does not tell that another process has it.
/// Errors: unavailable, with address and reason.
model::Status check_free(std::string_view address);

/// PEM texts that OpenSSL has read once, so that a listener cannot fail on them later without a word.
struct TlsMaterial {
  std::string certificate;
  model::Secret key;
  std::string client_ca;  // empty: client certificates are not asked for
};

/// Errors: invalid_argument that names the file and what is wrong with it (missing, not PEM, key of another
/// certificate).
model::Result<TlsMaterial> load_tls(const TlsFiles& files);

}  // namespace coffer::net

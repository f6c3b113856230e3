#pragma once
// The names in a client's certificate, the same whichever library of the listeners speaks TLS. Pure.

#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace coffer::net {

/// The subject's alternative names (RFC 5280 section 4.2.1.6), one in a line: "uri:...", then "dns:...", then "email:...".
/// The common name is none of them (RFC 6125 section 6.4.4). Empty without a certificate. REQUIRES: the handshake is
/// over; a certificate that does not verify ends it.
std::string certificate_names(SSL* ssl);
/// The same of a PEM text; empty when it is none.
std::string certificate_names(std::string_view pem);

}  // namespace coffer::net

#pragma once
// The name in a client's certificate, the same whichever library of the listeners speaks TLS. Pure.

#include <string>
#include <string_view>

#include <openssl/ssl.h>

namespace coffer::net {

/// The first URI of the subject's alternative names, else the first DNS name, else the common name; empty without a
/// certificate. REQUIRES: the handshake is over; a certificate that does not verify ends it.
std::string certificate_name(SSL* ssl);
/// The same of a PEM text; empty when it is none.
std::string certificate_name(std::string_view pem);

}  // namespace coffer::net

#pragma once
// What a client's certificate says, the same whichever library of the listeners speaks TLS. Pure.

#include <string>
#include <string_view>

#include <openssl/types.h>

#include "model/entry.hpp"

namespace coffer::net {

/// What a listener keeps of a certificate that it verified. A handshake looks at the certificate's end once; connections
/// live longer.
struct ClientCertificate {
  std::string names;            // certificate_names(); empty: none was presented, or it has none
  model::TimeMs not_after = 0;  // it holds before this time
};
/// REQUIRES: the handshake is over; a certificate that does not verify ends it.
ClientCertificate client_certificate(SSL* ssl);
/// The same of a PEM text.
ClientCertificate client_certificate(std::string_view pem);

/// The subject's alternative names (RFC 5280 section 4.2.1.6), one in a line: "uri:...", then "dns:...", then "email:...".
/// The common name is none of them (RFC 6125 section 6.4.4). Empty without a certificate.
std::string certificate_names(SSL* ssl);
/// The same of a PEM text; empty when it is none.
std::string certificate_names(std::string_view pem);

}  // namespace coffer::net

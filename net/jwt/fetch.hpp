#pragma once
// One GET of a JSON Web Key Set over http or https, at the URL that an operator has set and nowhere else: no redirect is
// followed. Blocks its thread for at most the time allowed (a resolver that hangs may add its own); called by the threads
// of KeySources.

#include <chrono>
#include <cstddef>
#include <string>

#include "model/identity.hpp"
#include "model/result.hpp"

namespace coffer::net::jwt {

struct FetchLimits {
  std::size_t bytes = model::kMaxJwksBytes;
  std::chrono::milliseconds time{5'000};
};

/// The body of a 200. `trace` goes along as traceparent (W3C Trace Context); empty: none. Over https the certificate must verify for the URL's host, under `ca_pem` alone or, when that is
/// empty, under the system's. Errors: invalid_argument (no such URL), unavailable with the reason.
model::Result<std::string> fetch(const std::string& url, const std::string& ca_pem, const FetchLimits& limits = {},
                                 const std::string& trace = {});

}  // namespace coffer::net::jwt

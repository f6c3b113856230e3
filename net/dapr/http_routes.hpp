#pragma once
// Dapr's HTTP API as routes. Used by the Dapr door, which owns what they refer to.

#include <string>
#include <vector>

#include "net/dapr/attributes.hpp"
#include "net/dapr/reader.hpp"
#include "net/rpc.hpp"

namespace coffer::net::dapr {

/// All arguments must outlive the routes.
std::vector<HttpRoute> make_routes(const Reader& reader, Attributes& attributes, const actors::Gateway& gateway,
                                   const std::string& version);

}  // namespace coffer::net::dapr

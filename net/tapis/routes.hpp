#pragma once
// The Tapis door's operations as routes, each under /pods and /v3/pods. Used by the door, which owns what they refer to.

#include <vector>

#include "net/rpc.hpp"
#include "net/tapis/access.hpp"
#include "net/tapis/envelope.hpp"

namespace coffer::net::tapis {

/// What the routes share. Constant.
struct Setting {
  Access access;
  Style style;
  bool dev = false;  // a tenant is made at its first secret
  actors::Gateway* gateway = nullptr;
};

/// `setting` must outlive the routes.
std::vector<HttpRoute> make_routes(const Setting& setting);

}  // namespace coffer::net::tapis

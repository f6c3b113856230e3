#pragma once
// Numbers by tenant, for operators who want their tenants' names in /metrics ([metrics] tenants). A gateway in front of the
// gateway that exists only where that is switched on: each call takes one more allocation and one lookup. Any thread.
//
// The number of tenants is bounded: whoever comes later is counted together. A name makes a series only when there is such
// a tenant and the caller was let in, so strangers make none.

#include <cstddef>
#include <memory>

#include "actors/gateway.hpp"

namespace coffer::net {

/// `inner` must outlive it. `most_tenants` > 0: that get series of their own.
std::unique_ptr<actors::Gateway> count_by_tenant(actors::Gateway& inner, std::size_t most_tenants);

}  // namespace coffer::net

#pragma once
// Numbers by tenant, for operators who want their tenants' names in /metrics ([metrics] tenants). A gateway in front of the
// gateway that exists only where that is switched on: each call takes one more allocation and one lookup. Any thread.
//
// The number of tenants is bounded: whoever comes later is counted together. A name makes a series only when there is such
// a tenant and the caller was let in, so strangers make none.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

#include "actors/gateway.hpp"
#include "model/quota_use.hpp"

namespace coffer::net {

/// What a tenant holds and may hold; none where its shard does not run.
using QuotaLookup = std::function<std::optional<model::QuotaUse>(const model::TenantId&)>;

/// `inner` must outlive it. `most_tenants` > 0: that get series of their own. Without `quota_use` what tenants hold is not
/// shown.
std::unique_ptr<actors::Gateway> count_by_tenant(actors::Gateway& inner, std::size_t most_tenants,
                                                 QuotaLookup quota_use = {});

}  // namespace coffer::net

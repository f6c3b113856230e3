#pragma once
// What is shown of a tenant's quota in numbers, for metrics. Filled by actors/quota_board, shown by net/tenant_metrics. Pure
// values, any thread.

#include <cstdint>
#include <optional>

#include "model/quota.hpp"

namespace coffer::model {

struct QuotaUse {
  std::uint64_t entries = 0, bytes = 0;  // held
  QuotaLimits limits;                    // in force
};

/// The limit that a quota_exceeded error names, as RequestRates and check_held write it; none: it names no limit.
std::optional<Limit> limit_reached(const Error& error);

}  // namespace coffer::model

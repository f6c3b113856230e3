// See tenant_balance.hpp.

#include "cluster/tenant_balance.hpp"

#include <algorithm>
#include <numeric>

namespace coffer::cluster {

std::vector<TenantShift> plan_shifts(std::vector<std::uint64_t> tenants, std::size_t most) {
  std::vector<TenantShift> shifts;
  if (tenants.size() < 3) return shifts;
  const auto first = tenants.begin() + 1;
  const std::uint64_t average = std::accumulate(first, tenants.end(), std::uint64_t{0}) / (tenants.size() - 1);
  const std::uint64_t difference = std::max<std::uint64_t>(2, average / 20);
  while (shifts.size() < most) {
    const auto [emptiest, fullest] = std::minmax_element(first, tenants.end());
    if (*fullest - *emptiest < difference) break;
    --*fullest;
    ++*emptiest;
    const auto group = [&](auto at) { return model::GroupId{static_cast<std::uint64_t>(at - tenants.begin())}; };
    shifts.push_back({group(fullest), group(emptiest)});
  }
  return shifts;
}

}  // namespace coffer::cluster

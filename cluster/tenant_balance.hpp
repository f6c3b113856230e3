#pragma once
// Which groups should give tenants to which others, so that all have about as many: a pure function of the counts. Used
// by the directory when an operator asks for balance; each answer is a few moves, and following them ends in none.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cluster/types.hpp"

namespace coffer::cluster {

struct TenantShift {
  model::GroupId from, to;
  friend bool operator==(const TenantShift&, const TenantShift&) = default;
};

/// `tenants`: by group; the first is the meta group, which has none. At most `most` shifts, each of one tenant from the
/// fullest group to the emptiest, as long as they differ by more than one in twenty of the average, and by two.
std::vector<TenantShift> plan_shifts(std::vector<std::uint64_t> tenants, std::size_t most);

}  // namespace coffer::cluster

// The plan by which tenants are spread: few shifts, each from the fullest to the emptiest, and an end.

#include "cluster/tenant_balance.hpp"

#include <gtest/gtest.h>

namespace coffer::cluster {
namespace {

using model::GroupId;

TEST(TenantBalance, MovesFromTheFullestToTheEmptiest) {
  EXPECT_EQ(plan_shifts({0, 5, 1, 3}, 1), (std::vector<TenantShift>{{GroupId{1}, GroupId{2}}}));
}

TEST(TenantBalance, LeavesADifferenceThatNoMoveMakesSmaller) {
  EXPECT_TRUE(plan_shifts({0, 3, 2, 3}, 8).empty());
  EXPECT_TRUE(plan_shifts({0, 1000, 1040, 1020}, 8).empty()) << "less than one in twenty";
}

TEST(TenantBalance, EndsWhereverItBegins) {
  std::vector<std::uint64_t> tenants{0, 100, 0, 7, 31};
  for (int round = 0; round < 100; ++round) {
    for (const TenantShift& shift : plan_shifts(tenants, 4)) {
      --tenants[shift.from.value];
      ++tenants[shift.to.value];
    }
  }
  EXPECT_TRUE(plan_shifts(tenants, 4).empty());
  EXPECT_EQ(tenants[0], 0U) << "the meta group has none";
}

TEST(TenantBalance, OneGroupHasNobodyToGiveTo) { EXPECT_TRUE(plan_shifts({0, 9}, 4).empty()); }

}  // namespace
}  // namespace coffer::cluster

// Ids: text form of tenant ids, and that ids of different meaning do not mix.

#include "model/ids.hpp"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

namespace coffer::model {
namespace {

static_assert(!std::is_convertible_v<Term, Index> && !std::is_constructible_v<Term, Index>);
static_assert(!std::is_convertible_v<std::uint64_t, Term>);
static_assert(Revision{2, 0} > Revision{1, 99});

constexpr char kText[] = "000102030405060708090a0b0c0d0eff";

TEST(TenantId, IsReadBackFromItsText) {
  TenantId id;
  ASSERT_TRUE(parse_tenant_id(kText, &id));
  EXPECT_EQ(id.bytes[1], 1);
  EXPECT_EQ(id.bytes[15], 0xff);
  EXPECT_EQ(to_string(id), kText);
  EXPECT_EQ(TenantId::from_raw(id.view()), id);
}

TEST(TenantId, HasOneTextOnly) {
  TenantId id = TenantId::from_raw("0123456789abcdef");
  const TenantId before = id;
  for (const char* text :
       {"", "000102030405060708090a0b0c0d0ef", "000102030405060708090a0b0c0d0eff0", "000102030405060708090A0B0C0D0EFF",
        "g00102030405060708090a0b0c0d0eff", "000102030405060708090a0b0c0d0ef ", "0x0102030405060708090a0b0c0d0eff"}) {
    EXPECT_FALSE(parse_tenant_id(text, &id)) << text;
  }
  EXPECT_EQ(id, before) << "a refused text must leave the id alone";
}

TEST(TenantId, ZeroIsTheDirectory) {
  EXPECT_TRUE(TenantId{}.is_zero());
  EXPECT_FALSE(TenantId::from_raw("0123456789abcdef").is_zero());
}

TEST(Ids, AreKeysOfHashTables) {
  std::unordered_set<GroupId> groups{GroupId{1}, GroupId{2}, GroupId{1}};
  EXPECT_EQ(groups.size(), 2u);
  std::unordered_set<TenantId> tenants{TenantId{}, TenantId::from_raw("0123456789abcdef")};
  EXPECT_EQ(tenants.size(), 2u);
}

}  // namespace
}  // namespace coffer::model

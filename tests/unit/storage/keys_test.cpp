// The grammar of row keys: its bytes, and that byte order is the order of what they hold.

#include "storage/keys.hpp"

#include "tests/unit/storage/golden.hpp"

namespace coffer::storage {
namespace {

std::string counting(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(0xa0 + i);
  return bytes;
}

const model::TenantId kTenant = model::TenantId::from_raw(counting(16));

TEST(Keys, AreThoseOfTheGoldenFile) {
  const std::string hash = counting(32);
  const test::GoldenLines current = {
      {"header", kHeaderRow},
      {"keys", kKeysRow},
      {"key_ring", kKeyRingRow},
      {"entry", entry_row(hash)},
      {"payload", payload_row(hash, 0x0102030405060708)},
      {"change", change_row(0x0102030405060708)},
      {"request", request_row(hash)},
      {"request_order", request_order_row(0x0102030405060708)},
      {"token", token_row(hash)},
      {"issuer", issuer_row(hash)},
      {"certificate_rule", certificate_rule_row(hash)},
      {"tenant", tenant_row(kTenant)},
      {"operator", operator_row(hash)},
      {"seal", seal_row("main")},
      {"node", node_row(model::NodeId(0x0102030405060708))},
      {"group", group_row(model::GroupId(0x0102030405060708))},
      {"join_token", join_token_row("12345678")},
      {"cluster", kClusterRow},
      {"cluster_ca", kClusterCaRow},
      {"state", state_key(model::GroupId(3), model::Generation(0x0102), kTenant, kHeaderRow)},
  };
  EXPECT_EQ(current, test::golden("row_keys.hex", current));
}

TEST(Keys, SortByNumberAndNotByText) {
  EXPECT_LT(change_row(9), change_row(10));
  EXPECT_LT(change_row(255), change_row(256));
  EXPECT_LT(change_row(0x7fffffffffffffff), change_row(0x8000000000000000));
  const std::string hash(32, 'h');
  EXPECT_LT(payload_row(hash, 2), payload_row(hash, 11));
  EXPECT_LT(state_key(model::GroupId(2), model::Generation(1), kTenant, "z"),
            state_key(model::GroupId(10), model::Generation(1), kTenant, "a"));
}

TEST(Keys, BigEndianNumbersAreReadAsWritten) {
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0xff00ff00ff00ff00}, UINT64_MAX}) {
    std::string bytes = "x";
    append_be64(bytes, number);
    ASSERT_EQ(bytes.size(), 9u);
    EXPECT_EQ(read_be64(std::string_view(bytes).substr(1)), number);
  }
}

}  // namespace
}  // namespace coffer::storage

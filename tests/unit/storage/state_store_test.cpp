// The state database: a handle shows one tenant's rows of one generation and nothing else.

#include "storage/state_store.hpp"

#include "storage/faulty_engine.hpp"
#include "storage/keys.hpp"

namespace coffer::storage {
namespace {

constexpr model::GroupId kStateGroup{1};
constexpr model::Generation kStateGeneration{1};

model::TenantId tenant(std::uint8_t byte) {
  model::TenantId id;
  id.bytes.fill(byte);
  return id;
}

class StateStoreTest : public testing::Test {
 protected:
  TenantRows rows_of(std::uint8_t byte, model::GroupId group = kStateGroup,
                     model::Generation generation = kStateGeneration) {
    return {engine_, group, generation, tenant(byte)};
  }
  static std::string text(const TenantRows& rows, std::string_view begin, std::string_view end) {
    std::string text;
    for (auto scan = rows.scan(begin, end); scan->valid(); scan->next()) {
      text.append(rows.row_of(scan->key())).append("=").append(scan->value()).append(" ");
    }
    return text;
  }

  FaultyEngine engine_;
  StateWriter writer_{engine_};
};

TEST_F(StateStoreTest, ShowsATenantItsOwnRowsOnly) {
  // 0xff: the tenant whose prefix has no successor of its own length.
  for (const std::uint8_t byte : {0x00, 0x10, 0x11, 0xff}) {
    writer_.apply(kStateGroup, kStateGeneration, tenant(byte), {{"a", std::to_string(byte)}, {"\xff", "last"}});
  }
  ASSERT_TRUE(writer_.write().ok());
  for (const std::uint8_t byte : {0x00, 0x10, 0x11, 0xff}) {
    EXPECT_EQ(text(rows_of(byte), "", ""), "a=" + std::to_string(byte) + " \xff=last ");
    EXPECT_EQ(**rows_of(byte).get("a"), std::to_string(byte));
  }
  EXPECT_EQ(text(rows_of(0x12), "", ""), "");
  EXPECT_FALSE(rows_of(0x12).get("a")->has_value());
}

TEST_F(StateStoreTest, KeepsGroupsAndGenerationsApart) {
  writer_.apply(kStateGroup, model::Generation(1), tenant(1), {{"a", "old"}});
  writer_.apply(kStateGroup, model::Generation(2), tenant(1), {{"a", "new"}});
  writer_.apply(model::GroupId(2), model::Generation(1), tenant(1), {{"a", "other"}});
  ASSERT_TRUE(writer_.write().ok());
  EXPECT_EQ(text(rows_of(1), "", ""), "a=old ");
  EXPECT_EQ(text(rows_of(1, kStateGroup, model::Generation(2)), "", ""), "a=new ");
  EXPECT_EQ(text(rows_of(1, model::GroupId(2)), "", ""), "a=other ");
}

TEST_F(StateStoreTest, ScansARangeOfRows) {
  writer_.apply(kStateGroup, kStateGeneration, tenant(1), {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}});
  ASSERT_TRUE(writer_.write().ok());
  EXPECT_EQ(text(rows_of(1), "b", "d"), "b=2 c=3 ");
  EXPECT_EQ(text(rows_of(1), "c", ""), "c=3 d=4 ");
}

TEST_F(StateStoreTest, WritesNothingBeforeWriteAndEverythingAtOnce) {
  writer_.apply(kStateGroup, kStateGeneration, tenant(1), {{"a", "1"}, {"b", "2"}});
  writer_.apply(kStateGroup, kStateGeneration, tenant(1), {{"a", std::nullopt}});
  EXPECT_GT(writer_.pending_bytes(), 0u);
  EXPECT_EQ(text(rows_of(1), "", ""), "");
  ASSERT_TRUE(writer_.write().ok());
  EXPECT_EQ(writer_.pending_bytes(), 0u);
  EXPECT_EQ(text(rows_of(1), "", ""), "b=2 ");
  EXPECT_EQ(engine_.at_risk(), 1u);
}

TEST_F(StateStoreTest, AFlushMakesWhatWasAppliedDurable) {
  writer_.apply(kStateGroup, kStateGeneration, tenant(1), {{"a", "1"}});
  ASSERT_TRUE(writer_.write().ok());
  writer_.apply(kStateGroup, kStateGeneration, tenant(1), {{"b", "2"}});
  ASSERT_TRUE(writer_.flush().ok());
  EXPECT_EQ(engine_.at_risk(), 0u);
  engine_.crash(1);
  engine_.reopen();
  EXPECT_EQ(text(rows_of(1), "", ""), "a=1 b=2 ");
}

TEST_F(StateStoreTest, PassesAFailureOfTheDiskOn) {
  engine_.fail_write(1, DiskFault::no_space);
  writer_.apply(kStateGroup, kStateGeneration, tenant(1), {{"a", "1"}});
  EXPECT_FALSE(writer_.flush().ok());
  EXPECT_FALSE(writer_.flush().ok());
}

}  // namespace
}  // namespace coffer::storage

// Write sets as bytes: the same as the generated class writes, and nothing damaged is taken for one.

#include <gtest/gtest.h>

#include "actors/records.hpp"
#include "actors/write_set.hpp"

namespace coffer::actors {
namespace {

using WrittenRows = std::vector<storage::RowChange>;

model::TenantId tenant() { return model::TenantId::from_raw(std::string(16, 't')); }

WrittenRows sample_rows() {
  return {{"entry", std::string(300, 'x')}, {"gone", std::nullopt}, {"empty", ""}, {"header", "h"}, {"", "v"}};
}

/// What the generated class makes of the same.
std::string by_class(const WriteSetHead& head, const WrittenRows& rows, const std::string& audit) {
  store::v1::WriteSet set;
  set.set_format(kRecordFormat);
  set.set_tenant(std::string(head.tenant.view()));
  set.set_epoch(head.epoch);
  set.set_revision(head.revision);
  set.set_leader_time_ms(head.leader_time);
  for (const auto& change : rows) {
    if (change.value) {
      auto* put = set.add_puts();
      put->set_key(change.row);
      put->set_value(*change.value);
    } else {
      set.add_deletes(change.row);
    }
  }
  set.set_audit(audit);
  return set.SerializeAsString();
}

TEST(WriteSet, AFieldOfNumberZeroIsDamageAndNotTheEnd) {
  const auto good = encode_write_set({tenant(), 1, 2, 3}, sample_rows(), "audit");
  WriteSetView view;
  ASSERT_TRUE(decode_write_set(*good, view).ok());
  std::string damaged = *good;
  damaged[2] = '\x02';  // the tag behind the format
  EXPECT_FALSE(store::v1::WriteSet().ParseFromString(damaged));
  EXPECT_EQ(decode_write_set(damaged, view).error().code, model::Code::data_loss);
  // Behind a complete set, where what follows would be lost without a word.
  EXPECT_FALSE(decode_write_set(*good + std::string("\x02\x01x", 3), view).ok());
}

TEST(WriteSet, HasTheBytesOfTheGeneratedClass) {
  const WriteSetHead full{tenant(), 3, 1ULL << 40, 1'700'000'000'001};
  EXPECT_EQ(*encode_write_set(full, sample_rows(), "audit"), by_class(full, sample_rows(), "audit"));
  const WriteSetHead least{tenant(), 0, 0, 0};
  EXPECT_EQ(*encode_write_set(least, {}, ""), by_class(least, {}, ""));
  const WrittenRows large{{"r", std::string(70'000, 'y')}};
  EXPECT_EQ(*encode_write_set(full, large, ""), by_class(full, large, ""));
}

TEST(WriteSet, IsReadBackAsItWasWritten) {
  const WriteSetHead head{tenant(), 3, 300, 1'700'000'000'001};
  const auto bytes = encode_write_set(head, sample_rows(), "audit");
  WriteSetView view;
  view.rows.push_back({"left over", std::nullopt});
  ASSERT_TRUE(decode_write_set(*bytes, view).ok());
  EXPECT_EQ(view.head.tenant, tenant());
  EXPECT_EQ(view.head.epoch, 3U);
  EXPECT_EQ(view.head.revision, 300U);
  EXPECT_EQ(view.head.leader_time, 1'700'000'000'001);
  EXPECT_EQ(view.audit, "audit");
  ASSERT_EQ(view.rows.size(), 5U);
  EXPECT_EQ(view.rows[0].row, "entry");
  EXPECT_EQ(view.rows[0].value, std::string(300, 'x'));
  EXPECT_EQ(view.rows[1].row, "empty");
  EXPECT_EQ(view.rows[1].value, "") << "an empty value is no deletion";
  EXPECT_EQ(view.rows[4].row, "gone");
  EXPECT_FALSE(view.rows[4].value.has_value());
}

TEST(WriteSet, SkipsFieldsOfALaterProgram) {
  std::string bytes = by_class({tenant(), 1, 2, 3}, {{"r", "v"}}, "a");
  bytes += std::string("\x7a\x03new", 5);  // field 15, three bytes
  WriteSetView view;
  ASSERT_TRUE(decode_write_set(bytes, view).ok());
  EXPECT_EQ(view.rows.size(), 1U);
}

TEST(WriteSet, IsRefusedWhenItIsCutShortOrOfAnotherFormat) {
  const auto bytes = encode_write_set({tenant(), 3, 300, 1}, {{"r", "value"}}, "audit");
  WriteSetView view;
  for (std::size_t size = 0; size < bytes->size(); ++size) {
    const auto status = decode_write_set(std::string_view(*bytes).substr(0, size), view);
    if (status.ok()) {
      // Between two fields a message ends like a shorter one; then every row must be whole.
      for (const RowView& row : view.rows) EXPECT_EQ(row.value, "value") << size;
    } else {
      EXPECT_EQ(status.error().code, model::Code::data_loss) << size;
    }
  }
  std::string other = *bytes;
  other[1] = 2;  // the format
  EXPECT_FALSE(decode_write_set(other, view).ok());
  EXPECT_FALSE(decode_write_set("", view).ok());
  EXPECT_FALSE(decode_write_set(std::string(40, '\xff'), view).ok());
  store::v1::WriteSet set;
  set.set_format(kRecordFormat);
  set.set_tenant("too short");
  EXPECT_FALSE(decode_write_set(set.SerializeAsString(), view).ok());
}

}  // namespace
}  // namespace coffer::actors

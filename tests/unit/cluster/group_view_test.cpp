// Messages about a group's rows at one moment: their bytes, and what else is taken for one.

#include "cluster/group_view.hpp"

#include <gtest/gtest.h>

#include "storage/open.hpp"
#include "storage/state_copy.hpp"
#include "storage/state_store.hpp"
#include "tests/unit/storage/golden.hpp"

namespace coffer::cluster::testing {
namespace {

TEST(GroupViewTest, MessagesHaveTheBytesOfTheGoldenFileAndNothingElseParses) {
  ViewChunk chunk{300, 3, 0, true, "rows"};
  chunk.crc = checksum_of(chunk);
  const std::vector<std::pair<std::string, ViewMessage>> samples = {
      {"request", ViewRequest{300, model::Index(70000), "within", "after"}},
      {"opened", ViewOpened{300}},
      {"more", ViewMore{300, 8}},
      {"chunk", chunk},
      {"end", ViewEnd{300, ViewEnded::behind}},
  };
  test::GoldenLines current;
  for (const auto& [name, message] : samples) current.emplace_back(name, std::string(encode(message).expose()));
  EXPECT_EQ(test::golden_of("cluster", "view_messages.hex", current), current);
  for (std::size_t i = 0; i < current.size(); ++i) {
    const auto& [name, bytes] = current[i];
    EXPECT_TRUE(is_view_message(bytes)) << name;
    EXPECT_FALSE(decode_snapshot(bytes).ok()) << "an older node passes " << name << " over";
    const auto decoded = decode_view(bytes);
    ASSERT_TRUE(decoded.ok()) << name;
    EXPECT_EQ(*decoded, samples[i].second) << name;
    for (std::size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(decode_view(bytes.substr(0, n)).ok()) << name << n;
    EXPECT_FALSE(decode_view(bytes + '\0').ok());
  }
  EXPECT_FALSE(is_view_message(encode(SnapshotMessage(SnapshotRefusal{5})).expose()));
  EXPECT_FALSE(is_view_message("\x02\x05"));
  EXPECT_EQ(decode_view("\x01\x0a\x01").error().code, model::Code::unimplemented);
  EXPECT_EQ(std::get<ViewEnd>(*decode_view("\x01\x09\x01\x7f")).reason, ViewEnded::failed) << "of a newer node";
}

TEST(GroupViewTest, AScanOfRowsBeginsBehindATenantAndEndsWithWhatIsAskedFor) {
  const model::GroupId group{7};
  const model::Generation generation{2};
  auto engine = storage::open_memory();
  storage::StateWriter writer(*engine);
  for (const std::uint8_t t : {1, 2, 255}) {
    model::TenantId tenant;
    tenant.bytes.fill(t);
    for (const char* row : {"e1", "e2", "k"})
      writer.apply(group, generation, tenant, std::vector<storage::RowChange>{{row, "v"}});
    for (const std::uint64_t other : {6, 8})
      writer.apply(model::GroupId{other}, generation, tenant, std::vector<storage::RowChange>{{"e", "v"}});
  }
  ASSERT_TRUE(writer.write().ok());
  const auto found = [&](std::string_view within, std::string_view after) {
    auto scan = storage::scan_rows(*engine, group, generation, within, after);
    std::string names;
    for (; scan->valid(); scan->next()) {
      const std::string_view key = scan->key().substr(storage::kCopyPrefix);
      names += std::to_string(static_cast<unsigned char>(key[0])) + std::string(key.substr(16)) + " ";
    }
    return names;
  };
  const std::string one(16, '\x01'), two(16, '\x02'), last(16, '\xff');
  EXPECT_EQ(found("", ""), "1e1 1e2 1k 2e1 2e2 2k 255e1 255e2 255k ");
  EXPECT_EQ(found("", two), "255e1 255e2 255k ");
  EXPECT_EQ(found("", last), "");
  EXPECT_EQ(found(two, ""), "2e1 2e2 2k ");
  EXPECT_EQ(found(two + "k", ""), "2k ");
  EXPECT_EQ(found(two, one), "2e1 2e2 2k ");
  EXPECT_EQ(found(two, two), "");
  EXPECT_EQ(found(one, two), "");
}

}  // namespace
}  // namespace coffer::cluster::testing

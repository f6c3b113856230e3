// The log writer: what one fsync covers and whose tickets it makes durable.

#include "cluster/log_writer_core.hpp"

#include "harness.hpp"

namespace coffer::cluster::testing {
namespace {

DurableWrite write_of(std::uint64_t group, std::uint64_t ticket, std::size_t bytes) {
  DurableWrite write;
  write.group = model::GroupId(group);
  write.ticket = ticket;
  write.entries = {command(ticket, 1, std::string(bytes, 'x'))};
  return write;
}

TEST(LogWriterCoreTest, OneBatchCoversEverythingQueuedOfAllGroups) {
  LogWriterCore writer;
  EXPECT_FALSE(writer.next());
  writer.enqueue(write_of(1, 1, 10));
  writer.enqueue(write_of(2, 1, 10));
  writer.enqueue(write_of(1, 2, 10));
  const auto batch = writer.next();
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->batch().ops().size(), 3U);
  EXPECT_EQ(writer.queued(), 0U);
  const auto durable = writer.done();
  ASSERT_EQ(durable.size(), 2U);
  EXPECT_EQ(durable[0].group.value, 1U);
  EXPECT_EQ(durable[0].ticket, 2U) << "the highest of the group";
  EXPECT_EQ(durable[1].ticket, 1U);
}

TEST(LogWriterCoreTest, OnlyOneFlushIsInFlight) {
  LogWriterCore writer;
  writer.enqueue(write_of(1, 1, 10));
  ASSERT_TRUE(writer.next());
  writer.enqueue(write_of(1, 2, 10));
  EXPECT_FALSE(writer.next());
  EXPECT_EQ(writer.queued(), 1U);
  EXPECT_EQ(writer.done().at(0).ticket, 1U);
  ASSERT_TRUE(writer.next());
  EXPECT_EQ(writer.done().at(0).ticket, 2U);
}

TEST(LogWriterCoreTest, ABatchIsBoundedInBytesAndALargerWriteGoesAlone) {
  LogWriterCore writer(1000);
  writer.enqueue(write_of(1, 1, 5000));
  writer.enqueue(write_of(1, 2, 300));
  writer.enqueue(write_of(1, 3, 300));
  writer.enqueue(write_of(1, 4, 300));
  std::vector<std::uint64_t> tickets;
  while (writer.next()) {
    tickets.push_back(writer.done().at(0).ticket);
  }
  EXPECT_EQ(tickets, (std::vector<std::uint64_t>{1, 3, 4}));
}

}  // namespace
}  // namespace coffer::cluster::testing

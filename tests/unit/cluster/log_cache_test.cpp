// LogCache: which of the entries in memory count as kept for peers alone, against the node's room.

#include <gtest/gtest.h>

#include "cluster/log_cache.hpp"

namespace coffer::cluster {
namespace {

void push(LogCache& cache, std::uint64_t index, std::size_t bytes) {
  storage::LogEntry entry{model::Index(index), model::Term(1), storage::EntryKind::command,
                          std::make_shared<const std::string>(bytes, 'x')};
  cache.push({std::move(entry), 0, false});
}

TEST(LogCache, CountsWhatTheStateHasAndThePeersMayNeed) {
  auto room = std::make_shared<LogRoom>(1000);
  LogCache cache(room);
  cache.reset(11);
  for (std::uint64_t index = 11; index <= 15; ++index) push(cache, index, 300);
  EXPECT_EQ(room->used(), 0U) << "the state lacks them all";
  cache.cover(14);
  EXPECT_EQ(cache.trail_bytes(), 1200U);
  EXPECT_TRUE(room->is_full());
  cache.cover(14);
  cache.truncate_from(15);
  EXPECT_EQ(room->used(), 1200U) << "the same once more, and what was never counted";
  cache.trim_before(13);
  EXPECT_EQ(cache.trail_bytes(), 600U);
  EXPECT_FALSE(room->is_full());
  cache.reset(100);
  EXPECT_EQ(room->used(), 0U);
}

TEST(LogCache, GivesTheRoomBackThatItSharesWithOthers) {
  auto room = std::make_shared<LogRoom>(1000);
  LogCache stays(room);
  push(stays, 1, 400);
  stays.cover(1);
  {
    LogCache goes(room);
    push(goes, 1, 700);
    goes.cover(1);
    EXPECT_TRUE(room->is_full());
  }
  EXPECT_EQ(room->used(), 400U);
}

}  // namespace
}  // namespace coffer::cluster

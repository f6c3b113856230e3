// SnapshotQueue: one group's state after the other, the directory's at once, and nobody waits for one that stands still.

#include <gtest/gtest.h>

#include "actors/snapshot_queue.hpp"

namespace coffer::actors {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
const auto kStart = Pace::Clock::time_point(std::chrono::hours(1));
constexpr model::GroupId kLarge{3}, kOther{1};

TEST(SnapshotQueue, BeginsTheNextOneWhenTheOneBeforeIsWhole) {
  SnapshotQueue queue;
  queue.wait(kLarge);
  queue.wait(kOther);
  queue.wait(kOther);
  EXPECT_EQ(queue.next(kStart), kLarge);
  for (int second = 0; second < 10; ++second) {
    EXPECT_FALSE(queue.next(kStart + seconds(second)));
    queue.moved(kLarge, kStart + seconds(second));
  }
  queue.forget(kLarge);
  EXPECT_EQ(queue.next(kStart + seconds(10)), kOther);
  EXPECT_TRUE(queue.is_empty()) << "it waited once";
}

TEST(SnapshotQueue, DoesNotWaitForOneWhoseSourcesAreSilent) {
  SnapshotQueue queue;
  queue.wait(kLarge);
  EXPECT_EQ(queue.next(kStart), kLarge);
  queue.wait(kOther);
  EXPECT_FALSE(queue.next(kStart + milliseconds(1999)));
  EXPECT_EQ(queue.next(kStart + seconds(2)), kOther);
}

TEST(SnapshotQueue, TakesTheDirectoryAtOnce) {
  SnapshotQueue queue;
  queue.wait(kLarge);
  EXPECT_EQ(queue.next(kStart), kLarge);
  queue.wait(kOther);
  queue.wait(model::kMetaGroup);
  EXPECT_EQ(queue.next(kStart), model::kMetaGroup);
  EXPECT_FALSE(queue.next(kStart));
  queue.forget(kLarge);
  EXPECT_EQ(queue.next(kStart), kOther) << "the directory holds up nobody";
}

TEST(SnapshotQueue, ForgetsOneOfWhichAnotherStateIsToCome) {
  SnapshotQueue queue;
  queue.wait(kLarge);
  queue.forget(kLarge);
  EXPECT_FALSE(queue.next(kStart));
}

}  // namespace
}  // namespace coffer::actors

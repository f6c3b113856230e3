// SnapshotSpeed: a group's snapshot that comes again right after the last one is taken faster, others are not.

#include <gtest/gtest.h>

#include "actors/snapshot_speed.hpp"

namespace coffer::actors {
namespace {

using std::chrono::seconds;
const auto kOrigin = Pace::Clock::time_point(std::chrono::hours(1));
constexpr model::GroupId kBusy{3};

TEST(SnapshotSpeed, DoublesEachTimeThatTheSnapshotComesAgainAtOnce) {
  SnapshotSpeed speed;
  auto now = kOrigin;
  for (const unsigned expected : {1U, 2U, 4U, 8U, 16U, 16U}) {
    EXPECT_EQ(speed.announced(kBusy, now), expected);
    now += seconds(100);  // however long it takes
    speed.whole(kBusy, now);
    now += seconds(3);
  }
}

TEST(SnapshotSpeed, IsThePaceForAGroupWhoseLastSnapshotWasEnough) {
  SnapshotSpeed speed;
  EXPECT_EQ(speed.announced(kBusy, kOrigin), 1U);
  speed.whole(kBusy, kOrigin + seconds(5));
  EXPECT_EQ(speed.announced(kBusy, kOrigin + seconds(10)), 2U);
  speed.whole(kBusy, kOrigin + seconds(15));
  EXPECT_EQ(speed.announced(kBusy, kOrigin + seconds(80)), 1U) << "it followed for a minute";
  EXPECT_EQ(speed.announced(model::GroupId(4), kOrigin + seconds(81)), 1U) << "another group";
}

TEST(SnapshotSpeed, StaysForASnapshotThatANewerOneReplacesUnderWay) {
  SnapshotSpeed speed;
  EXPECT_EQ(speed.announced(kBusy, kOrigin), 1U);
  EXPECT_EQ(speed.announced(kBusy, kOrigin + seconds(1)), 1U);
  speed.whole(kBusy, kOrigin + seconds(5));
  EXPECT_EQ(speed.announced(kBusy, kOrigin + seconds(6)), 2U);
  EXPECT_EQ(speed.announced(kBusy, kOrigin + seconds(7)), 2U);
}

}  // namespace
}  // namespace coffer::actors

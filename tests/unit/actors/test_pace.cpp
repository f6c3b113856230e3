// A backup takes so many bytes in a second and no more, whatever it has not taken before.

#include <gtest/gtest.h>

#include "actors/pace.hpp"

namespace coffer::actors {
namespace {

using std::chrono::milliseconds;

TEST(Pace, GivesTheRateAwayEvenlyAndNothingOfWhatWasNotUsed) {
  Pace pace(1'000'000);
  auto now = Pace::Clock::time_point(std::chrono::hours(1));
  EXPECT_EQ(pace.wait_for(100'000, now), milliseconds(0));
  EXPECT_EQ(pace.wait_for(100'000, now), milliseconds(100));
  EXPECT_EQ(pace.wait_for(100'000, now), milliseconds(200));
  now += std::chrono::seconds(10);  // the reader was slow
  EXPECT_EQ(pace.wait_for(100'000, now), milliseconds(0));
  EXPECT_EQ(pace.wait_for(100'000, now), milliseconds(100)) << "ten seconds' bytes are not given at once";
}

TEST(Pace, WithoutARateNobodyWaits) {
  Pace pace(0);
  const auto now = Pace::Clock::now();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pace.wait_for(1 << 30, now), milliseconds(0));
}

}  // namespace
}  // namespace coffer::actors

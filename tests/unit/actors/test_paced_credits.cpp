// PacedCredits: a credit goes when its chunk is written and its time has come, in order.

#include <gtest/gtest.h>

#include "actors/paced_credits.hpp"

namespace coffer::actors {
namespace {

using std::chrono::milliseconds;
const auto kBegin = Pace::Clock::time_point(std::chrono::hours(1));

TEST(PacedCredits, WaitForTheDiskAndForTheirTime) {
  PacedCredits credits;
  credits.taken(1, kBegin);
  credits.taken(2, kBegin + milliseconds(50));
  EXPECT_FALSE(credits.next(kBegin)) << "not written";
  credits.written(2);
  EXPECT_EQ(credits.next(kBegin), 1U);
  EXPECT_FALSE(credits.next(kBegin + milliseconds(49)));
  EXPECT_EQ(credits.next(kBegin + milliseconds(50)), 2U);
  EXPECT_FALSE(credits.next(kBegin + milliseconds(50)));
}

TEST(PacedCredits, AChunkThatIsNotWrittenHoldsBackWhatFollows) {
  PacedCredits credits;
  credits.taken(1, kBegin);
  credits.taken(2, kBegin);
  credits.written(1);
  EXPECT_EQ(credits.next(kBegin), 1U);
  EXPECT_FALSE(credits.next(kBegin + milliseconds(1000)));
}

TEST(PacedCredits, TogetherWithAPaceGiveTheRateOnAverage) {
  PacedCredits credits;
  Pace pace(1'000'000);
  auto now = kBegin;
  std::uint64_t given = 0;
  for (std::uint64_t number = 1; number <= 100; ++number) {
    credits.taken(number, now + pace.wait_for(10'000, now));
    credits.written(number);
  }
  for (; given < 100 && now < kBegin + std::chrono::seconds(10); now += milliseconds(1)) {
    while (credits.next(now)) ++given;
  }
  EXPECT_EQ(given, 100U);
  EXPECT_GE(now - kBegin, milliseconds(990)) << "a megabyte at a megabyte per second";
}

}  // namespace
}  // namespace coffer::actors

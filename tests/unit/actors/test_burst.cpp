// When what may wait is sent: at the end of a burst, and on a node that is never at rest before long.

#include <gtest/gtest.h>

#include "actors/burst.hpp"

namespace coffer::actors {
namespace {

TEST(Burst, ends_with_the_last_one_when_something_waits) {
  Burst burst;
  burst.begin();
  burst.begin();
  burst.begin();
  burst.leave_waiting();
  EXPECT_FALSE(burst.end());
  EXPECT_FALSE(burst.end());
  EXPECT_TRUE(burst.end());
  burst.begin();
  EXPECT_FALSE(burst.end()) << "nothing waits any more";
}

TEST(Burst, that_never_ends_keeps_nobody_waiting_for_long) {
  Burst burst;
  burst.begin();  // and does not end
  int sent = 0;
  for (int i = 0; i < 640; ++i) {
    burst.begin();
    burst.leave_waiting();
    sent += burst.end() ? 1 : 0;
  }
  EXPECT_EQ(sent, 10);
}

}  // namespace
}  // namespace coffer::actors

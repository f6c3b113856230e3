// A restored or imported tenant: no position of an earlier life means anything in the new one, and its numbers stay such
// as clients can read.

#include <gtest/gtest.h>

#include "actors/new_life.hpp"
#include "model/watch.hpp"

namespace coffer::actors {
namespace {

using Time = std::chrono::system_clock::time_point;

constexpr Time kNow{std::chrono::seconds(1'795'000'000)};

store::v1::TenantHeader copied(std::uint32_t epoch, std::uint64_t revision) {
  store::v1::TenantHeader header;
  header.set_epoch(epoch);
  header.set_revision(revision);
  header.set_continuous_epoch(1);
  header.set_oldest_change(1);
  return header;
}
model::Revision revision_of(const store::v1::TenantHeader& header) { return {header.epoch(), header.revision()}; }

TEST(NewLife, ItsRevisionsAreOneNumberThatJsonHasExactly) {
  for (const std::uint32_t epoch : {1U, 7U, 4095U, 4096U, 1'795'000'000U}) {
    auto header = copied(epoch, 600);
    begin_new_life(header, kNow + std::chrono::years(60));
    const std::uint64_t number = model::to_number(revision_of(header));
    EXPECT_LT(number, 1ULL << 53) << "from epoch " << epoch;
    EXPECT_EQ(model::to_revision(number), revision_of(header));
  }
}

TEST(NewLife, NothingOfBeforeIsKeptForWatchers) {
  auto header = copied(2, 600);
  begin_new_life(header, kNow);
  EXPECT_EQ(header.epoch(), 3U);
  EXPECT_EQ(header.continuous_epoch(), 0U);
  EXPECT_EQ(header.oldest_change(), header.revision() + 1) << "the next one is the first";
}

TEST(NewLife, TwoOfOneCopyHaveNoRevisionInCommon) {
  auto first = copied(2, 600), second = first;
  begin_new_life(first, kNow);
  const std::uint64_t told = first.revision() + 50'000;  // by the end of it
  begin_new_life(second, kNow + std::chrono::minutes(2));
  EXPECT_GT(second.revision(), told);
}

TEST(NewLife, AMoveOfTheCopysTenantMeanwhileDoesNotTakeItsPlace) {
  // A backup at (1, 500), then a move: (2, 501) to (2, 600) are told. The restored tenant is of epoch 2 as well.
  auto restored = copied(1, 500);
  begin_new_life(restored, kNow);
  EXPECT_EQ(restored.epoch(), 2U);
  EXPECT_GT(restored.oldest_change(), 601U) << "whoever resumes behind 600 hears that he has to list";
}

TEST(NewLife, ItsMovesHaveGreaterNumbersThanAnyMarkOfAnEarlierOne) {
  EXPECT_GT(first_move_of_life(kNow), 1'000'000U);
  EXPECT_GT(first_move_of_life(kNow + std::chrono::minutes(1)), first_move_of_life(kNow) + 50);
  EXPECT_EQ(first_move_of_life(Time{}), 0U) << "a clock that stands at the epoch";
}

}  // namespace
}  // namespace coffer::actors

// An actor that goes down without an answer is an error of its caller, no exception in his thread.

#include "actors/kept_promise.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace coffer::actors {
namespace {

using model::Code;

TEST(KeptPromise, IsWhatWasAnswered) {
  std::promise<model::Result<int>> promise;
  auto answer = promise.get_future();
  promise.set_value(7);
  EXPECT_EQ(*kept(answer, Code::unavailable), 7);
}

TEST(KeptPromise, ThatWasDroppedIsAnError) {
  auto promise = std::make_unique<std::promise<model::Result<int>>>();
  auto answer = promise->get_future();
  promise.reset();
  ASSERT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(kept(answer, Code::outcome_unknown).error().code, Code::outcome_unknown);
}

}  // namespace
}  // namespace coffer::actors

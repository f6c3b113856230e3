// What a listener does between two requests of a stream: goes on from where the last answer ended, waits for what
// passes, and ends when it does not pass.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coffer/v1/secrets.pb.h"
#include "net/native/watch.hpp"
#include "net/streaming.hpp"

namespace coffer::net {
namespace {

using model::Code;
using What = Streaming::Outcome::What;
using ::testing::ElementsAre;

class StreamingTest : public ::testing::Test {
 protected:
  StreamingTest() {
    method.advance = native::advance;
    first.operation = model::TenantOperation(*native::to_operation(v1::WatchRequest(), ""));
    streaming.emplace(method, first, start);
  }
  static model::Result<model::Reply> reply(std::vector<model::WatchedChange> changes, std::uint64_t next) {
    return model::Reply{{1, next - 1}, model::ReplyBody(model::WatchReply{std::move(changes), next})};
  }
  static model::WatchedChange change(std::uint64_t revision, std::string name) {
    return {revision, model::ChangeType::put, "kv", std::move(name), 1, 1'700'000'000'000};
  }
  static const model::Watch& watch_of(const model::Request& request) {
    return std::get<model::Watch>(std::get<model::TenantOperation>(request.operation));
  }
  Method method;
  model::Request first;
  const Clock::time_point start = Clock::now();
  std::optional<Streaming> streaming;
};

constexpr std::uint64_t kEpoch = 1ULL << 40;

TEST_F(StreamingTest, TheFirstRequestWaitsForNothingAndLaterOnesDo) {
  EXPECT_EQ(watch_of(streaming->request(1000)).wait_ms, 0);
  ASSERT_EQ(streaming->answered(reply({}, 8), start).what, What::tell);
  const auto next = streaming->request(1000);
  EXPECT_EQ(watch_of(next).wait_ms, kStreamWait.count());
  EXPECT_EQ(watch_of(next).from, (model::Revision{1, 8}));
  EXPECT_GT(next.info.deadline, 1000 + kStreamWait.count()) << "the shard answers before its deadline";
  EXPECT_LE(next.info.deadline, 1000 + 60'000);
}

TEST_F(StreamingTest, EventsNameTheRevisionToResumeFromOnlyBehindItsLastChange) {
  const auto outcome = streaming->answered(reply({change(5, "a"), change(5, "b"), change(6, "c")}, 9), start);
  std::vector<std::string> ids;
  for (const auto& event : outcome.part.events) ids.push_back(event.id);
  EXPECT_THAT(ids, ElementsAre("", std::to_string(kEpoch + 5), std::to_string(kEpoch + 6)))
      << "who is cut within a revision hears it again as a whole";
  EXPECT_EQ(outcome.part.position, std::to_string(kEpoch + 8));
}

TEST_F(StreamingTest, TellsProgressOnlyWhenThePositionMoved) {
  EXPECT_NE(streaming->answered(reply({}, 8), start).part.progress, nullptr);
  EXPECT_EQ(streaming->answered(reply({}, 8), start).part.progress, nullptr);
  EXPECT_NE(streaming->answered(reply({}, 9), start).part.progress, nullptr);
}

TEST_F(StreamingTest, AFailureBeforeTheFirstAnswerEndsIt) {
  const auto outcome = streaming->answered(Code::unavailable, start);
  EXPECT_EQ(outcome.what, What::end);
  EXPECT_EQ(outcome.error.code, Code::unavailable);
}

TEST_F(StreamingTest, WhatMayPassIsWaitedForAndThenGivenUp) {
  ASSERT_EQ(streaming->answered(reply({}, 8), start).what, What::tell);
  for (const Code code : {Code::unavailable, Code::outcome_unknown, Code::overloaded, Code::deadline_exceeded}) {
    EXPECT_EQ(streaming->answered(code, start + kStreamPatience / 2).what, What::pause);
    EXPECT_EQ(streaming->answered(code, start + kStreamPatience).what, What::end);
  }
  EXPECT_EQ(watch_of(streaming->request(0)).from, (model::Revision{1, 8})) << "its place is kept";
}

TEST_F(StreamingTest, WhatDoesNotPassEndsItAtOnce) {
  ASSERT_EQ(streaming->answered(reply({}, 8), start).what, What::tell);
  for (const Code code : {Code::unauthenticated, Code::permission_denied, Code::revision_compacted, Code::data_loss}) {
    EXPECT_EQ(streaming->answered(code, start).what, What::end);
  }
}

TEST(WatchRequest, AnEventSourceThatComesBackGoesOnBehindWhatItHasSeen) {
  v1::WatchRequest in;
  in.set_from_revision(3);
  const auto from = [&](std::string_view last) {
    return std::get<model::Watch>(native::to_operation(in, last).value()).from;
  };
  EXPECT_EQ(from(""), (model::Revision{0, 3}));
  EXPECT_EQ(from(std::to_string(kEpoch + 41)), (model::Revision{1, 42}));
  for (const char* bad : {"x", "-1", "1 ", "18446744073709551615", "99999999999999999999"}) {
    EXPECT_EQ(native::to_operation(in, bad).error().code, Code::invalid_argument) << bad;
  }
}

}  // namespace
}  // namespace coffer::net
